"""Tuned − base on the same forced ids."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.explain.cases import WORD, case_of, painted, token_spans
from tests.tiny import PLANTED_TOKEN, TINY, load_tiny, picture, save_tiny
from workbench.errors import UserFacing
from workbench.explain import Refusal, compare, explain
from workbench.explain.comparison import difference
from workbench.models.answer import Answer

BOTH = token_spans((0,), (0, 1))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return load_tiny(save_tiny(tmp_path_factory.mktemp("other") / "model", seed=1))


def test_the_same_ids_are_scored_by_both(tiny, other):
    sides = [case_of(model, picture(70, 50), (7, 11)) for model in (tiny, other)]
    found = compare(sides[0], tiny, other, BOTH, "attention_mean")
    expected = [side.model.teacher_force(side.prompt, (7, 11)).logprobs for side in sides]
    assert np.allclose(found.delta, expected[1] - expected[0], atol=1e-6)
    assert np.abs(found.delta).max() > 0.001 and found.same_prompt
    for span, heat in zip(BOTH, found.maps, strict=True):
        old, new = (explain(side, span, "attention_mean") for side in sides)
        assert np.allclose(heat.values, new.values - old.values, atol=1e-7)
        place = BOTH.index(span)
        assert np.allclose(found.base_maps[place].values, old.values, atol=1e-7)
        assert np.allclose(found.tuned_maps[place].values, new.values, atol=1e-7)
        assert heat.span == span and heat.signed and heat.unit == new.unit
        assert "tuned − base" in heat.meta["label"]
        assert (heat.meta["base_image_share"], heat.meta["tuned_image_share"]) == (
            old.image_share,
            new.image_share,
        )


@pytest.mark.parametrize("method", ["logit_attribution", "occlusion"])
def test_a_model_compared_with_itself_changed_nothing(tiny, method):
    found = compare(case_of(tiny, picture(48, 48), (7, 11)), tiny, tiny, BOTH, method)
    assert (found.delta == 0).all()
    assert all((heat.values == 0).all() for heat in found.maps)


def test_what_tuning_strengthened_is_positive_at_its_patch(planted, tmp_path):
    """The tuned copy reads the planted direction twice as strongly: its gain lies at the bright patch."""
    planted.model.save_pretrained(tmp_path / "tuned")
    planted.processor.save_pretrained(tmp_path / "tuned")
    tuned = load_tiny(tmp_path / "tuned")
    with torch.no_grad():
        tuned.model.lm_head.weight[PLANTED_TOKEN, 1] = 2.0
    box = (200, 90, 250, 140)
    case = case_of(planted, painted(300, 180, box), (PLANTED_TOKEN,))
    found = compare(case, planted, tuned, [WORD], "logit_attribution")
    heat = found.maps[0]
    assert np.abs(heat.boxes[heat.values.argmax()] - np.array(box)).max() <= 36
    assert heat.values.max() > 0 and found.delta[0] > 0


def test_models_that_cannot_be_compared_are_refused_in_words(tiny, tmp_path):
    case = case_of(tiny, picture(48, 48), (7, 11))
    grid = load_tiny(save_tiny(tmp_path / "grid", replace(TINY, image=64)))
    found = compare(case, tiny, grid, BOTH, "attention_mean")
    assert isinstance(found, Refusal) and "different patches" in found.reason
    words = load_tiny(save_tiny(tmp_path / "words", replace(TINY, vocabulary=330)))
    found = compare(case, tiny, words, BOTH, "attention_mean")
    assert isinstance(found, Refusal) and "different tokens" in found.reason
    found = compare(replace(case, answer=Answer()), tiny, tiny, BOTH, "attention_mean")
    assert isinstance(found, Refusal)
    with pytest.raises(UserFacing):
        compare(case, tiny, tiny, BOTH, "no such method")


def test_whose_answer_it_is_makes_no_difference(tiny, other):
    cases = [case_of(model, picture(48, 48), (7, 11)) for model in (tiny, other)]
    first, second = (compare(case, tiny, other, BOTH, "logit_attribution") for case in cases)
    assert np.array_equal(first.delta, second.delta)
    for one, two in zip(first.maps, second.maps, strict=True):
        assert np.array_equal(one.values, two.values)


def test_maps_over_different_patches_are_never_subtracted(tiny):
    maps = [
        explain(case_of(tiny, picture(*size), (7,)), WORD, "attention_mean") for size in ((48, 48), (90, 40))
    ]
    with pytest.raises(ValueError, match="different patches"):
        difference(*maps)
