"""Group-relative policy optimisation against numbers worked out by hand."""

import math

import pytest
import torch

from workbench.training.rl.policy import (
    clipped_surrogate,
    group_advantages,
    kept_groups,
    kl_k3,
    policy_loss,
    token_mean,
)


def test_advantages_are_deviations_in_units_of_the_groups_own_spread() -> None:
    # Mean 2, deviations −2, −1, 0, 3, squares 4 + 1 + 0 + 9 = 14, SD √(14/3).
    rewards = torch.tensor([[0.0, 1.0, 2.0, 5.0], [10.0, 10.0, 10.0, 10.4]])
    found = group_advantages(rewards)
    sd = math.sqrt(14 / 3)
    assert found[0].tolist() == pytest.approx([-2 / sd, -1 / sd, 0.0, 3 / sd])
    # One of four better by any amount: deviations −x, −x, −x, 3x, SD 2x.
    assert found[1].tolist() == pytest.approx([-0.5, -0.5, -0.5, 1.5], abs=1e-5)


def test_equal_rewards_and_single_answers_have_no_advantage() -> None:
    # Ten times 0.1 has a mean that is not 0.1 in binary: the rounding must not be blown up to ±1.
    assert group_advantages(torch.full((1, 10), 0.1)).tolist() == [[0.0] * 10]
    assert group_advantages(torch.full((2, 6), 0.6625, dtype=torch.float64)).abs().max() == 0
    assert group_advantages(torch.tensor([[0.3], [0.9]])).tolist() == [[0.0], [0.0]]


def test_solved_and_hopeless_groups_are_dropped() -> None:
    rewards = torch.tensor([[0.0, 0.0], [0.0, 0.01], [0.0, 0.03], [0.5, 1.0], [0.97, 1.0], [1.0, 1.0]])
    assert kept_groups(rewards).tolist() == [False, False, True, True, True, False]
    assert kept_groups(rewards, 0.0, 1.0).all()


def test_the_surrogate_is_clipped_where_the_step_would_go_further() -> None:
    ratios = torch.tensor([[0.5, 0.9, 1.0, 1.27, 1.5]])
    for advantage, expected in (
        (2.0, [1.0, 1.8, 2.0, 2.54, 2.56]),  # gains stop at 1.28
        (-2.0, [-1.6, -1.8, -2.0, -2.54, -3.0]),  # below 0.8 there is nothing more to gain
    ):
        found = clipped_surrogate(ratios.log(), torch.zeros(1, 5), torch.tensor([advantage]))
        assert found[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_clipped_token_has_no_gradient_and_others_have() -> None:
    logp = torch.tensor([1.5, 1.1, 0.5]).log()[None].requires_grad_()
    clipped_surrogate(logp, torch.zeros(1, 3), torch.tensor([1.0])).sum().backward()
    assert logp.grad[0].tolist() == pytest.approx([0.0, 1.1, 0.5])


def test_k3_is_zero_at_the_reference_and_positive_elsewhere() -> None:
    reference = torch.tensor([0.5, 0.5, 0.5]).log()
    logp = torch.tensor([0.5, 0.25, 1.0]).log()
    # exp(d) = 1, 2, ½; d = 0, ln 2, −ln 2.
    expected = [0.0, 1 - math.log(2), math.log(2) - 0.5]
    assert kl_k3(logp, reference).tolist() == pytest.approx(expected, abs=1e-6)


def test_every_token_weighs_the_same_whatever_the_length_of_its_answer() -> None:
    values = torch.tensor([[4.0, 7.0, 7.0], [1.0, 2.0, 3.0]])
    mask = torch.tensor([[True, False, False], [True, True, True]])
    assert token_mean(values, mask).item() == 2.5  # (4 + 6) / 4, not (4 + 2) / 2
    assert token_mean(values, mask, tokens=20).item() == 0.5
    with pytest.raises(ValueError, match="no answer token"):
        token_mean(values, torch.zeros_like(mask))


def test_masked_tokens_cannot_spoil_the_mean() -> None:
    values = torch.tensor([[1.0, float("nan")]])
    assert token_mean(values, torch.tensor([[True, False]])).item() == 1.0


def test_the_loss_adds_up_surrogate_and_kl() -> None:
    logp = torch.tensor([[0.5, 0.6]]).log()
    old = torch.tensor([[0.5, 0.5]]).log()
    reference = torch.tensor([[0.25, 0.6]]).log()
    mask = torch.ones(1, 2, dtype=torch.bool)
    gain = torch.tensor([2.0])
    # Ratios 1 and 1.2, surrogate 2 and 2.4; k3 of the first token ½ − ln ½ − 1 = ln 2 − ½.
    assert policy_loss(logp, old, gain, mask).item() == pytest.approx(-2.2)
    assert policy_loss(logp, old, gain, mask, clip=(0.2, 0.1)).item() == pytest.approx(-2.1)
    with_kl = policy_loss(logp, old, gain, mask, kl=0.1, reference=reference).item()
    assert with_kl == pytest.approx(-2.2 + 0.1 * (math.log(2) - 0.5) / 2)
    with pytest.raises(ValueError, match="reference"):
        policy_loss(logp, old, gain, mask, kl=0.1)


def test_the_gradient_raises_what_was_better_than_its_group() -> None:
    logp = torch.zeros(2, 1, requires_grad=True)
    mask = torch.ones(2, 1, dtype=torch.bool)
    policy_loss(logp, logp.detach(), torch.tensor([1.0, -1.0]), mask).backward()
    assert logp.grad[:, 0].tolist() == [-0.5, 0.5]
