"""The vectorised Token Activation Map is the plain one of the speed benchmark, word by word."""

import numpy as np
import pytest

from tests.benchmarks.tam_reference import sequential_tam
from tests.explain.cases import answer_of
from tests.tiny import picture
from workbench.explain import gather_evidence
from workbench.explain.evidence import Likeness
from workbench.explain.methods.token_activation import token_activation
from workbench.models.answer import Question


def test_the_plain_map_by_hand():
    """Word 2 at two patches, [3, 1], of which word 1 explains the first: less ¾ of [4, 0]."""
    image = np.array([[0, 0], [4, 0], [3, 1]], np.float32)
    text = np.array([[0, 0, 0], [0, 0, 0], [0, 2, 0]], np.float32)
    boxes = np.array([[0, 0, 0, 0]] * 2, np.float32)  # in no grid: the rank filter leaves them
    found = sequential_tam(Likeness(image, text, np.array([5, 6, 7])), boxes, 1)
    assert found.tolist() == [[0, 1]]


def test_both_ways_give_the_same_maps(tiny):
    prompt, answer = tiny.prepare(Question("left"), picture(60, 40)), answer_of((7, 11, 7, 23))
    evidence = gather_evidence(tiny, prompt, answer)
    plain = sequential_tam(evidence.likeness, evidence.boxes, 4)
    assert plain.max() > 0
    found = token_activation(evidence, {}).values
    assert found == pytest.approx(plain, rel=1e-5, abs=1e-6 * plain.max())
