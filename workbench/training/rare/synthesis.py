"""Questions made from the knowledge file, with a chosen share of rare conditions, with or without pictures.

MedSSR draws a random number for each question and takes a rare condition when it falls below the share. Here
the rare numbers are spread evenly instead: the same share, exact in every run.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from workbench.errors import UserFacing
from workbench.imaging.load import from_array
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question
from workbench.phantoms import DRAWERS, Kind, Phantom
from workbench.phantoms.questions.findings import finding_samples
from workbench.phantoms.questions.phrasing import rephrase
from workbench.phantoms.rare import RARE, draw_rare
from workbench.phantoms.sample import TAGS
from workbench.training.rare.knowledge import (
    Knowledge,
    drawable_kinds,
    findings_table,
    load_knowledge,
    ordinary_findings,
)
from workbench.training.sft.records import Box, Record

SOURCE = "synthesised"
_OPTIONS = 4
_STREAM, _PLACES, _PHASE = 7001, 7002, 7003  # keep these draws apart from every other use of the same seed


class Synthesised(NamedTuple):
    """`record.answer` is the gold answer: it is there to measure with and takes no part in labelling."""

    question: Question
    image: MedicalImage | None
    record: Record


def is_rare(number: int, rare_share: float, seed: int) -> bool:
    """Whether question `number` is on a rare condition: of any n in a row, n · share ± 1 are."""
    phase = np.random.default_rng([_PHASE, seed]).random()
    return math.floor((number + 1) * rare_share + phase) > math.floor(number * rare_share + phase)


def place_answer(options: Sequence[str], answer: str, number: int, seed: int) -> tuple[str, ...]:
    """The options in order with the answer moved to question `number`'s place.

    n options in n numbers in a row from a multiple of n give every letter once.
    """
    others = [option for option in options if option != answer]
    block, within = divmod(number, len(options))
    place = int(np.random.default_rng([_PLACES, seed, block]).permutation(len(options))[within])
    return (*others[:place], answer, *others[place:])


def synthesise(
    count: int,
    rare_share: float,
    *,
    seed: int = 0,
    images: bool = False,
    size: int = 224,
    first: int = 0,
    knowledge: Knowledge | None = None,
) -> Iterator[Synthesised]:
    """Questions `first` to `first + count - 1` of the endless series of (seed, rare_share, images, size).

    Without `images` they are multiple-choice questions of knowledge, for a text-only model too; with them
    the phantom of the condition is drawn, `size` pixels square, and asked about. Raises UserFacing for a
    share outside 0..1 or fewer than one question.
    """
    if not 0 <= rare_share <= 1:
        raise UserFacing(f"The rare share can't be {rare_share}.", "Give a number from 0 to 1.")
    if count < 1:
        raise UserFacing(f"{count} questions can't be made.", "Ask for at least one.")
    known = knowledge or load_knowledge()
    for number in range(first, first + count):
        rare = is_rare(number, rare_share, seed)
        rng = np.random.default_rng([_STREAM, seed, number])
        if images:
            yield _drawn(rng, known, number, seed, rare, size)
        else:
            yield _made_question(rng, known, number, seed, rare)


def _made_question(
    rng: np.random.Generator, known: Knowledge, number: int, seed: int, rare: bool
) -> Synthesised:
    """One multiple-choice question of knowledge."""
    pool = [condition for condition in known.conditions if condition.rare == rare]
    condition = pool[int(rng.integers(len(pool)))]
    template = condition.questions[int(rng.integers(len(condition.questions)))]
    answer = known.field(condition, template.answer)
    wrong = [str(text) for text in rng.permutation(known.wrong(condition, template.answer))]
    options = place_answer((answer, *wrong[: _OPTIONS - 1]), answer, number, seed)
    name = _name(number, seed, (condition.name, template.ask, *options))
    record = Record(name, template.ask, answer, None, options, rare=rare, source=SOURCE)
    return Synthesised(Question(template.ask, options), None, record)


def _drawn(
    rng: np.random.Generator, known: Knowledge, number: int, seed: int, rare: bool, size: int
) -> Synthesised:
    """One question on the phantom of a condition."""
    phantom = _phantom(rng, rare, size)
    table = findings_table(phantom.kind, phantom.finding, known)
    samples = finding_samples(rng, phantom, table)
    sample = rephrase(rng, samples[int(rng.integers(len(samples)))], "train")
    options = place_answer(sample.options, sample.answer, number, seed)
    encoded = _png(phantom.pixels)
    digest = hashlib.sha256(encoded).hexdigest()
    record = Record(
        _name(number, seed, (digest, sample.question, *options)),
        sample.question,
        sample.answer,
        encoded,
        options,
        tag=TAGS[sample.modality],
        boxes=_boxes(phantom, sample.evidence),
        rare=rare,
        source=SOURCE,
    )
    image = from_array(phantom.pixels, "phantom", sample.modality)
    return Synthesised(Question(sample.question, options), image, record)


def _phantom(rng: np.random.Generator, rare: bool, size: int) -> Phantom:
    if rare:
        return draw_rare(rng, size, list(RARE)[int(rng.integers(len(RARE)))])
    kinds = drawable_kinds()
    kind: Kind = kinds[int(rng.integers(len(kinds)))]
    findings = ordinary_findings(kind)
    return DRAWERS[kind](rng, size, findings[int(rng.integers(len(findings)))])


def _boxes(phantom: Phantom, evidence: tuple[str, ...]) -> tuple[Box, ...]:
    regions = (region for region in phantom.lesions if region.name in evidence)
    return tuple(tuple(float(edge) for edge in region.box) for region in regions)


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def _name(number: int, seed: int, content: Sequence[str]) -> str:
    """An id that changes with the content, so that a resumed run never takes one question for another."""
    digest = hashlib.sha256("\n".join(content).encode()).hexdigest()[:12]
    return f"{SOURCE}/{seed}/{number:06d}-{digest}"
