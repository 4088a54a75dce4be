"""Evidence kept by bytes: reused for another method, evicted by size, safe for threads."""

import threading
from dataclasses import replace

import pytest
import torch

from tests.explain.cases import answer_of
from tests.tiny import load_tiny, picture, save_tiny
from workbench.explain import EvidenceCache, evidence_cache
from workbench.explain.evidence_cache import evidence_key
from workbench.models.answer import Question


@pytest.fixture
def passes(monkeypatch):
    """Answer ids of every pass that was really run."""
    done, gather = [], evidence_cache.gather_evidence
    monkeypatch.setattr(
        evidence_cache,
        "gather_evidence",
        lambda model, prompt, answer: done.append(answer.ids) or gather(model, prompt, answer),
    )
    return done


@pytest.fixture
def prompt(tiny):
    return tiny.prepare(Question("left"), picture(48, 48))


def test_the_same_answer_is_passed_once(tiny, prompt, passes):
    cache = EvidenceCache()
    first = cache.get(tiny, prompt, answer_of((7, 11)))
    again = cache.get(tiny, tiny.prepare(Question("left"), picture(48, 48)), answer_of((7, 11)))
    assert again is first and passes == [(7, 11)]


def test_the_key_tells_apart_model_question_pixels_and_answer(tiny, prompt):
    answer = answer_of((7, 11))
    keys = {
        evidence_key(tiny, prompt, answer),
        evidence_key(tiny, prompt, answer_of((7, 12))),
        evidence_key(tiny, tiny.prepare(Question("right"), picture(48, 48)), answer),
        evidence_key(tiny, tiny.prepare(Question("left"), picture(48, 48, seed=1)), answer),
    }
    pixels = prompt.inputs["pixel_values"].clone()
    pixels[0, 0, 0, 0] += 0.01
    keys.add(evidence_key(tiny, replace(prompt, inputs=prompt.inputs | {"pixel_values": pixels}), answer))
    half = prompt.inputs["pixel_values"].to(torch.bfloat16)
    keys.add(evidence_key(tiny, replace(prompt, inputs=prompt.inputs | {"pixel_values": half}), answer))
    assert len(keys) == 6


def test_the_least_recently_used_goes_when_the_bytes_are_full(tiny, prompt, passes):
    answers = [answer_of((7, token)) for token in (11, 12, 13)]
    size = EvidenceCache().get(tiny, prompt, answers[0]).kept_bytes
    passes.clear()
    cache = EvidenceCache(limit_bytes=int(2.5 * size))
    cache.get(tiny, prompt, answers[0])
    cache.get(tiny, prompt, answers[1])
    cache.get(tiny, prompt, answers[0])  # now answers[1] is the oldest
    cache.get(tiny, prompt, answers[2])
    assert len(cache) == 2 and cache.kept_bytes == 2 * size <= cache.limit_bytes
    cache.get(tiny, prompt, answers[0])
    assert len(passes) == 3
    cache.get(tiny, prompt, answers[1])
    assert len(passes) == 4


def test_evidence_above_the_limit_is_given_and_not_kept(tiny, prompt, passes):
    cache = EvidenceCache(limit_bytes=100)
    assert cache.get(tiny, prompt, answer_of((7,))).kept_bytes > 100
    assert len(cache) == 0 and cache.kept_bytes == 0


def test_bytes_count_every_array(tiny, prompt):
    found = EvidenceCache().get(tiny, prompt, answer_of((7, 11)))
    layers, heads, tokens, patches, width = 3, 4, 2, 36, 32
    text = prompt.length - patches + tokens
    floats = layers * heads * tokens * (patches + 1 + 4)  # attention and its shares
    floats += tokens * (patches + 4) + 2 * layers * heads * tokens  # contributions
    floats += text * (patches + text)  # likeness
    floats += (
        tokens * width + layers * patches * width * 2 + layers * tokens * width
    )  # states, values, outputs
    floats += 2 * tokens + 4 * patches  # log probs, entropy, boxes; the picture of a patch is an int64
    assert found.kept_bytes == 4 * floats + 8 * (text + patches + len(found.sinks))


def test_threads_that_want_the_same_share_one_pass(tiny, prompt, passes):
    cache, found = EvidenceCache(), []
    threads = [
        threading.Thread(target=lambda: found.append(cache.get(tiny, prompt, answer_of((7, 11)))))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passes) == 1 and len({id(evidence) for evidence in found}) == 1


def test_another_load_of_the_same_model_gets_its_own_pass(tmp_path, passes):
    folder = save_tiny(tmp_path / "model")
    cache, models = EvidenceCache(), [load_tiny(folder), load_tiny(folder)]
    for model in models:
        found = cache.get(model, model.prepare(Question("left"), picture(48, 48)), answer_of((7,)))
        assert found.model() is model
    assert len(passes) == 2


def test_a_changed_model_can_be_forgotten(tiny, prompt, passes):
    cache = EvidenceCache()
    cache.get(tiny, prompt, answer_of((7,)))
    cache.forget(tiny)
    assert len(cache) == 0
    cache.get(tiny, prompt, answer_of((7,)))
    assert len(passes) == 2


def test_an_empty_answer_is_an_error_and_leaves_nothing(tiny, prompt):
    cache = EvidenceCache()
    with pytest.raises(ValueError, match="empty answer"):
        cache.get(tiny, prompt, answer_of(()))
    assert len(cache) == 0
