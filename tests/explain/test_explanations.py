"""Every method: what it declares, when it refuses, what it costs, and that it leaves nothing behind."""

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.explain.cases import case_of
from tests.tiny import picture
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain import (
    METHODS,
    Refusal,
    Span,
    cost_of,
    evidence_cache,
    explain,
    explain_spans,
    gather_evidence,
    refusal_before_pass,
)
from workbench.explain.methods.attribution import Attribution
from workbench.models.answer import Answer
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
    "logit_contrast": {"foil": 19},
}
SHARED = [name for name, method in METHODS.items() if method.is_shared]
GRADIENTS = [name for name, method in METHODS.items() if "gradients" in method.needs]

# Enough passes for a second batch.
MORE = {"occlusion": {"window": 1, "stride": 1}, "shapley": {"cells": 3}}


def _case(model) -> AnsweredCase:
    return case_of(model, picture(48, 36), IDS)


def _run(model, method, **params):
    """Maps of SPANS by passes of their own: no shared pass is at hand."""
    evidence_cache.SHARED.forget(model)
    return explain_spans(_case(model), SPANS, method, QUICK.get(method, {}) | params)


def _state(model) -> tuple:
    """Everything a method could leave changed: weights, flags, gradients, hooks, the kernel, live tensors.

    Fault 20 of `test_peer_bugs.py`: gradients of weights switched on, the model left in training mode.
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


ONE_PASS = (*SHARED, *GRADIENTS, "attention_rollout")


@pytest.mark.parametrize("method", METHODS)
def test_one_map_a_span_with_its_origin(tiny, method):
    found = _run(tiny, method)
    spec = METHODS[method]
    assert len(found) == 2 and max(np.abs(heat.values).max() for heat in found) > 0
    for heat, span in zip(found, SPANS, strict=True):
        assert heat.values.shape == (36,) and heat.values.dtype == np.float32
        assert 0 <= heat.image_share <= 1
        assert heat.signed is spec.signed and heat.unit == spec.unit
        named = {"key": span.key, "kind": span.kind, "label": span.label, "tokens": list(span.tokens)}
        assert heat.span == span and heat.meta["span"] == named
        assert heat.meta["method"] == method and heat.meta["needs"] == list(spec.needs)
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
        if len(calls) > 1 or method in ONE_PASS:
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
        assert tiny.lock.free
    finally:
        hook.remove()
        net.eval().requires_grad_(False)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in SHARED])
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
    cost = cost_of(_case(tiny).prompt, len(SPANS), method, QUICK.get(method))
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
    assert (cost.backwards > 0) == ("gradients" in METHODS[method].needs)


@pytest.mark.parametrize("method", METHODS)
def test_without_a_picture_or_an_answer_there_is_a_refusal_in_words(tiny, method):
    found = explain_spans(case_of(tiny, None, IDS), SPANS, method)
    assert isinstance(found, Refusal) and "No image" in found.reason
    found = explain_spans(case_of(tiny, picture(48, 36), Answer()), SPANS, method)
    assert isinstance(found, Refusal) and "wrote nothing" in found.reason


@pytest.mark.parametrize("method", ["occlusion", "rise", "integrated_gradients", "shapley", "greedy_search"])
def test_a_picture_that_is_no_longer_at_hand_is_a_refusal(tiny, method):
    found = explain_spans(replace(_case(tiny), images=None), SPANS, method)
    assert isinstance(found, Refusal) and "picture" in found.reason


@pytest.mark.parametrize("method", ["occlusion", "shapley", "greedy_search"])
@pytest.mark.parametrize("tier", [1, 2, 3])
def test_tiers_that_work_on_the_features_do_not_need_the_picture(tiny, method, tier):
    settings = QUICK[method] | {"tier": tier}
    found = explain_spans(replace(_case(tiny), images=None), SPANS, method, settings)
    assert isinstance(found, list) and np.abs(found[0].values).max() > 0


@pytest.mark.parametrize("method", METHODS)
def test_a_model_without_gradients_refuses_what_needs_them(tiny, monkeypatch, method):
    monkeypatch.setattr(type(tiny), "can_backpropagate", False)
    found = _run(tiny, method)
    if method in GRADIENTS:
        assert isinstance(found, Refusal) and "gradients" in found.reason and "occlusion" in found.hint
    else:
        assert isinstance(found, list)


@pytest.mark.parametrize("method", ["attention_mean", "occlusion"])
@pytest.mark.parametrize("token", [-1, 3])
def test_a_span_outside_the_answer_is_an_error_and_never_another_words_map(tiny, method, token):
    with pytest.raises(ValueError, match="not inside an answer of 3 tokens"):
        explain(_case(tiny), Span("token", "x", (token,)), method)


def test_no_span_is_no_map_and_no_pass(tiny, monkeypatch):
    monkeypatch.setattr(tiny, "teacher_force", None)
    assert explain_spans(_case(tiny), [], "attention_mean") == []


def test_the_scores_are_of_the_given_answer_and_nothing_is_generated(tiny, monkeypatch):
    """Fault 12 of `test_peer_bugs.py`: an answer sampled anew inside the explanation."""

    def generate(*_arguments, **_keywords):
        raise AssertionError("generated")

    monkeypatch.setattr(tiny.model, "generate", generate)
    for method in METHODS:
        assert isinstance(_run(tiny, method), list)


def test_another_picture_than_the_prompt_shows_is_an_error(tiny):
    with pytest.raises(ValueError, match="36×48"):
        explain_spans(replace(_case(tiny), images=picture(36, 48)), SPANS, "occlusion")


def test_settings_out_of_range_or_unknown_are_refused_in_words(tiny):
    outlying = _run(tiny, "rise", masks=8001)
    assert isinstance(outlying, Refusal)
    assert "8001" in outlying.reason and "16 to 8000" in outlying.hint
    unknown = _run(tiny, "relevancy", layer=1)
    assert isinstance(unknown, Refusal) and "'layer'" in unknown.reason
    typo = _run(tiny, "attention_head", heda=1)
    assert isinstance(typo, Refusal) and "heda" in typo.reason and "layer, head" in typo.hint


def test_a_method_by_one_span_is_its_map_among_several(tiny):
    single = explain(_case(tiny), SPANS[1], "attention_mean")
    assert np.array_equal(single.values, _run(tiny, "attention_mean")[1].values)


@pytest.mark.parametrize("ask", [_run, lambda model, name: cost_of(_case(model).prompt, 1, name)])
def test_an_unknown_method_names_the_known_ones(tiny, ask):
    with pytest.raises(UserFacing, match="no method named 'magic'") as caught:
        ask(tiny, "magic")
    assert caught.value.hint == f"Known methods: {', '.join(METHODS)}."


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


def test_one_registry_holds_every_method_under_its_own_name_those_of_the_shared_pass_first():
    assert len({*METHODS}) == len(METHODS) == 20
    assert [*METHODS][: len(SHARED)] == SHARED and SHARED[0] == "attention_mean"
    for name, method in METHODS.items():
        assert name == method.name and METHODS.get_or_raise(name) is method
        assert len({"shared pass", "gradients", "runs"} & set(method.needs)) == 1


@pytest.mark.parametrize("method", METHODS)
def test_every_method_declares_what_a_screen_needs(method):
    spec = METHODS[method]
    assert spec.label and spec.unit and spec.description.endswith(".") and spec.caveat.endswith(".")
    assert ("foil" in spec.needs) == any(param.name == "foil" for param in spec.params)
    assert ("head" in spec.needs) == any(param.name == "head" for param in spec.params)
    for param in spec.params:
        assert param.label and param.limit or param.minimum <= param.default <= param.maximum
        assert not param.choices or (param.minimum, param.maximum) == (0, len(param.choices) - 1)


def test_the_shared_pass_is_run_once_for_all_methods_that_read_it(tiny, monkeypatch):
    passes: list[int] = []

    def counted(*arguments):
        passes.append(1)
        return gather_evidence(*arguments)

    monkeypatch.setattr(evidence_cache, "gather_evidence", counted)
    case = _case(tiny)
    asked = Attribution(case, tuple(SPANS))
    assert not passes  # nothing is run before it is read
    assert asked.evidence is asked.evidence
    for method in SHARED:
        assert isinstance(explain_spans(case, SPANS, method, QUICK.get(method)), list)
    assert passes == [1]


@pytest.mark.parametrize("method", SHARED)
def test_a_pass_at_hand_is_used_and_no_other_is_run(tiny, monkeypatch, method):
    case = _case(tiny)
    expected = _run(tiny, method)
    kept = gather_evidence(tiny, case.prompt, case.answer)
    assert Attribution(case, tuple(SPANS), kept=kept).evidence is kept
    monkeypatch.setattr(tiny, "teacher_force", None)
    evidence_cache.SHARED.forget(tiny)
    found = explain_spans(case, SPANS, method, QUICK.get(method), evidence=kept)
    for heat, same in zip(found, expected, strict=True):
        assert heat.values == pytest.approx(same.values, abs=1e-6)


def test_an_answer_that_holds_the_sign_for_a_picture_is_refused_in_words(tiny):
    prompt = _case(tiny).prompt
    sign = int(prompt.inputs["input_ids"][0, prompt.image_positions[0]])
    answer = Answer((5, sign), "a b", ((0, 1), (2, 3)), (0.0, 0.0), "stop")
    refused = refusal_before_pass(prompt, answer)
    assert isinstance(refused, Refusal) and "stands for a picture" in refused.reason
    assert refusal_before_pass(prompt, replace(answer, ids=(5, 6))) is None
