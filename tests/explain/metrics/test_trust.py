"""Trust on the planted model, where the right explanation is known, and its refusals."""

from dataclasses import replace

import numpy as np
import pytest

from tests.explain.cases import WORD, case_of, painted
from tests.tiny import PLANTED_TOKEN, picture
from workbench.errors import UserFacing
from workbench.explain import HeatMap, Refusal, Span, explain
from workbench.explain.metrics import SharedScore, span_scorer
from workbench.explain.metrics.trust import trust


def _planted_case(planted, image, method="attention_mean"):
    case = case_of(planted, image, (PLANTED_TOKEN,))
    found = explain(case, WORD, method)
    assert isinstance(found, HeatMap)
    return case, found


@pytest.mark.parametrize("fill", ["blur", "mean"])
@pytest.mark.parametrize(
    ("width", "height", "box"), [(48, 48, (16, 32, 24, 40)), (300, 180, (200, 90, 250, 140))]
)
def test_the_planted_map_is_believed_and_its_inverse_is_not(planted, fill, width, height, box):
    image = painted(width, height, box)
    case, found = _planted_case(planted, image)
    measured = trust(case, found, fill=fill)
    curves = measured.perturbation
    assert curves.deletion_gap > 0 and measured.gap > 0
    assert curves.deletion_gap > 0.3 * curves.drop
    assert curves.comprehensiveness > 0.5 * curves.drop
    assert curves.sufficiency < 0.5 * curves.drop
    assert measured.focus > 4
    wrong = replace(found, values=-found.values + found.values.max())
    against = trust(case, wrong, fill=fill)
    assert against.perturbation.deletion_gap < 0 and against.gap < 0
    assert against.verdict == "no localised evidence"


def test_a_map_that_points_elsewhere_looked_but_is_not_causal(planted):
    image = painted(48, 48, (16, 32, 24, 40))
    case, found = _planted_case(planted, image)
    elsewhere = replace(found, values=np.roll(found.values, 18))
    measured = trust(case, elsewhere)
    assert measured.verdict == "looked but not causal"
    assert measured.focus >= 2


def test_where_one_patch_decides_the_right_map_is_believed_and_a_wrong_one_is_not(planted):
    """One decisive patch of 36: 1 in 36 random orders removes it first, so at most 59 % are believed."""
    image = painted(48, 48, (16, 32, 24, 40))
    case, found = _planted_case(planted, image)
    elsewhere = replace(found, values=np.roll(found.values, 18))
    shared = SharedScore(span_scorer(case, WORD))
    options = {"steps": 1, "random_orders": 2, "shared": shared}
    right, wrong = (
        [trust(case, one, seed=seed, **options) for seed in range(6)] for one in (found, elsewhere)
    )
    believed = [one.verdict == "localised and causal" for one in right]
    assert sum(believed) >= 2
    assert believed == [not one.perturbation.small.reached for one in right]
    assert not any(one.verdict == "localised and causal" for one in wrong)


def test_the_cost_is_counted_and_maps_of_one_span_share_their_controls(planted):
    image = painted(48, 48, (16, 32, 24, 40))
    case, found = _planted_case(planted, image)
    alone = trust(case, found, steps=4)
    curves = 2 * 4 * 7
    assert 2 + 3 * 2 * 6 < alone.forwards <= curves + 5 * (2 + len(alone.perturbation.small.controls))
    assert alone.seconds > 0
    shared = SharedScore(span_scorer(case, WORD))
    other = replace(found, values=np.roll(found.values, 7))
    first, second = (trust(case, each, steps=4, shared=shared) for each in (found, other))
    assert first.gap == pytest.approx(alone.gap, abs=1e-4)
    # its own curves and small fractions, and at most the random orders that the first one did not need
    own = 2 * 3 + 2 + 2 * 5
    fresh = len(second.perturbation.small.controls) - len(first.perturbation.small.controls)
    assert second.forwards <= own + 5 * max(0, fresh) < first.forwards


def test_nothing_to_measure_is_said_and_costs_nothing(planted):
    image = painted(48, 48, (16, 32, 24, 40))
    case, found = _planted_case(planted, image)
    cases = [
        (case, Refusal("The numbers overflowed."), "overflowed"),
        (case_of(planted, None, (PLANTED_TOKEN,)), found, "No image"),
        (case, replace(found, values=np.zeros_like(found.values)), "empty"),
        (case, replace(found, values=np.ones_like(found.values)), "same everywhere"),
        (case, HeatMap(found.values[:1], found.boxes[:1], False, "x", 0.5), "fewer than two"),
    ]
    for one, heat, words in cases:
        measured = trust(one, heat)
        assert measured.verdict == "not computable"
        assert words in measured.reason
        assert (measured.perturbation, measured.gap, measured.forwards) == (None, None, 0)


def test_a_prompt_of_another_image_a_map_of_no_words_and_a_span_outside_are_refused(planted):
    case, found = _planted_case(planted, painted(48, 48, (16, 32, 24, 40)))
    with pytest.raises(ValueError, match="another image"):
        trust(replace(case, images=picture(48, 40)), found)
    with pytest.raises(ValueError, match="no part of an answer"):
        trust(case, replace(found, span=None))
    with pytest.raises(UserFacing, match="outside"):
        trust(case, replace(found, span=Span("token", "x", (1,))))
