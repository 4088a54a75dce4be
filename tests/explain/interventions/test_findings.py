"""Verdicts from findings with known numbers: each state of each verdict, and its threshold."""

import math

import pytest

from workbench.explain.interventions.findings import Finding, laterality, sides, signed, verdicts


def state(name: str, *findings: Finding) -> str:
    return next(v.state for v in verdicts(findings) if v.name == name)


def test_everything_starts_as_not_tested_and_states_its_rule() -> None:
    found = verdicts(())
    assert len({v.name for v in found}) == len(found) == 7
    assert {v.state for v in found} == {"not tested"}
    assert all(v.sentence and v.rule for v in found)


def test_answer_changed_names_what_changed_it() -> None:
    same, other = Finding("blur", "blurred picture", True), Finding("blank", "blank picture", False)
    assert state("answer_changed", same) == "no"
    assert state("answer_changed", same, other) == "yes"
    assert "1 of 2" in verdicts((same, other))[0].sentence
    assert state("answer_changed", Finding("blank", "blank picture", None)) == "not tested"


@pytest.mark.parametrize(
    ("same", "delta", "expected"),
    [(False, 0.0, "yes"), (True, -0.69, "no"), (True, -0.70, "unclear"), (True, 1.0, "no")],
)
def test_picture_and_trace_dependence_share_their_thresholds(same, delta, expected) -> None:
    assert math.isclose(math.log(2), 0.693, abs_tol=1e-3)
    assert state("image_dependent", Finding("noise", "noise", same, delta)) == expected
    assert state("trace_dependent", Finding("trace", "Step 1 deleted", same, delta)) == expected
    assert state("image_dependent", Finding("blur", "blurred picture", same, delta)) == "not tested"


@pytest.mark.parametrize(
    ("region", "controls", "expected"),
    [
        (-1.0, (-0.2, -0.89), "yes"),
        (-1.0, (-0.2, -0.95), "unclear"),
        (-1.0, (-0.2, -1.0), "no"),
        (0.3, (0.1, 0.2), "no"),
        (-1.0, (), "not tested"),
    ],
)
def test_a_region_has_to_outdo_its_strongest_control(region, controls, expected) -> None:
    assert state("region_causal", Finding("remove", "region removed", True, region, controls)) == expected
    assert state("region_causal", Finding("keep", "kept", True, region, controls)) == "not tested"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("left lung", "…"), ("right lung", "…"), "yes"),
        (("left lung", "…"), ("Left lung", "…"), "no"),
        (("left lung", "…"), ("both lungs", "…"), "unclear"),
        (("left lung", "…"), ("left and right", "…"), "unclear"),
        (("nodule", "in the right zone"), ("nodule", "in the left zone"), "yes"),
        (("nodule", "in the right zone"), ("left lung", "in the right zone"), "no"),
        (("left and right", "left"), ("right", "right"), "not tested"),
        (("nodule", "a spot"), ("mass", "a spot"), "not tested"),
    ],
)
def test_laterality_is_asked_only_about_one_side(before, after, expected) -> None:
    assert laterality([Finding("flip", "mirrored", True, -1, (), before, after)]).state == expected
    assert laterality([Finding("blur", "blurred", True, -1, (), before, after)]).state == "not tested"


def test_order_of_options() -> None:
    assert state("order_sensitive", Finding("shuffle", "s", consistent=3, asked=3)) == "no"
    assert state("order_sensitive", Finding("shuffle", "s", consistent=2, asked=3)) == "yes"


def test_sides_are_whole_words() -> None:
    assert sides("Left-sided, leftwards; upright, bright") == {"left"}
    assert sides("RIGHT and left") == {"left", "right"}
    assert sides("copyright") == frozenset()


def test_numbers_carry_a_true_minus() -> None:
    assert signed(-0.123) == "−0.12" and signed(2) == "+2.00"
