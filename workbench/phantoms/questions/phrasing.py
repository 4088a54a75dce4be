"""Other words for the same question. Those of "test" are never trained on, so that a score is not recall."""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.phantoms.sample import Sample

PATH = Path(__file__).parent / "phrasings.json"
Split = Literal["train", "test"]


@dataclass(frozen=True)
class Family:
    """Templates that ask the same; `{f}` and `{g}` stand for what is asked about."""

    seen: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]

    def slots(self, question: str) -> dict[str, str] | None:
        """What stands for `{f}` and `{g}` in a question of this family, None for another family."""
        for template in self.seen:
            pattern = re.sub(r"\\\{([fg])\\\}", r"(?P<\1>.+)", re.escape(template))
            if match := re.fullmatch(pattern, question):
                return match.groupdict()
        return None


@cache
def families() -> tuple[Family, ...]:
    """The table of `phrasings.json`."""
    return tuple(
        Family(*(tuple(row[key]) for key in ("seen", "train", "test")))
        for row in json.loads(PATH.read_text())
    )


def rephrase(rng: np.random.Generator, sample: Sample, split: Split) -> Sample:
    """The sample with its question in other words; unchanged when no family knows the question.

    "train" draws from the first phrasings and the training ones, "test" from the held-out ones alone.
    """
    for family in families():
        slots = family.slots(sample.question)
        if slots is not None:
            choices = family.test if split == "test" else family.seen + family.train
            template = choices[int(rng.integers(len(choices)))]
            return replace(sample, question=template.format(**slots))
    return sample
