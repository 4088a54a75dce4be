"""Agreement of judges against a table worked out by hand."""

import pytest

from workbench.bench.judging.agreement import agreement, krippendorff_alpha


def test_kappa_by_hand() -> None:
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    found = agreement(pairs)
    # observed 35/50; chance 25/50 · 30/50 + 25/50 · 20/50 = 0.5; kappa 0.2/0.5
    assert (found.n, found.observed, found.expected) == (50, 0.7, 0.5)
    assert found.kappa == pytest.approx(0.4) and found.left_out == 0


def test_verdicts_of_any_kind_and_missing_ones() -> None:
    found = agreement([((2, 1), (2, 1)), ((0, 0), (0, 0)), (None, (1, 0)), ((2, 1), None)])
    assert (found.n, found.left_out, found.kappa) == (2, 2, 1.0)
    assert agreement([(None, 1)]) is None and agreement([]) is None


def test_agreement_below_chance_and_one_word_judges() -> None:
    assert agreement([(1, 0), (0, 1)]).kappa == -1.0
    same = agreement([(1, 1)] * 9)
    assert same.observed == 1.0 and same.kappa is None


def test_alpha_by_hand() -> None:
    # Pairs 1-1, 1-2, 2-2: 6 verdicts, three of each; one of them disagrees: 1 − 5 · 2 / (36 − 9 − 9)
    assert krippendorff_alpha([(1, 1), (1, 2), (2, 2)]) == pytest.approx(1 - 10 / 18)
    # One verdict alone plays no part, nor does a missing one.
    assert krippendorff_alpha([(1, 1), (1, 2), (2, None), (2, 2), (None, None)]) == pytest.approx(1 - 10 / 18)
    # Three judges: (a,a,b) has 4 ordered disagreeing pairs over m − 1 = 2; totals a 4, b 2.
    assert krippendorff_alpha([("a", "a", "b"), ("a", "a", "b")]) == pytest.approx(1 - 5 * 4 / (36 - 16 - 4))


def test_alpha_without_anything_to_say() -> None:
    assert krippendorff_alpha([]) is None and krippendorff_alpha([(1,), (2, None)]) is None
    assert krippendorff_alpha([(1, 1), (1, 1)]) is None
    assert krippendorff_alpha([(1, 1), (2, 2)]) == 1.0
