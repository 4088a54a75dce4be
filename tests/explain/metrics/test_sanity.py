import numpy as np
import pytest
import torch

from tests.tiny import PLANTED_TOKEN, picture
from workbench.cases.answered import AnsweredCase
from workbench.explain import Refusal, Span
from workbench.explain.metrics import (
    SANITY,
    efficient_randomisation,
    random_token,
    randomise_parameters,
    sanity,
    swapped_image,
)
from workbench.explain.metrics.sanity import complexity
from workbench.models.answer import Question

QUESTION = Question("left")


def _weights(model) -> list[torch.Tensor]:
    return [weight.clone() for weight in model.model.parameters()]


def _same(model, before) -> bool:
    return all(torch.equal(a, b) for a, b in zip(model.model.parameters(), before, strict=True))


def test_a_swapped_image_changes_the_map_and_the_same_image_does_not(planted, answer_of, bright_patch):
    image = bright_patch(60, 40, (10, 10, 20, 20))
    prompt, answer, span = (
        planted.prepare(QUESTION, image),
        answer_of(PLANTED_TOKEN),
        Span("token", "x", (0,)),
    )
    same = swapped_image(AnsweredCase.of(planted, prompt, image, answer), span, "logit_attribution", image)
    assert same == pytest.approx(1)
    other = bright_patch(120, 80, (80, 50, 100, 70))  # another size: it is brought to the size of the first
    changed = swapped_image(AnsweredCase.of(planted, prompt, image, answer), span, "logit_attribution", other)
    assert changed < 0.9


def test_a_random_other_token_has_another_map(tiny, answer_of):
    image = picture(48, 48)
    prompt, answer, span = tiny.prepare(QUESTION, image), answer_of(7, 19, 23), Span("token", "x", (0,))
    found = random_token(AnsweredCase.of(tiny, prompt, None, answer), span, "logit_attribution")
    assert -1 <= found < 0.99
    assert found == random_token(
        AnsweredCase.of(tiny, prompt, None, answer), span, "logit_attribution"
    )  # the seed decides


def test_no_other_word_no_image_and_no_such_head_are_refused(tiny, answer_of):
    prompt, span = tiny.prepare(QUESTION, picture(48, 48)), Span("token", "x", (0,))
    assert isinstance(
        random_token(AnsweredCase.of(tiny, prompt, None, answer_of(7)), span, "attention_mean"), Refusal
    )
    blind = tiny.prepare(QUESTION, None)
    assert isinstance(
        random_token(AnsweredCase.of(tiny, blind, None, answer_of(7, 8)), span, "attention_mean"), Refusal
    )
    missing = {"layer": 99, "head": 0}
    image = picture(48, 48)
    answer = answer_of(7, 8)
    for found in (
        random_token(AnsweredCase.of(tiny, prompt, None, answer), span, "attention_head", missing),
        swapped_image(AnsweredCase.of(tiny, prompt, image, answer), span, "attention_head", image, missing),
        randomise_parameters(AnsweredCase.of(tiny, prompt, None, answer), span, "attention_head", missing),
    ):
        assert isinstance(found, Refusal)


def test_random_weights_change_the_map_and_come_back_bit_for_bit(tiny, answer_of):
    prompt, answer = tiny.prepare(QUESTION, picture(48, 48)), answer_of(7, 19)
    before = _weights(tiny)
    found = randomise_parameters(
        AnsweredCase.of(tiny, prompt, None, answer), Span("token", "x", (0,)), "logit_attribution"
    )
    assert found.layers == (1, 2, 3)  # three layers, four stages: each layer is its own stage
    assert all(value < 0.99 for value in found.correlations)
    assert abs(found.correlations[-1]) < 0.6
    assert _same(tiny, before)
    assert not any(weight.requires_grad for weight in tiny.model.parameters())


def test_the_weights_come_back_after_a_failure(tiny, answer_of, monkeypatch):
    prompt, answer, before = tiny.prepare(QUESTION, picture(48, 48)), answer_of(7), _weights(tiny)
    explain, calls = sanity.explain, []

    def failing(*arguments):
        calls.append(not _same(tiny, before))
        if len(calls) == 3:
            raise RuntimeError("half-way")
        return explain(*arguments)

    monkeypatch.setattr(sanity, "explain", failing)
    with pytest.raises(RuntimeError, match="half-way"):
        randomise_parameters(
            AnsweredCase.of(tiny, prompt, None, answer), Span("token", "x", (0,)), "attention_mean"
        )
    assert calls == [False, True, True]  # the weights were random at that moment
    assert _same(tiny, before)


def test_complexity_by_hand():
    assert complexity(np.ones(8)) == 0
    assert complexity(np.array([0.0, 0, 1, 1])) == pytest.approx(1)  # two bins of the hundred, half each
    assert complexity(np.arange(4.0)) == pytest.approx(2)
    assert complexity(np.array([0.0, 0, 0, 7])) == pytest.approx(0.75 * np.log2(4 / 3) + 0.25 * 2)


def test_one_bright_patch_gets_more_disordered_under_random_weights(planted, answer_of, bright_patch):
    image = bright_patch(48, 48, (16, 32, 24, 40))
    prompt, answer = planted.prepare(QUESTION, image), answer_of(PLANTED_TOKEN)
    before = _weights(planted)
    found = efficient_randomisation(
        AnsweredCase.of(planted, prompt, None, answer), Span("token", "x", (0,)), "attention_mean"
    )
    assert found.before < 0.5  # one patch of 36 differs from the others
    assert found.after > found.before - 1e-9
    assert found.rise == pytest.approx((found.after - found.before) / found.before)
    assert _same(planted, before)


def test_methods_that_run_the_model_are_tested_too(tiny, answer_of):
    image = picture(48, 48)
    prompt, answer, span = tiny.prepare(QUESTION, image), answer_of(7, 19), Span("token", "x", (0,))
    before = _weights(tiny)
    cascade = randomise_parameters(AnsweredCase.of(tiny, prompt, image, answer), span, "relevancy", stages=1)
    assert len(cascade.correlations) == 1 and cascade.correlations[0] < 0.99
    assert swapped_image(
        AnsweredCase.of(tiny, prompt, image, answer), span, "relevancy", image
    ) == pytest.approx(1)
    assert -1 <= random_token(AnsweredCase.of(tiny, prompt, image, answer), span, "relevancy") < 0.99
    assert _same(tiny, before)


def test_every_test_declares_its_direction():
    assert {name: metric.direction for name, metric in SANITY.items()} == {
        "swapped_image": "lower", "random_token": "lower", "random_weights": "lower",
        "complexity_rise": "higher",
    }  # fmt: skip
