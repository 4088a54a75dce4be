"""Questions whose evidence is known: held-out phantoms to the pixel, real pictures with marked regions.

The phantoms are drawn from their seeds when they are needed, so they agree across processors to one grey
level (`phantoms/seeds.py`): scores compare by their intervals, not digit by digit.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workbench.errors import UserFacing
from workbench.explain.metrics import region_mask
from workbench.imaging import from_array, load_image
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question
from workbench.phantoms import DRAWERS, Phantom, draw_phantom
from workbench.phantoms.questions import ask
from workbench.phantoms.questions.phrasing import rephrase
from workbench.phantoms.sample import Sample
from workbench.phantoms.seeds import HELD_OUT_SEED

Origin = Literal["phantom", "real"]
SIZE = 224
# Above the seeds of training and, within each kind, above those of the bundled benchmark.
FIRST_NUMBER = 1_000
KIND_STEP = 10_000
MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class GroundingItem:
    """A question, its right answer, and the region bool `[H, W]` (original pixels) that the answer rests on.

    `group` names what must be resampled together (the picture); `task` is the kind of phantom or modality.
    """

    item_id: str
    origin: Origin
    task: str
    group: str
    image: MedicalImage
    question: Question
    answer: str
    region: np.ndarray


def phantom_items(limit: int, first: int = FIRST_NUMBER) -> Iterator[GroundingItem]:
    """One question on each of `limit` never-trained phantoms that show a finding, the kinds in turn.

    Pictures come from seeds above HELD_OUT_SEED, questions from phrasings that training never draws; only
    findings with a drawn place (`Sample.evidence` among the lesions) are asked about.
    """
    made, number = 0, first
    while made < limit:
        for index, kind in enumerate(DRAWERS):
            phantom = draw_phantom(HELD_OUT_SEED + KIND_STEP * index + number, kind, SIZE)
            item = _phantom_item(phantom, f"{kind}-{number}")
            if item is not None and made < limit:
                made += 1
                yield item
        number += 1
        if number - first >= KIND_STEP - FIRST_NUMBER:
            raise UserFacing(f"There are no {limit} held-out phantoms.", "Use a smaller --limit.")


def _phantom_item(phantom: Phantom, name: str) -> GroundingItem | None:
    rng = np.random.default_rng([HELD_OUT_SEED, *name.encode()])
    samples = [sample for sample in ask(rng, phantom) if _lesions(phantom, sample).any()]
    if not samples:
        return None
    sample = rephrase(rng, samples[int(rng.integers(len(samples)))], "test")
    options = tuple(str(option) for option in rng.permutation(sample.options))
    return GroundingItem(
        name, "phantom", phantom.kind, name, from_array(phantom.pixels), Question(sample.question, options),
        sample.answer, _lesions(phantom, sample),
    )  # fmt: skip


def _lesions(phantom: Phantom, sample: Sample) -> np.ndarray:
    """Union of the lesions that a sample's finding sentence is about, bool `[H, W]`; empty without any."""
    masks = [region.mask for region in phantom.lesions if region.name in sample.evidence]
    return np.any(masks, axis=0) if masks else np.zeros(phantom.pixels.shape[:2], bool)


def real_items(folder: Path, limit: int | None = None) -> Iterator[GroundingItem]:
    """Closed and option-free questions with `region_ids` of a folder that holds `manifest.jsonl`.

    Boxes are x0, y0, x1, y1 in pixels of the stored picture. One question a picture, the first that can be
    used; a region that covers more than half of the picture is left out, since pointing at it proves
    nothing. Raises UserFacing without a manifest, or for a line of it that can't be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserFacing(f"{str(folder)!r} holds no {MANIFEST}.", "Name a folder of pictures with regions.")
    made = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if limit is not None and made >= limit:
            return
        try:
            item = _real_item(folder, json.loads(line)) if line.strip() else None
        except (ValueError, KeyError, TypeError) as error:
            raise UserFacing(
                f"Line {number} of {MANIFEST} can't be read ({error!r}).", "Mend or delete it."
            ) from error
        if item is not None:
            made += 1
            yield item


def _real_item(folder: Path, record: dict[str, Any]) -> GroundingItem | None:
    boxes = {region["id"]: region["box"] for region in record.get("regions") or ()}
    for entry in record.get("qa") or ():
        named = [boxes[name] for name in entry.get("region_ids") or () if name in boxes]
        if not named or not entry.get("answer"):
            continue
        image = load_image(folder / record["file"])
        region = region_mask((image.width, image.height), np.array(named, np.float64))
        if region.mean() > 0.5:
            continue
        question = Question(entry["question"], tuple(entry.get("options") or ()))
        return GroundingItem(
            f"{record['id']}-{entry['qid']}", "real", record["modality"], record["id"], image, question,
            entry["answer"], region,
        )  # fmt: skip
    return None
