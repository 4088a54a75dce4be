"""Every method that runs the model: what it declares, when it refuses, and that it leaves nothing behind."""

import gc

import numpy as np
import pytest
import torch

from tests.tiny import picture
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain import METHODS, Refusal, Span
from workbench.explain.explanations import cost_of, explain_spans
from workbench.explain.methods.registry import METHODS
from workbench.models.answer import Answer, Question
from workbench.models.probe import PROBE

IDS = (7, 11, 13)
SPANS = [Span("token", "x", (0,)), Span("step", "xx", (1, 2))]
QUICK = {
    "smooth_gradient": {"samples": 2},
    "integrated_gradients": {"steps": 4},
    "occlusion": {"window": 4, "stride": 4},
    "rise": {"masks": 16},
    "shapley": {"cells": 2, "pairs": 2},
    "greedy_search": {"cells": 2},
}

# Enough passes for a second batch.
MORE = {"occlusion": {"window": 1, "stride": 1}, "shapley": {"cells": 3}}


def _answer(ids: tuple[int, ...] = IDS) -> Answer:
    return Answer(ids, "x" * len(ids), tuple((i, i + 1) for i in range(len(ids))), (0.0,) * len(ids), "stop")


def _run(model, method, image=None, **params):
    image = image or picture(48, 36)
    prompt = model.prepare(Question("left"), image)
    settings = QUICK.get(method, {}) | params
    return explain_spans(AnsweredCase.of(model, prompt, image, _answer()), SPANS, method, settings)


def _state(model) -> tuple:
    """Everything a method could leave changed: weights, flags, gradients, hooks, the kernel, live tensors.

    Peer bug 20 of the dossier: gradients of weights switched on, the model left in training mode.
    """
    net = model.model
    gc.collect()
    alive = [o for o in gc.get_objects() if type(o) is torch.Tensor]
    return (
        [float(weight.double().sum()) for weight in net.state_dict().values()],
        len(alive),
        [module.training for module in net.modules()],
        [weight.requires_grad for weight in net.parameters()],
        [weight.grad is None for weight in net.parameters()],
        [sum(map(len, (m._forward_hooks, m._forward_pre_hooks, m._backward_hooks))) for m in net.modules()],
        net.config.text_config._attn_implementation,
        torch.is_grad_enabled(),
        sum(1 for tensor in alive if tensor.requires_grad),
    )


ONE_PASS = ("attention_rollout",)


@pytest.mark.parametrize("method", METHODS)
def test_one_map_a_span_with_its_origin(tiny, method):
    found = _run(tiny, method)
    spec = METHODS[method]
    assert len(found) == 2
    for heat, span in zip(found, SPANS, strict=True):
        assert heat.values.shape == (36,) and heat.values.dtype == np.float32
        assert np.abs(heat.values).max() > 0
        assert 0 <= heat.image_share <= 1
        assert heat.signed is spec.signed and heat.unit == spec.unit
        assert heat.meta["span"] == {"kind": span.kind, "label": span.label, "tokens": list(span.tokens)}
        assert set(heat.meta["params"]) == {param.name for param in spec.params}
        assert heat.meta["model"] == tiny.name
    assert not np.allclose(found[0].values, found[1].values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_left_as_it_was_found(tiny, method, training):
    net = tiny.model
    net.train(training).requires_grad_(training)
    try:
        _run(tiny, method)  # the first run may fill caches of the library
        assert tiny.model.config.text_config._attn_implementation == PROBE
        before = _state(tiny)
        _run(tiny, method)
        assert _state(tiny) == before
    finally:
        net.eval().requires_grad_(False)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was_found_when_a_pass_fails(tiny, method):
    net = tiny.model
    net.train().requires_grad_(True)
    calls: list[int] = []

    def fail_late(_module, _arguments, _output):
        calls.append(1)
        if len(calls) > 1 or method in ONE_PASS or METHODS[method].needs == "gradient":
            raise RuntimeError("half-way")

    hook = tiny.decoder.layers[1].register_forward_hook(fail_late)
    try:
        with pytest.raises(RuntimeError, match="half-way"):
            _run(tiny, method, **MORE.get(method, {}))  # the first run may fill caches of the library
        calls.clear()
        before = _state(tiny)
        with pytest.raises(RuntimeError, match="half-way"):
            _run(tiny, method, **MORE.get(method, {}))
        assert calls
        assert _state(tiny) == before
        assert tiny.lock.acquire(blocking=False)
        tiny.lock.release()
    finally:
        hook.remove()
        net.eval().requires_grad_(False)


@pytest.mark.parametrize("method", METHODS)
def test_dropout_and_inference_mode_of_the_caller_change_nothing(tiny, method):
    expected = [heat.values for heat in _run(tiny, method)]
    attention = [layer.self_attn for layer in tiny.decoder.layers]
    for part in attention:
        part.attention_dropout = 0.5
    tiny.model.train()
    try:
        with torch.inference_mode():
            found = [heat.values for heat in _run(tiny, method)]
    finally:
        tiny.model.eval()
        for part in attention:
            part.attention_dropout = 0.0
    assert np.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_declared_cost_is_what_is_run(tiny, method):
    prompt = tiny.prepare(Question("left"), picture(48, 36))
    cost = cost_of(prompt, len(SPANS), method, QUICK.get(method))
    passes: list[int] = []

    def count(_module, _arguments, out):
        if out.ndim == 3:  # the shared pass also norms rows of its own, without a batch
            passes.append(len(out))

    hook = tiny.decoder.final_norm.register_forward_hook(count)
    try:
        found = _run(tiny, method)
    finally:
        hook.remove()
    assert sum(passes) == found[0].meta["forwards"] <= cost.forwards
    if method not in ("shapley", "greedy_search"):  # they run a set of regions that comes up twice only once
        assert sum(passes) == cost.forwards
    assert cost.backwards == found[0].meta["backwards"]
    assert (cost.backwards > 0) == (METHODS[method].needs == "gradient")


@pytest.mark.parametrize("method", METHODS)
def test_without_a_picture_or_an_answer_there_is_a_refusal_in_words(tiny, method):
    blind = tiny.prepare(Question("left"), None)
    found = explain_spans(AnsweredCase.of(tiny, blind, None, _answer()), SPANS, method)
    assert isinstance(found, Refusal) and "No image" in found.reason
    seeing = tiny.prepare(Question("left"), picture(48, 36))
    assert isinstance(explain_spans(AnsweredCase.of(tiny, seeing, None, Answer()), SPANS, method), Refusal)


@pytest.mark.parametrize("method", ["occlusion", "rise", "integrated_gradients", "shapley", "greedy_search"])
def test_a_picture_that_is_no_longer_at_hand_is_a_refusal(tiny, method):
    prompt = tiny.prepare(Question("left"), picture(48, 36))
    found = explain_spans(AnsweredCase.of(tiny, prompt, None, _answer()), SPANS, method)
    assert isinstance(found, Refusal) and "picture" in found.reason


@pytest.mark.parametrize("method", ["occlusion", "shapley", "greedy_search"])
@pytest.mark.parametrize("tier", [1, 2, 3])
def test_tiers_that_work_on_the_features_do_not_need_the_picture(tiny, method, tier):
    prompt = tiny.prepare(Question("left"), picture(48, 36))
    settings = QUICK[method] | {"tier": tier}
    found = explain_spans(AnsweredCase.of(tiny, prompt, None, _answer()), SPANS, method, settings)
    assert isinstance(found, list) and np.abs(found[0].values).max() > 0


@pytest.mark.parametrize("method", METHODS)
def test_a_model_without_gradients_refuses_what_needs_them(tiny, monkeypatch, method):
    monkeypatch.setattr(type(tiny), "can_backpropagate", False)
    found = _run(tiny, method)
    if METHODS[method].needs == "gradient":
        assert isinstance(found, Refusal) and "gradients" in found.reason and "occlusion" in found.hint
    else:
        assert isinstance(found, list)


def test_a_span_outside_the_answer_is_an_error(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 36))
    outside = [Span("token", "x", (3,))]
    with pytest.raises(ValueError, match="3 tokens"):
        explain_spans(AnsweredCase.of(tiny, prompt, picture(48, 36), _answer()), outside, "occlusion")


def test_the_scores_are_of_the_given_answer_and_nothing_is_generated(tiny, monkeypatch):
    """Peer bug 12 of the dossier: an answer sampled anew inside the explanation."""

    def generate(*_arguments, **_keywords):
        raise AssertionError("generated")

    monkeypatch.setattr(tiny.model, "generate", generate)
    for method in METHODS:
        assert isinstance(_run(tiny, method), list)


def test_another_picture_than_the_prompt_shows_is_an_error(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 36))
    with pytest.raises(ValueError, match="36×48"):
        explain_spans(AnsweredCase.of(tiny, prompt, picture(36, 48), _answer()), SPANS, "occlusion")


def test_settings_out_of_range_or_unknown_are_refused_in_words(tiny):
    outlying = _run(tiny, "rise", masks=8001)
    assert isinstance(outlying, Refusal)
    assert "8001" in outlying.reason and "16 to 8000" in outlying.hint
    unknown = _run(tiny, "relevancy", layer=1)
    assert isinstance(unknown, Refusal) and "'layer'" in unknown.reason


def test_an_unknown_method_names_the_known_ones(tiny):
    with pytest.raises(UserFacing) as caught:
        _run(tiny, "magic")
    assert "relevancy" in str(caught.value) or "relevancy" in caught.value.hint


def test_numbers_that_overflow_are_a_refusal(tiny):
    weight = tiny.decoder.final_norm.weight
    found = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.fill_(float("nan"))
        refused = _run(tiny, "relevancy")
    finally:
        with torch.no_grad():
            weight.copy_(found)
    assert isinstance(refused, Refusal) and "overflow" in refused.reason


def test_names_do_not_clash_with_the_instant_methods_and_every_setting_has_a_sound_range():
    assert not set(METHODS) & set(METHODS)
    for name, method in METHODS.items():
        assert name == method.name
        for param in method.params:
            assert param.minimum <= param.default <= param.maximum
            assert not param.choices or (param.minimum, param.maximum) == (0, len(param.choices) - 1)
