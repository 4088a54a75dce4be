import numpy as np
import pytest
import torch

from tests.explain.cases import WORD, case_of, painted
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain import Refusal, explain
from workbench.explain.metrics import (
    SANITY,
    efficient_randomisation,
    random_token,
    randomise_parameters,
    sanity,
    swapped_image,
)
from workbench.explain.metrics.sanity import complexity


def _weights(model) -> list[torch.Tensor]:
    return [weight.clone() for weight in model.model.parameters()]


def _same(model, before) -> bool:
    return all(torch.equal(a, b) for a, b in zip(model.model.parameters(), before, strict=True))


def test_a_swapped_image_changes_the_map_and_the_same_image_does_not(planted):
    image = painted(60, 40, (10, 10, 20, 20))
    case = case_of(planted, image, (PLANTED_TOKEN,))
    same = swapped_image(case, WORD, "logit_attribution", image)
    assert same == pytest.approx(1)
    other = painted(120, 80, (80, 50, 100, 70))  # another size: it is brought to the size of the first
    changed = swapped_image(case, WORD, "logit_attribution", other)
    assert changed < 0.9


def test_a_random_other_token_has_another_map(tiny):
    case = case_of(tiny, picture(48, 48), (7, 19, 23))
    found = random_token(case, WORD, "logit_attribution")
    assert -1 <= found < 0.99
    assert found == random_token(case, WORD, "logit_attribution")  # the seed decides


def test_no_other_word_no_image_and_no_such_head_are_refused(tiny):
    image, missing = picture(48, 48), {"layer": 99, "head": 0}
    case = case_of(tiny, image, (7, 8))
    for found in (
        random_token(case_of(tiny, image, (7,)), WORD, "attention_mean"),
        random_token(case_of(tiny, None, (7, 8)), WORD, "attention_mean"),
        random_token(case, WORD, "attention_head", missing),
        swapped_image(case, WORD, "attention_head", image, missing),
        randomise_parameters(case, WORD, "attention_head", missing),
        randomise_parameters(case_of(tiny, None, (7, 8)), WORD, "attention_mean"),
        efficient_randomisation(case, WORD, "attention_head", missing),
    ):
        assert isinstance(found, Refusal)


def test_random_weights_change_the_map_and_come_back_bit_for_bit(tiny):
    before = _weights(tiny)
    found = randomise_parameters(case_of(tiny, picture(48, 48), (7, 19)), WORD, "logit_attribution")
    assert found.layers == (1, 2, 3)  # three layers, four stages: each layer is its own stage
    assert all(value < 0.99 for value in found.correlations)
    assert abs(found.correlations[-1]) < 0.6
    assert _same(tiny, before)
    assert not any(weight.requires_grad for weight in tiny.model.parameters())


def test_the_weights_come_back_after_a_failure(tiny, monkeypatch):
    before = _weights(tiny)
    explain, calls = sanity.explain, []

    def failing(*arguments, **keywords):
        calls.append(not _same(tiny, before))
        if len(calls) == 3:
            raise RuntimeError("half-way")
        return explain(*arguments, **keywords)

    monkeypatch.setattr(sanity, "explain", failing)
    with pytest.raises(RuntimeError, match="half-way"):
        randomise_parameters(case_of(tiny, picture(48, 48), (7,)), WORD, "attention_mean")
    assert calls == [False, True, True]  # the weights were random at that moment
    assert _same(tiny, before)


def test_complexity_by_hand():
    assert complexity(np.ones(8)) == 0
    assert complexity(np.array([0.0, 0, 1, 1])) == pytest.approx(1)  # two bins of the hundred, half each
    assert complexity(np.arange(4.0)) == pytest.approx(2)
    assert complexity(np.array([0.0, 0, 0, 7])) == pytest.approx(0.75 * np.log2(4 / 3) + 0.25 * 2)


def test_one_bright_patch_gets_more_disordered_under_random_weights(planted):
    case = case_of(planted, painted(48, 48, (16, 32, 24, 40)), (PLANTED_TOKEN,))
    before = _weights(planted)
    found = efficient_randomisation(case, WORD, "attention_mean")
    assert found.before < 0.5  # one patch of 36 differs from the others
    assert found.after > found.before - 1e-9
    assert found.rise == pytest.approx((found.after - found.before) / found.before)
    assert _same(planted, before)


def test_methods_that_run_the_model_are_tested_too(tiny):
    image = picture(48, 48)
    case, before = case_of(tiny, image, (7, 19)), _weights(tiny)
    cascade = randomise_parameters(case, WORD, "relevancy", stages=1)
    assert len(cascade.correlations) == 1 and cascade.correlations[0] < 0.99
    assert swapped_image(case, WORD, "relevancy", image) == pytest.approx(1)
    assert -1 <= random_token(case, WORD, "relevancy") < 0.99
    assert _same(tiny, before)


def test_every_test_declares_its_direction():
    assert {metric.name: metric.direction for metric in SANITY} == {
        "swapped_image": "lower", "random_token": "lower", "random_weights": "lower",
        "complexity_rise": "higher",
    }  # fmt: skip


@pytest.mark.parametrize("test", [randomise_parameters, efficient_randomisation])
@pytest.mark.parametrize("method", ["attention_mean", "logit_attribution"])
def test_a_kept_pass_of_the_real_weights_is_never_taken_for_one_of_random_weights(
    tiny, own_passes, test, method
):
    case = case_of(tiny, picture(48, 48), (7, 19))
    fresh = test(case, WORD, method)
    assert len(own_passes) == 0  # and a pass on random weights is never kept for others
    real = explain(case, WORD, method)
    assert len(own_passes) == 1
    assert test(case, WORD, method) == fresh
    assert np.array_equal(explain(case, WORD, method).values, real.values)
