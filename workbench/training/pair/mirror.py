"""Mirror images: a picture flipped left to right, with the side words of its questions swapped.

Only pictures whose anatomy is about symmetric are mirrored: a mirrored chest or abdomen would teach organs
on the wrong side.
"""

import re
from dataclasses import replace

from workbench.phantoms.sample import Sample, Statement

SYMMETRIC_PARTS = ("head", "brain")
SYMMETRIC_MODALITIES = ("blood smear", "histology")
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left"}


def may_mirror(modality: str, body_part: str) -> bool:
    """Whether a mirrored picture of this kind still looks like one."""
    return modality in SYMMETRIC_MODALITIES or any(part in body_part.lower() for part in SYMMETRIC_PARTS)


def swap_sides(text: str) -> str:
    """ "left" ↔ "right" as whole words, the case of the first letter kept."""

    def other(found: re.Match[str]) -> str:
        word = _OTHER[found[0].lower()]
        return word.capitalize() if found[0][0].isupper() else word

    return _SIDE.sub(other, text)


def mirrored(sample: Sample) -> Sample:
    """The same question about the mirrored picture; facts of knowledge stay as they are."""
    return replace(
        sample,
        question=swap_sides(sample.question),
        options=tuple(swap_sides(option) for option in sample.options),
        answer=swap_sides(sample.answer),
        statements=tuple(_mirrored_statement(statement) for statement in sample.statements),
    )


def _mirrored_statement(statement: Statement) -> Statement:
    if statement.axis == "knowledge":
        return statement
    return replace(statement, sentence=swap_sides(statement.sentence))
