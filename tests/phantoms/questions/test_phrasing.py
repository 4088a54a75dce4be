"""Rephrasing keeps the meaning, and test phrasings never appear in training."""

import numpy as np
import pytest

from workbench.phantoms import DRAWERS, draw_phantom
from workbench.phantoms.questions import ask
from workbench.phantoms.questions.phrasing import families, rephrase


def test_no_phrasing_is_in_two_places():
    every = [
        text for family in families() for part in (family.seen, family.train, family.test) for text in part
    ]
    assert len(every) == len(set(every))
    for family in families():
        slots = {"{f}" in text for part in (family.seen, family.train, family.test) for text in part}
        assert len(slots) == 1


@pytest.mark.parametrize("kind", [kind for kind in DRAWERS if kind != "unknown"])
def test_every_question_of_a_phantom_has_a_held_out_phrasing(kind):
    rng = np.random.default_rng(0)
    trained = {text for family in families() for text in family.seen + family.train}
    for seed in range(30):
        for sample in ask(rng, draw_phantom(seed, kind, 96)):
            other = rephrase(rng, sample, "test")
            assert other.question != sample.question
            assert other.question not in trained
            assert (other.answer, other.options) == (sample.answer, sample.options)


def test_what_is_asked_about_is_kept():
    rng = np.random.default_rng(1)
    sample = next(
        s
        for seed in range(9)
        for s in ask(rng, draw_phantom(seed, "chest", 96))
        if s.question_type == "presence"
    )
    named = sample.statements[2].topic
    for split in ("train", "test"):
        for _ in range(20):
            assert named in rephrase(rng, sample, split).question
