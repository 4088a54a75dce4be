"""Warm start of the vision tower: say for every patch which structures it covers, and what the picture is.

Dense targets teach a small tower where things are far sooner than words do; the heads are thrown away.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset
from transformers import LlavaForConditionalGeneration

from workbench.training.architecture import Size
from workbench.training.corpus import CorpusImage, region_name
from workbench.training.phantoms import DRAWERS, draw_phantom
from workbench.training.pictures import jitter, load_square, pad_square, random_affine, to_tensor, warp
from workbench.training.stream import random_phantom_seed

SAME_AS = {"effusion": "pleural effusion", "infiltrate": "consolidation", "lung cancer": "mass"}
PHANTOM_REGIONS = (
    "lung", "heart", "nodule", "consolidation", "pleural effusion", "cardiomegaly", "brain", "ventricle", "mass",
    "haematoma", "infarct", "white blood cell", "red blood cell", "platelet", "optic disc", "vessels",
    "haemorrhages", "exudates", "skin lesion",
)  # fmt: skip


@dataclass
class VisionBatch:
    """`covers` float32 `[B, P, C]` share of each patch that structure c covers; `known` bool `[B, C]`;
    `scene` int64 `[B]` picture category."""

    pixels: torch.Tensor
    covers: torch.Tensor
    known: torch.Tensor
    scene: torch.Tensor


def structure_name(label: str) -> str:
    name = region_name(label)
    return SAME_AS.get(name, name)


def class_names(images: list[CorpusImage]) -> tuple[list[str], list[str]]:
    """Structure classes and scene classes present in the corpus and the phantoms."""
    structures = list(PHANTOM_REGIONS)
    labels = {structure_name(label) for image in images for label, _ in image.regions}
    labels |= {structure_name(label) for image in images for label in image.mask_labels.values()}
    structures += sorted(labels - set(structures))
    scenes = sorted({f"{image.modality}|{image.body_part}" for image in images}) + [
        f"phantom {k}" for k in DRAWERS
    ]
    return structures, scenes


def _regions(image: CorpusImage, side: int) -> dict[str, np.ndarray]:
    """Structure name → uint8 mask on the padded square of `side` pixels."""
    found: dict[str, np.ndarray] = {}
    longest = max(image.width, image.height)
    dx, dy = (longest - image.width) // 2, (longest - image.height) // 2
    if image.mask_path is not None:
        labels = cv2.imread(str(image.mask_path), cv2.IMREAD_GRAYSCALE)
        labels = cv2.resize(pad_square(labels, 0)[0], (side, side), interpolation=cv2.INTER_NEAREST)
        for value, label in image.mask_labels.items():
            name = structure_name(label)
            found[name] = np.maximum(found.get(name, 0), (labels == value).astype(np.uint8))
    boxed: dict[str, np.ndarray] = {}
    for label, box in image.regions:
        name = structure_name(label)
        if name in found:
            continue
        mask = boxed.setdefault(name, np.zeros((side, side), np.uint8))
        x0, y0, x1, y1 = (round((v + d) * side / longest) for v, d in zip(box, (dx, dy, dx, dy), strict=True))
        mask[y0:y1, x0:x1] = 1
    return found | boxed


class VisionStream(IterableDataset):
    """Yields VisionBatch from real pictures with regions and phantoms."""

    def __init__(
        self, images: list[CorpusImage], size: Size, *, seed: int, pictures: int = 32, first: int = 0
    ):
        self.images, self.size, self.seed, self.pictures, self.first = images, size, seed, pictures, first
        self.structures, self.scenes = class_names(images)

    def __iter__(self) -> Iterator[VisionBatch]:
        number = self.first
        while True:
            rng = np.random.default_rng([self.seed, number])
            rows = [
                self._real(rng) if rng.random() < 0.5 else self._phantom(rng) for _ in range(self.pictures)
            ]
            pixels, covers, known, scene = zip(*rows, strict=True)
            yield VisionBatch(
                torch.stack(pixels),
                torch.from_numpy(np.stack(covers)),
                torch.from_numpy(np.stack(known)),
                torch.tensor(scene),
            )
            number += 1

    def _target(self, regions: dict[str, np.ndarray]) -> np.ndarray:
        grid = self.size.grid
        out = np.zeros((grid * grid, len(self.structures)), np.float32)
        for name, mask in regions.items():
            share = cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)
            column = self.structures.index(name)
            out[:, column] = np.maximum(out[:, column], share.reshape(-1))
        return out

    def _real(self, rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray, np.ndarray, int]:
        image = self.images[int(rng.integers(len(self.images)))]
        square = load_square(image.path, 256)
        matrix = random_affine(rng, 256)
        pixels = jitter(rng, warp(square, matrix, int(square[:4, :4].mean())))
        regions = {n: warp(m, matrix, 0, cv2.INTER_NEAREST) for n, m in _regions(image, 256).items()}
        # Real annotation is partial: only what an image names is known to be absent elsewhere.
        known = np.array([name in regions for name in self.structures])
        scene = self.scenes.index(f"{image.modality}|{image.body_part}")
        return to_tensor(pixels, self.size.image), self._target(regions), known, scene

    def _phantom(self, rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray, np.ndarray, int]:
        kind = str(rng.choice(list(DRAWERS)))
        phantom = draw_phantom(random_phantom_seed(rng), kind, 192)
        regions: dict[str, np.ndarray] = {}
        for region in (*phantom.anatomy, *phantom.lesions):
            regions[region.name] = np.maximum(regions.get(region.name, 0), region.mask.astype(np.uint8))
        known = np.array([name in PHANTOM_REGIONS for name in self.structures])
        scene = self.scenes.index(f"phantom {kind}")
        return to_tensor(phantom.pixels, self.size.image), self._target(regions), known, scene


class PatchReader(nn.Module):
    """Vision tower and projector of a LLaVA model with two throw-away heads on the projected tokens."""

    def __init__(self, model: LlavaForConditionalGeneration, structures: int, scenes: int) -> None:
        super().__init__()
        self.tower = model.model.vision_tower
        self.projector = model.model.multi_modal_projector
        width = model.config.text_config.hidden_size
        self.norm = nn.LayerNorm(width)
        self.structure_head = nn.Linear(width, structures)
        self.scene_head = nn.Linear(width, scenes)

    def loss(self, batch: VisionBatch) -> torch.Tensor:
        """Binary cross entropy of patch covers (classes known in the picture only) plus scene loss."""
        hidden = self.tower(batch.pixels, output_hidden_states=True).hidden_states[-1]
        tokens = self.norm(self.projector(hidden))
        dense = nn.functional.binary_cross_entropy_with_logits(
            self.structure_head(tokens), batch.covers, reduction="none"
        ).mean(1)
        known = batch.known.float()
        scene = nn.functional.cross_entropy(self.scene_head(tokens.mean(1)), batch.scene)
        return 10 * (dense * known).sum() / known.sum().clamp(min=1) + 0.3 * scene
