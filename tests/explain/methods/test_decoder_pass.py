"""The decoder alone, and what is taken away from it, on families with their own masks, axes and streams."""

import numpy as np
import pytest
import torch

from tests.explain.methods.conftest import attribution_of
from tests.models.families import tiny_configs
from tests.tiny import load_tiny, picture
from workbench.explain import Refusal, explain_spans
from workbench.explain.methods.attribution import Attribution, guarded
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.tiers import TIERS, hidden_scorer

IDS = (40, 41, 42)
FAMILIES = {
    "qwen2_5_vl": lambda folder: tiny_configs.save_qwen(folder, "qwen2_5_vl"),
    "qwen3_vl": lambda folder: tiny_configs.save_qwen(folder, "qwen3_vl"),
    "gemma3": tiny_configs.save_gemma3,
}


@pytest.fixture(scope="module", params=FAMILIES)
def model(request, tmp_path_factory):
    return load_tiny(FAMILIES[request.param](tmp_path_factory.mktemp(request.param) / "model"))


@pytest.fixture(scope="module")
def deepstack(tmp_path_factory):
    return load_tiny(FAMILIES["qwen3_vl"](tmp_path_factory.mktemp("deepstack") / "model"))


def _context(model, seed: int = 0) -> Attribution:
    return attribution_of(model, picture(48, 40, seed), IDS, (0,), (1, 2))


def test_the_decoder_alone_gives_the_log_probabilities_of_the_whole_model(model):
    """Fault 5 of `test_peer_bugs.py`: an input left behind changes the logits without a word."""
    context = _context(model)
    with guarded(model), torch.no_grad():
        passed = capture(context)
        alone = passed.logprobs(passed.with_image(passed.image.repeat(2, 1, 1)))
    whole = model.teacher_force(context.prompt, IDS).logprobs
    assert np.allclose(alone.numpy(), np.stack([whole] * 2), atol=1e-4)


@pytest.mark.parametrize("tier", range(len(TIERS)))
def test_a_tier_that_takes_nothing_away_is_the_shared_pass_and_batches_agree(model, tier):
    context = _context(model)
    random = np.random.default_rng(0)
    masks = [np.zeros(len(context.prompt.boxes), bool)]
    masks += [random.random(len(masks[0])) < 0.5 for _ in range(3)]
    with guarded(model):
        scorer = hidden_scorer(context, tier, 0)
        together = scorer.score(masks)
        single = torch.cat([scorer.score([mask]) for mask in masks])
    assert np.allclose(together[0], model.teacher_force(context.prompt, IDS).logprobs, atol=1e-4)
    assert torch.allclose(together, single, atol=1e-4)
    assert (together[1:] - together[0]).abs().max() > 1e-5


@pytest.mark.parametrize("tier", [2, 3])
def test_blocked_reading_equals_a_whole_pass_with_the_same_mask(model, tier):
    context = _context(model)
    hidden = np.random.default_rng(1).random(len(context.prompt.boxes)) < 0.5
    with guarded(model), torch.no_grad():
        found = hidden_scorer(context, tier, 0).score([hidden])[0]
        passed = capture(context)
        start = int(passed.positions.max()) + 1 if tier == 2 else int(passed.rows[0])
        allowed = torch.ones(1, 1, passed.length, passed.length, dtype=torch.bool)
        allowed[0, 0, start:, passed.positions[torch.from_numpy(hidden)]] = False
        arguments = passed.inputs()
        own = arguments["attention_mask"]
        if isinstance(own, dict):
            arguments["attention_mask"] = {key: mask & allowed for key, mask in own.items()}
        else:
            arguments["attention_mask"] = allowed.tril()
        text = passed.text(inputs_embeds=passed.tokens, use_cache=False, **arguments)
        expected = passed.chosen(text.last_hidden_state[:, passed.rows])[0]
    assert torch.allclose(found, expected, atol=1e-4)


def test_deepstack_streams_are_part_of_the_picture(deepstack):
    """Dossier 0.9: embeddings replaced alone leave the picture visible in the DeepStack streams."""
    with guarded(deepstack), torch.no_grad():
        one, other = (capture(_context(deepstack, seed)) for seed in (0, 1))
        assert one.image.shape[-1] == 3 * one.width == one.embeddings.shape[-1]
        swapped = one.logprobs(one.with_image(other.image))
        leaking = one.logprobs(one.with_image(torch.cat([other.image[..., : one.width],
                                                         one.image[..., one.width :]], dim=-1)))  # fmt: skip
        expected = other.logprobs(other.embeddings)
    assert torch.allclose(swapped, expected, atol=1e-5)
    assert (leaking - expected).abs().max() > 1e-4


def test_text_tokens_carry_no_stream(deepstack):
    with guarded(deepstack):
        passed = capture(_context(deepstack))
    text = torch.ones(passed.length, dtype=torch.bool)
    text[passed.positions] = False
    assert passed.embeddings[0, text, passed.width :].abs().max() == 0
    assert passed.image[..., passed.width :].abs().max() > 0


@pytest.mark.parametrize("baseline", [0, 1])
def test_integrated_gradients_scale_all_streams_together_and_stay_complete(deepstack, baseline):
    context = _context(deepstack)
    settings = {"baseline": baseline, "steps": 32}
    found = explain_spans(context.case, context.spans, "integrated_gradients", settings)
    for heat in found:
        assert heat.meta["completeness_gap"] < 0.02, heat.meta
        assert abs(heat.meta["score_difference"]) > 1e-5


@pytest.mark.parametrize("method", ["relevancy", "input_gradient", "grad_cam", "occlusion", "shapley"])
def test_other_families_get_maps_too(model, method):
    context = _context(model)
    quick = {"occlusion": {"tier": 2}, "shapley": {"cells": 2, "pairs": 1, "tier": 2}}
    found = explain_spans(context.case, context.spans, method, quick.get(method))
    assert not isinstance(found, Refusal), found
    assert all(np.abs(heat.values).max() > 0 for heat in found)
