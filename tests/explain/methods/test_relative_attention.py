"""Relative attention: the ratio by hand, its cost, and what is the same under both questions cancels."""

import numpy as np
import pytest

from tests.explain.cases import case_of, painted, token_spans
from tests.tiny import picture
from workbench.explain import Refusal
from workbench.explain.methods.attribution import Attribution, Cost
from workbench.explain.methods.params import settled
from workbench.explain.methods.relative_attention import GENERAL_QUESTION, RELATIVE_ATTENTION, ratio
from workbench.models.answer import Question


def run(model, question, image, ids=(7, 11), groups=((0, 1),), **params):
    context = Attribution(case_of(model, image, ids, Question(question)), tuple(token_spans(*groups)))
    return RELATIVE_ATTENTION.compute(
        context, settled(RELATIVE_ATTENTION.label, RELATIVE_ATTENTION.params, params)
    )


def test_the_ratio_by_hand():
    """ε is a hundredth of the mean general weight, 0.02 · 0.01 = 0.0002."""
    found = ratio(np.array([[0.06, 0.01, 0.0]]), np.array([[0.02, 0.04, 0.0]]))
    assert found[0] == pytest.approx([0.06 / 0.0202, 0.01 / 0.0402, 0.0])
    assert ratio(np.ones((1, 2)), np.zeros((1, 2))).tolist() == [[0, 0]]


def test_the_general_question_itself_is_about_one_everywhere(tiny):
    found = run(tiny, GENERAL_QUESTION, picture(70, 50))
    assert ((found.values > 0.9) & (found.values < 1.0)).all()


def test_another_question_gives_a_map_of_its_own_and_says_its_cost(tiny, monkeypatch):
    passes = []
    forced = type(tiny).teacher_force
    monkeypatch.setattr(
        type(tiny), "teacher_force", lambda self, *a, **k: passes.append(1) or forced(self, *a, **k)
    )
    found = run(tiny, "Is there evidence of a nodule?", picture(70, 50), groups=((0,), (1,)))
    assert found.values.shape == (2, 36) and np.isfinite(found.values).all()
    assert found.values.std() > 0
    assert found.spent == Cost(len(passes)) == RELATIVE_ATTENTION.cost(None, 2, {}) == Cost(2)
    assert "one more pass" in found.note


def test_what_both_questions_look_at_cancels(planted):
    """The planted head reads the bright patch whatever is asked: not more than under a general question."""
    found = run(planted, "left", painted(300, 180, (200, 90, 250, 140)), ids=(300,), groups=((0,),))
    assert found.values.max() == pytest.approx(1, abs=0.01)


def test_one_layer_can_be_chosen_and_a_missing_one_is_refused(tiny):
    every, one = (run(tiny, "left", picture(48, 48), layer=layer).values for layer in (-1, 2))
    assert not np.allclose(every, one)
    assert isinstance(run(tiny, "left", picture(48, 48), layer=3), Refusal)
