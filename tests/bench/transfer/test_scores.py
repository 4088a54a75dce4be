"""Macro-F1, its interval and the paired test, against numbers worked out by hand."""

import numpy as np
import pytest

from workbench.bench.transfer import scores

GOLD = np.array([0, 0, 0, 1, 1, 2])
GIVEN = np.array([0, 0, 1, 1, 2, 2])
GROUPS = list("abcdef")


def test_figures_by_hand():
    """a: 2 of 2 given right, 2 of 3 found; b: 1 of 2 and 1 of 2; c: 1 of 2 and 1 of 1."""
    found = scores.class_figures(scores.confusion(GOLD, GIVEN, 3), "abc")
    assert [(f.precision, f.recall, f.support) for f in found] == [(1, 2 / 3, 3), (0.5, 0.5, 2), (0.5, 1, 1)]
    assert [f.f1 for f in found] == pytest.approx([0.8, 0.5, 2 / 3])
    assert scores.macro_f1(scores.confusion(GOLD, GIVEN, 3)) == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


def test_a_class_without_gold_pictures_is_no_class():
    """Nothing is of class 2, but once it is said: class 0 has F1 2/3, class 1 has 1."""
    table = scores.confusion(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert scores.macro_f1(table) == pytest.approx((2 / 3 + 1) / 2)


def test_tables_of_groups_add_up():
    tables = scores.group_tables(GOLD, GIVEN, ["x", "x", "y", "y", "z", "z"], 3)
    assert len(tables) == 3
    assert np.array_equal(tables.sum(0), scores.confusion(GOLD, GIVEN, 3))


def test_intervals_need_groups_and_a_width():
    assert scores.interval(scores.group_tables(GOLD, GIVEN, ["x"] * 6, 3), 200) is None
    assert scores.interval(scores.group_tables(GOLD, GOLD, GROUPS, 3), 200) is None
    found = scores.interval(scores.group_tables(GOLD, GIVEN, GROUPS, 3), 500)
    assert 0 <= found.low < scores.macro_f1(scores.confusion(GOLD, GIVEN, 3)) < found.high <= 1


def test_five_groups_that_all_differ_one_way_are_no_proof():
    """Of 2⁵ swaps only none and all are as far: p = 2/32."""
    gold = np.array([0, 1, 0, 1, 0])
    wrong, right = (scores.group_tables(gold, given, list("abcde"), 2) for given in (1 - gold, gold))
    p, test = scores.swap_p(wrong, right)
    assert p == pytest.approx(2 / 32) and test.startswith("exact")
    assert scores.swap_p(right, right) == (1, "exact permutation by group")


def test_many_groups_are_drawn():
    gold = np.arange(40) % 2
    wrong, right = (
        scores.group_tables(gold, given, [str(n) for n in range(40)], 2) for given in (1 - gold, gold)
    )
    p, test = scores.swap_p(wrong, right)
    assert p < 0.001 and "10,000" in test


def test_paired_difference_uses_the_same_groups():
    """The same answers never differ, whatever is drawn."""
    tables = scores.group_tables(GOLD, GIVEN, GROUPS, 3)
    assert scores.difference_interval(tables, tables, 200) is None
    better = scores.group_tables(GOLD, GOLD, GROUPS, 3)
    assert scores.difference_interval(tables, better, 500).high > 0


def test_guesses():
    train = np.array([0, 1, 1, 2])
    assert scores.majority_guess(train, 3).tolist() == [1, 1, 1]
    assert scores.random_f1(np.array([0, 0]), np.array([0, 0, 1]), 2) == pytest.approx((0.8 + 0) / 2)
