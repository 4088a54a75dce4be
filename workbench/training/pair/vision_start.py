"""Warm start of the vision tower: say for every patch which structures it covers, and what the picture is.

Dense targets teach a small tower where things are far sooner than words do; the heads are thrown away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset
from transformers import LlavaForConditionalGeneration

from workbench.phantoms import DRAWERS, Kind, draw_phantom
from workbench.training.pair.architecture import Size
from workbench.training.pair.corpus import CorpusImage
from workbench.training.pair.grounding import install_grounding
from workbench.training.pair.packing import PackedBatch, packed_loss
from workbench.training.pair.pictures import jitter, load_square, random_affine, to_tensor, warp
from workbench.training.pair.targets import (
    PHANTOM_REGIONS,
    class_names,
    image_regions,
    patch_covers,
    phantom_regions,
)

POOL = 1_500  # phantoms of each kind that are drawn once and reused
REAL_SHARE = 0.3
HEADS = ("norm", "structure_head", "scene_head")  # the throw-away parts of a PatchReader
PLACES = ("row_head", "column_head")


@dataclass
class VisionBatch:
    """`covers` float32 `[B, P, C]` share of each patch that structure c covers; `known` bool `[B, C]`;
    `scene` int64 `[B]` picture category."""

    pixels: torch.Tensor
    covers: torch.Tensor
    known: torch.Tensor
    scene: torch.Tensor


class VisionStream(IterableDataset):
    """Yields VisionBatch from real pictures with regions and phantoms."""

    def __init__(
        self, images: list[CorpusImage], size: Size, *, seed: int, pictures: int = 32, first: int = 0
    ):
        self.images, self.size, self.seed, self.pictures, self.first = images, size, seed, pictures, first
        self.structures, self.scenes = class_names(images)
        self._pool: dict[tuple[int, Kind], tuple[np.ndarray, np.ndarray]] = {}

    def __iter__(self) -> Iterator[VisionBatch]:
        number = self.first
        while True:
            rng = np.random.default_rng([self.seed, number])
            rows = [
                self._real(rng) if self.images and rng.random() < REAL_SHARE else self._phantom(rng)
                for _ in range(self.pictures)
            ]
            pixels, covers, known, scene = zip(*rows, strict=True)
            yield VisionBatch(
                torch.stack(pixels),
                torch.from_numpy(np.stack(covers)),
                torch.from_numpy(np.stack(known)),
                torch.tensor(scene),
            )
            number += 1

    def _real(self, rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray, np.ndarray, int]:
        image = self.images[int(rng.integers(len(self.images)))]
        square = load_square(image.path, 256)
        matrix = random_affine(rng, 256)
        pixels = jitter(rng, warp(square, matrix, int(square[:4, :4].mean())))
        regions = {n: warp(m, matrix, 0, cv2.INTER_NEAREST) for n, m in image_regions(image, 256).items()}
        # Real annotation is partial: only what an image names is known to be absent elsewhere.
        known = np.array([name in regions for name in self.structures])
        scene = self.scenes.index(f"{image.modality}|{image.body_part}")
        return (
            to_tensor(pixels, self.size.image),
            patch_covers(regions, self.structures, self.size.grid),
            known,
            scene,
        )

    def _phantom(self, rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray, np.ndarray, int]:
        kind = str(rng.choice(list(DRAWERS)))
        pixels, covers = self._drawn(int(rng.integers(POOL)), kind)
        if rng.random() < 0.5:  # no words here, so a mirrored picture is as good as a new one
            grid = self.size.grid
            pixels = pixels[:, ::-1]
            covers = covers.reshape(grid, grid, -1)[:, ::-1].reshape(grid * grid, -1)
        known = np.array([name in PHANTOM_REGIONS for name in self.structures])
        picture = to_tensor(jitter(rng, pixels), self.size.image)
        return picture, covers.astype(np.float32), known, self.scenes.index(f"phantom {kind}")

    def _drawn(self, seed: int, kind: Kind) -> tuple[np.ndarray, np.ndarray]:
        """Drawing costs more than learning here, so a pool is drawn once and kept."""
        if (seed, kind) not in self._pool:
            phantom = draw_phantom(seed, kind, self.size.image)
            covers = patch_covers(phantom_regions(phantom), self.structures, self.size.grid)
            self._pool[seed, kind] = phantom.pixels, covers.astype(np.float16)
        return self._pool[seed, kind]


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
        self.grid = model.config.vision_config.image_size // model.config.vision_config.patch_size
        self.row_head = nn.Linear(width, self.grid)
        self.column_head = nn.Linear(width, self.grid)

    def dense_loss(self, tokens: torch.Tensor, covers: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Balanced binary cross entropy of projected tokens `[B, P, d]` against patch covers.

        A structure that is in the picture counts half for the patches it covers and half for the rest, so a
        nodule of one patch weighs as much as a lung; an absent one counts by its patches alone.
        """
        logits = self.structure_head(self.norm(tokens))
        hit = nn.functional.softplus(-logits)
        miss = nn.functional.softplus(logits)
        covered = covers.sum(1)
        present = (covered > 0).float()
        positive = (covers * hit).sum(1) / covered.clamp(min=1e-6)
        negative = ((1 - covers) * miss).sum(1) / (1 - covers).sum(1).clamp(min=1e-6)
        each = present * 0.5 * (positive + negative) + (1 - present) * negative
        weight = known.float() * (present + 0.3 * (1 - present))
        return (each * weight).sum() / weight.sum().clamp(min=1)

    def place_loss(self, tokens: torch.Tensor) -> torch.Tensor:
        """Cross entropy of reading a token's row and column off it: words like "left upper" need them."""
        read = self.norm(tokens)
        at = torch.arange(self.grid, device=tokens.device)
        rows = at.repeat_interleave(self.grid).repeat(len(tokens))
        columns = at.repeat(self.grid * len(tokens))
        by_row = nn.functional.cross_entropy(self.row_head(read).flatten(0, 1), rows)
        return by_row + nn.functional.cross_entropy(self.column_head(read).flatten(0, 1), columns)

    def loss(self, batch: VisionBatch) -> torch.Tensor:
        """Dense loss of the known structures, plus what the picture is and where each token lies."""
        hidden = self.tower(batch.pixels, output_hidden_states=True).hidden_states[-1]
        tokens = self.projector(hidden)
        scene = nn.functional.cross_entropy(self.scene_head(self.norm(tokens).mean(1)), batch.scene)
        dense = self.dense_loss(tokens, batch.covers, batch.known)
        return dense + 0.1 * scene + 0.1 * self.place_loss(tokens)


def heads_of(reader: PatchReader, structures: list[str], scenes: list[str]) -> dict[str, Any]:
    """What the next stage needs of the throw-away heads: tensors, and the names of their rows."""
    tensors = {n: t for n, t in reader.state_dict().items() if n.split(".")[0] in (*HEADS, *PLACES)}
    return {"tensors": tensors, "structures": structures, "scenes": scenes}


def take_heads(reader: PatchReader, saved: dict[str, Any], structures: list[str], scenes: list[str]) -> None:
    """Load saved heads into a reader, row by row by name: a new class starts fresh, a known one goes on."""
    own = reader.state_dict()
    rows = {"structure_head": (saved["structures"], structures), "scene_head": (saved["scenes"], scenes)}
    for name, tensor in saved["tensors"].items():
        part = name.split(".")[0]
        if part not in rows:
            own[name].copy_(tensor)
            continue
        old, new = rows[part]
        for at, label in enumerate(new):
            if label in old:
                own[name][at] = tensor[old.index(label)]


class Joint(nn.Module):
    """A language stage that goes on reading patches: next-token loss plus the dense loss of the same pass."""

    def __init__(
        self, model: LlavaForConditionalGeneration, reader: PatchReader, dense: float = 0.3, gaze: float = 0.2
    ) -> None:
        super().__init__()
        self.model, self.reader, self.dense, self.gaze = model, reader, dense, gaze
        install_grounding(model)

    def loss(self, batch: PackedBatch) -> torch.Tensor:
        """Both losses of a packed batch that carries dense targets."""
        words, tokens = packed_loss(self.model, batch)
        dense = self.reader.dense_loss(tokens, batch.covers, batch.known)
        total = words + self.dense * (dense + 0.3 * self.reader.place_loss(tokens))
        if batch.gaze and batch.gaze.losses:
            total = total + self.gaze * torch.stack(batch.gaze.losses).mean()
        return total
