"""Batches: how they shrink when the memory runs out, what the progress hook hears, and how they stop."""

import threading

import numpy as np
import pytest
import torch

from tests.explain.cases import case_of, token_spans
from tests.tiny import picture
from workbench.explain import Refusal
from workbench.explain.explanations import cost_of, explain_spans
from workbench.explain.methods import gradients, tiers
from workbench.explain.methods.attribution import Attribution
from workbench.explain.methods.passes import PassCounter, Stopped, in_batches, shrinking
from workbench.models.answer import Question

IDS = (7, 11, 13)
MANY = {
    "smooth_gradient": {"samples": 3},
    "integrated_gradients": {"steps": 8},
    "grad_cam": {},
    "occlusion": {"window": 2, "stride": 2, "tier": 1},
    "rise": {"masks": 24},
    "shapley": {"cells": 3, "pairs": 2, "tier": 2},
    "greedy_search": {"cells": 2, "tier": 3},
}


def _limited(most: int, seen: list[int]):
    """A pass that runs out of memory above `most` items."""

    def run(group: list[int]) -> torch.Tensor:
        seen.append(len(group))
        if len(group) > most:
            raise torch.OutOfMemoryError("injected")
        return torch.tensor(group)

    return run


def test_the_batch_is_halved_until_it_fits_and_stays_small():
    seen: list[int] = []
    found = torch.cat([*in_batches(range(11), 8, _limited(3, seen))])
    assert found.tolist() == list(range(11))
    assert seen == [8, 4, 2, 2, 2, 2, 2, 1]


def test_one_item_that_does_not_fit_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        list(in_batches(range(3), 4, _limited(0, [])))
    with pytest.raises(torch.OutOfMemoryError):
        shrinking(8, lambda size: _limited(0, [])([size]), most=1)


def _run(model, method, **keywords):
    case, spans = case_of(model, picture(48, 36), IDS), token_spans((0,), (1, 2))
    return explain_spans(case, spans, method, MANY[method], **keywords)


@pytest.mark.parametrize("method", ["occlusion", "rise", "shapley", "greedy_search", "integrated_gradients"])
def test_out_of_memory_gives_the_same_map_from_smaller_batches(tiny, monkeypatch, method):
    plain = _run(tiny, method)
    sizes: list[int] = []

    def full(_module, arguments, keywords):
        sizes.append(len(keywords["inputs_embeds"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("injected")

    text = tiny.model.model.language_model
    hook = text.register_forward_pre_hook(full, with_kwargs=True)
    try:
        found = _run(tiny, method)
    finally:
        hook.remove()
    assert max(sizes) > 2 and sizes[-1] <= 2
    for one, other in zip(found, plain, strict=True):
        assert one.meta["method"] == method
        assert np.allclose(one.values, other.values, atol=1e-4)


@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients", "relevancy"])
def test_no_memory_for_a_single_pass_is_a_refusal_never_another_method(tiny, monkeypatch, method):
    monkeypatch.setitem(MANY, "relevancy", {})

    def never(_module, _arguments):
        raise torch.OutOfMemoryError("injected")

    hook = tiny.decoder.layers[0].register_forward_pre_hook(never)
    try:
        refused = _run(tiny, method)
    finally:
        hook.remove()
    assert isinstance(refused, Refusal) and "too little memory" in refused.reason
    assert ("occlusion" in refused.hint) == (method != "occlusion")


@pytest.mark.parametrize("method", MANY)
def test_progress_rises_to_the_end_within_the_declared_cost(tiny, method):
    heard: list[tuple[int, int]] = []
    found = _run(tiny, method, progress=lambda done, total: heard.append((done, total)))
    assert isinstance(found, list)
    done, totals = zip(*heard, strict=True)
    assert list(done) == sorted(done) and done[-1] <= totals[-1]
    assert len(set(totals)) == 1
    cost = cost_of(tiny.prepare(Question("left"), picture(48, 36)), 2, method, MANY[method])
    assert totals[0] <= cost.forwards
    if method not in ("rise", "greedy_search"):  # those may end early
        assert done[-1] == totals[0]


@pytest.mark.parametrize("method", MANY)
def test_a_hook_that_says_no_stops_between_batches(tiny, method):
    heard: list[int] = []
    refused = _run(tiny, method, progress=lambda done, _total: heard.append(done) or False)
    assert isinstance(refused, Refusal) and refused.reason == "Stopped."
    assert len(heard) == 1
    assert tiny.lock.free


@pytest.mark.parametrize("method", MANY)
def test_a_set_event_stops_before_the_first_batch(tiny, method):
    stop, heard = threading.Event(), []
    stop.set()
    refused = _run(tiny, method, stop=stop, progress=lambda *now: heard.append(now))
    assert isinstance(refused, Refusal) and refused.reason == "Stopped."
    assert not heard


def test_the_counter_never_says_more_than_the_total():
    context, heard = Attribution(None, (), lambda *now: heard.append(now)), []
    counter = PassCounter(context, 3)
    counter.add(2)
    counter.add(2)
    assert heard == [(2, 3), (3, 3)]
    context = Attribution(None, (), lambda *_: False)
    with pytest.raises(Stopped):
        PassCounter(context, 3).add(1)


def test_batches_are_larger_than_what_the_memory_tests_allow():
    assert min(tiers.BATCH, tiers.READING_BATCH, gradients.IG_BATCH) > 2
