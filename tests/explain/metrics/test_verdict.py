import numpy as np
import pytest

from workbench.explain.metrics import concentration, judge


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0] * 10, 1.0),
        ([0.0] * 9 + [3.0], 5.0),  # 2 of 10 patches hold everything: 1 / 0.2
        ([4, 2, 1, 1, 1, 1, 0, 0, 0, 0], 0.6 / 0.2),
        ([4, 2, 1, 1, 1, 1, -5, -5, -5, -5], 0.6 / 0.2),  # evidence against is no evidence
        ([3.0, 1.0, 0.0], 0.75 * 3),  # a fifth of three patches is one patch
    ],
)
def test_concentration_by_hand(values, expected):
    assert concentration(np.array(values)) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [-1.0, -2.0]])
def test_a_map_without_evidence_has_no_concentration(values):
    assert concentration(np.array(values)) is None


@pytest.mark.parametrize(
    ("focus", "loss", "chance", "expected"),
    [
        (2.0, 0.41, 0.05, "localised and causal"),
        (2.0, 0.41, 0.051, "looked but not causal"),  # 1 in 19 random orders is too many
        (1.99, 5.0, 0.05, "no localised evidence"),
        (1.0, 0.0, 1.0, "no localised evidence"),
        (4.0, -5.0, 0.05, "looked but not causal"),  # the words gain by the removal
        (4.0, 0.009, 0.05, "looked but not causal"),  # beyond chance, but of no size
        (4.0, 0.011, 0.05, "localised and causal"),
        (None, 1.0, 0.05, "not computable"),
        (4.0, None, 0.05, "not computable"),
        (4.0, 1.0, None, "not computable"),
        (4.0, float("nan"), 0.05, "not computable"),
        (4.0, 1.0, float("inf"), "not computable"),
    ],
)
def test_the_rule(focus, loss, chance, expected):
    assert judge(focus, loss, chance) == expected
