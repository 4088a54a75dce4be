"""Where reinforcement takes its questions from: drawn phantoms, and records of real data, in turn."""

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np

from workbench.bench.scores.composite import invalid_reason
from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.models.answer import Question
from workbench.training.rl.reinforce import Problem, Problems, problems_from_phantoms
from workbench.training.sft.records import Record


def record_problem(record: Record, shown: bool) -> Problem:
    """The problem of a record, its options shown or not; raises UserFacing for an unreadable image."""
    image = None if record.image is None else load_image(record.image)
    return Problem(image, Question(record.question, record.options if shown else ()), record)


def problems_from_records(
    records: Sequence[Record], seed: int, *, first: int = 0, stride: int = 1, options: float = 0.5
) -> Iterator[Problem]:
    """Endless problems; the n-th follows from (seed, n) alone, records drawn with replacement.

    Records whose gold answer the reward would zero (a single digit) are passed over.
    """
    usable = [number for number in range(len(records)) if not invalid_reason(records[number].answer)]
    if not usable:
        raise UserFacing(
            f"The reward gives nothing for any of the {len(records):,} gold answers.",
            "Give rows whose answers are words of more than one character.",
        )
    for number in count(first, stride):
        rng = np.random.default_rng([seed, number])
        record = records[usable[int(rng.integers(len(usable)))]]
        yield record_problem(record, bool(rng.random() < options))


def mixed_problems(records: Sequence[Record], seed: int, phantoms: float) -> Problems:
    """Problems for `reinforce`: problem n is drawn in a share `phantoms`, else a record; resumable by number.

    Without records all are drawn.
    """

    def stream(first: int, stride: int) -> Iterator[Problem]:
        for number in count(first, stride):
            draw = np.random.default_rng([seed, number, 1]).random() >= 1 - phantoms
            if records and not draw:
                yield next(problems_from_records(records, seed, first=number))
            else:
                yield next(problems_from_phantoms(seed, first=number))

    return stream
