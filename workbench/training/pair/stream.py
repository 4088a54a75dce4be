"""Endless, reproducible batches: real pictures and phantoms mixed, several questions a picture.

The same seed gives the same batches on one machine; on another processor drawn pictures may differ by one
grey level in a few pixels (`phantoms/seeds.py`), and so does what is learnt from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import torch
from torch.utils.data import IterableDataset
from transformers import PreTrainedTokenizerFast

from workbench.models.answer import Mode, Question
from workbench.models.prompts import render_question
from workbench.phantoms import DRAWERS, Kind, draw_phantom
from workbench.phantoms.photographs import crop_photograph, package_photographs
from workbench.phantoms.questions import ask, caption
from workbench.phantoms.questions.findings import finding_caption, finding_samples
from workbench.phantoms.questions.phrasing import rephrase
from workbench.phantoms.questions.unknown import unknown_sample
from workbench.phantoms.rare import RARE, draw_rare
from workbench.phantoms.sample import Sample
from workbench.phantoms.seeds import HELD_OUT_SEED
from workbench.training.pair.architecture import TEMPLATES, Size
from workbench.training.pair.corpus import CorpusImage, pick_samples
from workbench.training.pair.mirror import may_mirror, mirrored
from workbench.training.pair.packing import Branch, PackedBatch, make_branch, make_gaze, pack, prefix_ids
from workbench.training.pair.pictures import jitter, load_square, random_affine, to_tensor, warp
from workbench.training.pair.targets import (
    PHANTOM_REGIONS,
    class_names,
    evidence_patches,
    image_regions,
    patch_covers,
    phantom_regions,
)
from workbench.training.rare.knowledge import findings_table, load_knowledge

Stage = Literal["base", "tuned"]
PHOTOGRAPHS = 0.4  # share of the unknown pictures that are crops of photographs, where there are any
MIRRORED = 0.5  # share of the pictures of symmetric anatomy that are flipped left to right
CAPTION_QUESTION = "Describe the image."


@dataclass(frozen=True)
class Mixture:
    """Shares of a stage; what is left of `captions` and `traces` are short answers.

    `derived` is the share of our own questions on a real picture, `rare` that of rare findings among the
    phantoms, `emphasis` the weight of concluding tokens; a batch holds `pictures`, each with so many
    `questions`.
    """

    real: float = 0.42
    captions: float = 0.0
    traces: float = 0.0
    options: float = 0.5
    derived: float = 0.3
    rare: float = 0.0
    emphasis: float = 4.0
    pictures: int = 12
    questions: int = 2
    kinds: dict[Kind, float] = field(
        default_factory=lambda: {
            "chest": 1.0,
            "brain": 1.0,
            "smear": 1.2,
            "fundus": 1.2,
            "skin": 1.4,
            "abdomen": 1.4,
            "ultrasound": 1.2,
            "histology": 1.6,
            "endoscopy": 1.3,
            "chart": 2.4,
            "unknown": 0.9,
        }  # fmt: skip
    )


MIXTURES: dict[Stage, Mixture] = {
    "base": Mixture(real=0.5, captions=0.1, traces=0.08, pictures=12, questions=5),
    "tuned": Mixture(real=0.4, traces=0.9, rare=0.04, pictures=12, questions=4),
}


@dataclass(frozen=True)
class _Shown:
    """One picture as a batch takes it: `known` marks the structures whose absence would be told."""

    square: np.ndarray
    samples: list[Sample]
    words: str
    regions: dict[str, np.ndarray]
    known: np.ndarray


def random_phantom_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(HELD_OUT_SEED))


class BatchStream(IterableDataset):
    """Yields PackedBatch; `first` lets a resumed run continue instead of repeating its data."""

    def __init__(
        self,
        images: list[CorpusImage],
        tokenizer: PreTrainedTokenizerFast,
        size: Size,
        mixture: Mixture,
        *,
        seed: int,
        first: int = 0,
    ) -> None:
        self.images, self.tokenizer, self.size, self.mixture = images, tokenizer, size, mixture
        self.seed, self.first = seed, first
        self.prefix = prefix_ids(tokenizer, size.grid**2)
        weights = np.array([self.mixture.kinds[kind] for kind in DRAWERS])
        self.kind_weights = weights / weights.sum()
        self.structures, _ = class_names(images)
        self.photographs = package_photographs("train")

    def __iter__(self) -> Iterator[PackedBatch]:
        number = self.first
        while True:
            rng = np.random.default_rng([self.seed, number])
            pixels, rows, covers, known = zip(
                *(self._picture(rng) for _ in range(self.mixture.pictures)), strict=True
            )
            batch = pack(torch.stack(pixels), self.prefix, list(rows), self.tokenizer.pad_token_id)
            batch.gaze = make_gaze(batch, list(rows), self.tokenizer.convert_tokens_to_ids("<image>"))
            batch.covers = torch.from_numpy(np.stack(covers))
            batch.known = torch.from_numpy(np.stack(known))
            yield batch
            number += 1

    def _picture(self, rng: np.random.Generator) -> tuple[torch.Tensor, list[Branch], np.ndarray, np.ndarray]:
        real = self.images and rng.random() < self.mixture.real
        shown = self._real(rng) if real else self._drawn(rng)
        covers = patch_covers(shown.regions, self.structures, self.size.grid)
        branches = [
            self._branch(rng, sample, shown.words, evidence_patches(covers, self.structures, sample.evidence))
            for sample in shown.samples
        ]
        return to_tensor(shown.square, self.size.image), branches, covers, shown.known

    def _real(self, rng: np.random.Generator) -> _Shown:
        image = self.images[int(rng.integers(len(self.images)))]
        square = load_square(image.path, 256)
        matrix = random_affine(rng, 256)
        square = jitter(rng, warp(square, matrix, int(square[:4, :4].mean())))
        marked = image_regions(image, 256)
        regions = {name: warp(mask, matrix, 0, cv2.INTER_NEAREST) for name, mask in marked.items()}
        # Real annotation is partial: only what an image names is known to be absent elsewhere.
        known = np.array([name in regions for name in self.structures])
        samples = pick_samples(rng, image, self.mixture.questions, self.mixture.derived)
        if may_mirror(image.modality, image.body_part) and rng.random() < MIRRORED:
            square = np.ascontiguousarray(square[:, ::-1])
            regions = {name: np.ascontiguousarray(mask[:, ::-1]) for name, mask in regions.items()}
            samples = [mirrored(sample) for sample in samples]
        body = f" of the {image.body_part}" if image.body_part else ""
        return _Shown(square, samples, f"A {image.modality}{body}.", regions, known)

    def _drawn(self, rng: np.random.Generator) -> _Shown:
        side = int(rng.choice((192, 224, 256)))
        if rng.random() < self.mixture.rare:
            return self._rare(rng, side)
        kind = str(rng.choice(list(DRAWERS), p=self.kind_weights))
        phantom = draw_phantom(random_phantom_seed(rng), kind, side)
        samples = self._some(rng, ask(rng, phantom))
        pixels = phantom.pixels
        if kind == "unknown" and self.photographs and rng.random() < PHOTOGRAPHS:
            path = self.photographs[int(rng.integers(len(self.photographs)))]
            pixels = crop_photograph(rng, path, phantom.pixels.shape[0])
        if kind == "unknown" and self.images:
            samples = [self._out_of_place(rng) if rng.random() < 0.5 else sample for sample in samples]
        return _Shown(pixels, samples, caption(phantom), phantom_regions(phantom), self._all_known())

    def _rare(self, rng: np.random.Generator, side: int) -> _Shown:
        phantom = draw_rare(rng, side, str(rng.choice(list(RARE))))
        table = findings_table(phantom.kind, phantom.finding, load_knowledge())
        samples = self._some(rng, finding_samples(rng, phantom, table))
        words = finding_caption(phantom, table)
        return _Shown(phantom.pixels, samples, words, phantom_regions(phantom), self._all_known())

    def _some(self, rng: np.random.Generator, every: list[Sample]) -> list[Sample]:
        """As many of the questions as a picture gets, in phrasings of training."""
        phrased = [rephrase(rng, sample, "train") for sample in every]
        return [phrased[int(i)] for i in rng.permutation(len(phrased))[: self.mixture.questions]]

    def _all_known(self) -> np.ndarray:
        """Everything that is drawn is known, so what isn't there is absent."""
        return np.array([name in PHANTOM_REGIONS for name in self.structures])

    def _out_of_place(self, rng: np.random.Generator) -> Sample:
        """A real question asked of a picture that is no medical image, its options shown or not."""
        image = self.images[int(rng.integers(len(self.images)))]
        sample = image.samples[int(rng.integers(len(image.samples)))]
        return unknown_sample(sample.question, sample.options)

    def _branch(
        self, rng: np.random.Generator, sample: Sample, words: str, evidence: tuple[int, ...]
    ) -> Branch:
        draw = rng.random()
        mode: Mode = "short"
        if draw < self.mixture.captions:
            text = render_question(Question(CAPTION_QUESTION), TEMPLATES["short"])
            return make_branch(self.tokenizer, text, words)
        if draw < self.mixture.captions + self.mixture.traces:
            mode = "trace"
        shown = rng.random() < self.mixture.options
        options = tuple(str(o) for o in rng.permutation(sample.options)) if shown else ()
        if rng.random() < 0.5:  # "Yes" and "yes" are other tokens, and both are met in the wild
            options = tuple(option[:1].upper() + option[1:] for option in options)
        text = render_question(Question(sample.question, options), TEMPLATES[mode])
        if mode == "trace":
            target, decisive = sample.reasoned(), sample.conclusion()
        else:
            target, decisive = sample.answer, (0, len(sample.answer))
        return make_branch(self.tokenizer, text, target, evidence, decisive, self.mixture.emphasis)
