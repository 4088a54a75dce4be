"""Tuned − base on the same forced ids."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.explain.methods.conftest import answer_of, painted, token_spans
from tests.tiny import PLANTED_TOKEN, TINY, load_tiny, picture, save_tiny
from workbench.errors import UserFacing
from workbench.explain import Refusal, compare, explain
from workbench.explain.comparison import difference
from workbench.models.answer import Answer, Question

ASK = Question("left")
BOTH = token_spans((0,), (0, 1))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return load_tiny(save_tiny(tmp_path_factory.mktemp("other") / "model", seed=1))


def test_the_same_ids_are_scored_by_both(tiny, other):
    image, answer = picture(70, 50), answer_of((7, 11))
    found = compare(tiny, other, ASK, image, answer, BOTH, "attention_mean")
    expected = [m.teacher_force(m.prepare(ASK, image), answer.ids).logprobs for m in (tiny, other)]
    assert np.allclose(found.delta, expected[1] - expected[0], atol=1e-6)
    assert np.abs(found.delta).max() > 0.001 and found.same_prompt
    for span, heat in zip(BOTH, found.maps, strict=True):
        old, new = (explain(m, m.prepare(ASK, image), answer, span, "attention_mean") for m in (tiny, other))
        assert np.allclose(heat.values, new.values - old.values, atol=1e-7)
        place = BOTH.index(span)
        assert np.allclose(found.base_maps[place].values, old.values, atol=1e-7)
        assert np.allclose(found.tuned_maps[place].values, new.values, atol=1e-7)
        assert heat.signed and heat.unit == new.unit and "tuned − base" in heat.meta["label"]
        assert (heat.meta["base_image_share"], heat.meta["tuned_image_share"]) == (
            old.image_share,
            new.image_share,
        )


@pytest.mark.parametrize("method", ["logit_attribution", "occlusion"])
def test_a_model_compared_with_itself_changed_nothing(tiny, method):
    found = compare(tiny, tiny, ASK, picture(48, 48), answer_of((7, 11)), BOTH, method)
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
    answer, spans = answer_of((PLANTED_TOKEN,)), token_spans((0,))
    found = compare(planted, tuned, ASK, painted(300, 180, box), answer, spans, "logit_attribution")
    heat = found.maps[0]
    assert np.abs(heat.boxes[heat.values.argmax()] - np.array(box)).max() <= 36
    assert heat.values.max() > 0 and found.delta[0] > 0


def test_models_that_cannot_be_compared_are_refused_in_words(tiny, tmp_path):
    answer = answer_of((7, 11))
    grid = load_tiny(save_tiny(tmp_path / "grid", replace(TINY, image=64)))
    found = compare(tiny, grid, ASK, picture(48, 48), answer, BOTH, "attention_mean")
    assert isinstance(found, Refusal) and "different patches" in found.reason
    words = load_tiny(save_tiny(tmp_path / "words", replace(TINY, vocabulary=330)))
    found = compare(tiny, words, ASK, picture(48, 48), answer, BOTH, "attention_mean")
    assert isinstance(found, Refusal) and "different tokens" in found.reason
    found = compare(tiny, tiny, ASK, picture(48, 48), Answer(), BOTH, "attention_mean")
    assert isinstance(found, Refusal)
    with pytest.raises(UserFacing):
        compare(tiny, tiny, ASK, picture(48, 48), answer, BOTH, "no such method")


def test_maps_over_different_patches_are_never_subtracted(tiny):
    maps = [
        explain(tiny, tiny.prepare(ASK, picture(*size)), answer_of((7,)), BOTH[0], "attention_mean")
        for size in ((48, 48), (90, 40))
    ]
    with pytest.raises(ValueError, match="different patches"):
        difference(*maps)
