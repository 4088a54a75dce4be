"""Trust on the planted model, where the right explanation is known, and its refusals."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny import PLANTED_TOKEN, picture
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain import HeatMap, Refusal, Span, explain
from workbench.explain.metrics import SharedScore, span_scorer, trust
from workbench.models.answer import Question

QUESTION, SPAN = Question("left"), Span("token", "x", (0,))


def _planted_case(planted, answer_of, image, method="attention_mean"):
    prompt, answer = planted.prepare(QUESTION, image), answer_of(PLANTED_TOKEN)
    found = explain(AnsweredCase.of(planted, prompt, None, answer), SPAN, method)
    assert isinstance(found, HeatMap)
    return prompt, answer, found


@pytest.mark.parametrize("fill", ["blur", "mean"])
@pytest.mark.parametrize(
    ("width", "height", "box"), [(48, 48, (16, 32, 24, 40)), (300, 180, (200, 90, 250, 140))]
)
def test_the_planted_map_is_believed_and_its_inverse_is_not(
    planted, answer_of, bright_patch, fill, width, height, box
):
    image = bright_patch(width, height, box)
    prompt, answer, found = _planted_case(planted, answer_of, image)
    measured = trust(AnsweredCase.of(planted, prompt, image, answer), found, fill=fill)
    curves = measured.perturbation
    assert curves.deletion_gap > 0 and measured.gap > 0
    assert curves.deletion_gap > 0.3 * curves.drop
    assert curves.comprehensiveness > 0.5 * curves.drop
    assert curves.sufficiency < 0.5 * curves.drop
    assert measured.focus > 4
    wrong = replace(found, values=-found.values + found.values.max())
    against = trust(AnsweredCase.of(planted, prompt, image, answer), wrong, fill=fill)
    assert against.perturbation.deletion_gap < 0 and against.gap < 0
    assert against.verdict == "no localised evidence"


def test_a_map_that_points_elsewhere_looked_but_is_not_causal(planted, answer_of, bright_patch):
    image = bright_patch(48, 48, (16, 32, 24, 40))
    prompt, answer, found = _planted_case(planted, answer_of, image)
    elsewhere = replace(found, values=np.roll(found.values, 18))
    measured = trust(AnsweredCase.of(planted, prompt, image, answer), elsewhere)
    assert measured.verdict == "looked but not causal"
    assert measured.focus >= 2


def test_where_one_patch_decides_the_right_map_is_believed_and_a_wrong_one_is_not(
    planted, answer_of, bright_patch
):
    """One decisive patch of 36: 1 in 36 random orders removes it first, so at most 59 % are believed."""
    image = bright_patch(48, 48, (16, 32, 24, 40))
    prompt, answer, found = _planted_case(planted, answer_of, image)
    elsewhere = replace(found, values=np.roll(found.values, 18))
    shared = SharedScore(
        span_scorer(AnsweredCase.of(planted, planted.prepare(QUESTION, image), image, answer), SPAN)
    )
    options = {"steps": 1, "random_orders": 2, "shared": shared}
    right, wrong = (
        [trust(AnsweredCase.of(planted, prompt, image, answer), one, seed=seed) for seed in range(6)]
        for one in (found, elsewhere)
    )
    believed = [one.verdict == "localised and causal" for one in right]
    assert sum(believed) >= 2
    assert believed == [not one.perturbation.small.reached for one in right]
    assert not any(one.verdict == "localised and causal" for one in wrong)


def test_the_cost_is_counted_and_maps_of_one_span_share_their_controls(planted, answer_of, bright_patch):
    image = bright_patch(48, 48, (16, 32, 24, 40))
    prompt, answer, found = _planted_case(planted, answer_of, image)
    alone = trust(AnsweredCase.of(planted, prompt, image, answer), found, steps=4)
    curves = 2 * 4 * 7
    assert 2 + 3 * 2 * 6 < alone.forwards <= curves + 5 * (2 + len(alone.perturbation.small.controls))
    assert alone.seconds > 0
    shared = SharedScore(
        span_scorer(AnsweredCase.of(planted, planted.prepare(QUESTION, image), image, answer), SPAN)
    )
    other = replace(found, values=np.roll(found.values, 7))
    first, second = (
        trust(AnsweredCase.of(planted, prompt, image, answer), each, steps=4, shared=shared)
        for each in (found, other)
    )
    assert first.gap == pytest.approx(alone.gap, abs=1e-4)
    # its own curves and small fractions, and at most the random orders that the first one did not need
    own = 2 * 3 + 2 + 2 * 5
    fresh = len(second.perturbation.small.controls) - len(first.perturbation.small.controls)
    assert second.forwards <= own + 5 * max(0, fresh) < first.forwards


def test_nothing_to_measure_is_said_and_costs_nothing(planted, answer_of, bright_patch):
    image = bright_patch(48, 48, (16, 32, 24, 40))
    prompt, answer, found = _planted_case(planted, answer_of, image)
    blind = planted.prepare(QUESTION, None)
    cases = [
        (prompt, image, Refusal("The numbers overflowed."), "overflowed"),
        (blind, None, found, "No image"),
        (prompt, image, replace(found, values=np.zeros_like(found.values)), "empty"),
        (prompt, image, replace(found, values=np.ones_like(found.values)), "same everywhere"),
        (prompt, image, HeatMap(found.values[:1], found.boxes[:1], False, "x", 0.5), "fewer than two"),
    ]
    for asked, shown, heat, words in cases:
        measured = trust(AnsweredCase.of(planted, asked, shown, answer), heat)
        assert measured.verdict == "not computable"
        assert words in measured.reason
        assert (measured.perturbation, measured.gap, measured.forwards) == (None, None, 0)


def test_a_prompt_of_another_question_or_image_and_a_span_outside_are_refused(
    planted, answer_of, bright_patch
):
    image = bright_patch(48, 48, (16, 32, 24, 40))
    prompt, answer, found = _planted_case(planted, answer_of, image)
    with pytest.raises(ValueError, match="another"):
        trust(AnsweredCase.of(planted, prompt, image, answer), found)
    with pytest.raises(ValueError, match="another"):
        trust(AnsweredCase.of(planted, prompt, picture(48, 40), answer), found)
    with pytest.raises(UserFacing, match="outside"):
        trust(AnsweredCase.of(planted, prompt, image, answer), found)
