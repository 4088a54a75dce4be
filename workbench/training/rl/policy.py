"""Group-relative policy optimisation: its arithmetic, then the update of a model by it.

Sources: group-relative advantages from DeepSeekMath (arXiv 2402.03300); asymmetric clipping, token-mean loss
and filtering of groups from DAPO (arXiv 2503.14476), with the bounds that MediX-R1 trained with.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import nn
from transformers import GenerationConfig

from workbench.errors import UserFacing
from workbench.models.answer import Prompt
from workbench.models.session import LoadedModel

CLIP_LOW, CLIP_HIGH = 0.2, 0.28
MEAN_LOW, MEAN_HIGH = 0.01, 0.99


def group_advantages(rewards: torch.Tensor) -> torch.Tensor:
    """(reward − group mean) / group SD, float64 `[G, k]` for rewards `[G, k]`, one group of answers a row.

    The SD divides by k − 1. A group whose rewards are all equal, or that has one answer, gets zeros.
    """
    rewards = rewards.double()
    # Equality is tested on the rewards: the SD of equal numbers is often 1e-17 and not 0.
    same = rewards.amax(1, keepdim=True) == rewards.amin(1, keepdim=True)
    if rewards.shape[1] < 2:
        return torch.zeros_like(rewards)
    deviation = rewards.std(1, keepdim=True)
    scaled = (rewards - rewards.mean(1, keepdim=True)) / deviation.masked_fill(same, 1.0)
    return scaled.masked_fill(same, 0.0)


def kept_groups(rewards: torch.Tensor, low: float = MEAN_LOW, high: float = MEAN_HIGH) -> torch.Tensor:
    """Bool `[G]`: groups whose mean reward is within low..high; the others are solved or hopeless."""
    mean = rewards.double().mean(1)
    return (mean >= low) & (mean <= high)


def clipped_surrogate(
    logp: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    low: float = CLIP_LOW,
    high: float = CLIP_HIGH,
) -> torch.Tensor:
    """min(r·A, clip(r, 1 − low, 1 + high)·A) of every token, `[B, T]`, to be maximised.

    `logp` and `old` `[B, T]` are log probabilities (nats) under the trained and the sampling policy,
    r = exp(logp − old); `advantages` `[B]` holds one number an answer.
    """
    ratio = (logp - old).exp()
    gain = advantages[:, None].to(ratio.dtype)
    return torch.minimum(ratio * gain, ratio.clamp(1 - low, 1 + high) * gain)


def kl_k3(logp: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Low-variance estimate of KL(policy ‖ reference) a token: exp(d) − d − 1, d = reference − logp."""
    difference = reference - logp
    return difference.exp() - difference - 1


def token_mean(values: torch.Tensor, mask: torch.Tensor, tokens: float | None = None) -> torch.Tensor:
    """Sum of `values` `[B, T]` where `mask` is true over `tokens`, scalar: long answers weigh more.

    `tokens` is the number of answer tokens of the whole step where this is one part of it; by default the
    tokens of the mask. Raises ValueError for no token.
    """
    count = float(mask.sum()) if tokens is None else tokens
    if count <= 0:
        raise ValueError("there is no answer token to take the mean over")
    return values.masked_fill(~mask, 0.0).sum() / count


def policy_loss(
    logp: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    *,
    tokens: float | None = None,
    clip: tuple[float, float] = (CLIP_LOW, CLIP_HIGH),
    kl: float = 0.0,
    reference: torch.Tensor | None = None,
) -> torch.Tensor:
    """Token-mean of −surrogate + kl·k3, to be minimised; shapes as in `clipped_surrogate`.

    Raises ValueError when `kl` is not zero and there is no `reference`.
    """
    each = -clipped_surrogate(logp, old, advantages, *clip)
    if kl:
        if reference is None:
            raise ValueError("a KL term needs the log probabilities of a reference policy")
        each = each + kl * kl_k3(logp, reference)
    return token_mean(each, mask, tokens)


@contextmanager
def trainable(model: nn.Module, trained: Callable[[str], bool]) -> Iterator[None]:
    """Parameters whose name `trained` accepts take gradients in this block; afterwards all is as before.

    The model is in eval mode: with dropout the sampled and the trained policy would differ. Raises UserFacing
    when nothing is trained, or numbers too coarse to train.
    """
    flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    modes = {module: module.training for module in model.modules()}
    try:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(trained(name))
        chosen = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not chosen:
            raise UserFacing("No parameter of this model is to be trained.", "Choose other parameters.")
        if any(parameter.dtype != torch.float32 for parameter in chosen):
            what = "The weights to train have half precision, which rounds small steps away."
            raise UserFacing(what, "Load the model with the dtype float32, or train a float32 adapter.")
        model.eval()
        yield
    finally:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(flags[name])
            parameter.grad = None
        for module, mode in modes.items():
            module.training = mode


def picture_ids(config: Any) -> list[int]:
    """Placeholder ids of images and videos, which an answer must not contain."""
    names = ("image_token_id", "video_token_id")
    return [number for name in names if (number := getattr(config, name, None)) is not None]


@contextmanager
def whole_distribution(model: Any) -> Iterator[None]:
    """Sampling in this block is from all tokens but picture placeholders, as the loss assumes.

    By default `generate` cuts the distribution to 50 tokens, and a checkpoint may bring more of the kind.
    """
    usual = model.generation_config
    ends = {name: getattr(usual, name) for name in ("eos_token_id", "pad_token_id", "bos_token_id")}
    model.generation_config = GenerationConfig(
        **ends, do_sample=True, top_k=0, suppress_tokens=picture_ids(model.config) or None
    )
    try:
        yield
    finally:
        model.generation_config = usual


@dataclass(frozen=True)
class Rollout:
    """One sampled answer with its advantage within its group."""

    prompt: Prompt
    ids: tuple[int, ...]
    advantage: float


def answer_logprobs(
    loaded: LoadedModel, model: nn.Module, rows: Sequence[Rollout]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(log p of each answer token, where there is one), float32 and bool `[B, T]`, right-aligned.

    Teacher-forced with gradients through `model`, which has the architecture of `loaded`; temperature 1, no
    picture placeholders, 0 where there is no answer token.
    """
    ids = [torch.tensor(row.ids, device=loaded.device) for row in rows]
    whole = [loaded.family.extend(row.prompt.inputs, tail) for row, tail in zip(rows, ids, strict=True)]
    inputs = loaded.family.collate(whole, loaded.tokenizer.pad_token_id or 0) if len(rows) > 1 else whole[0]
    longest = max(map(len, ids))
    logits = model(**inputs, use_cache=False, logits_to_keep=longest + 1).logits[:, :-1].float()
    forbidden = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    forbidden[picture_ids(loaded.model.config)] = True
    targets = inputs["input_ids"][:, -longest:, None]
    logp = logits.masked_fill(forbidden, float("-inf")).log_softmax(-1).gather(2, targets)[..., 0]
    lengths = torch.tensor([len(tail) for tail in ids], device=logp.device)
    mask = torch.arange(longest, device=logp.device) >= longest - lengths[:, None]
    return logp.masked_fill(~mask, 0.0), mask


def portions(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Consecutive parts of `size` items; the last may be smaller."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def summed(values: Sequence[float], device: torch.device) -> list[float]:
    """Each number added up over all processes."""
    return reduce(torch.tensor(values, dtype=torch.float64, device=device), "sum").tolist()


def share_gradients(parameters: Sequence[nn.Parameter], device: torch.device) -> None:
    """Add up gradients over all processes; a parameter that none of them used keeps None."""
    if PartialState().num_processes == 1:
        return
    users = summed([float(p.grad is not None) for p in parameters], device)
    used = [p for p, count in zip(parameters, users, strict=True) if count]
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in used]
    total = reduce(torch.cat([part.reshape(-1) for part in parts]), "sum")
    for p, part in zip(used, total.split([p.numel() for p in used]), strict=True):
        p.grad = part.view_as(p).clone()


@dataclass(frozen=True)
class Learner:
    """Updates the trainable parameters of `loaded` from scored answers.

    `clip` is (low, high) of the surrogate; `reference` is the policy that `kl` ties it to, None without KL.
    """

    loaded: LoadedModel
    optimiser: torch.optim.Optimizer
    clip: tuple[float, float]
    kl: float
    reference: nn.Module | None
    gradient_norm: float

    def learn(self, rows: Sequence[Rollout], tokens: float, micro: int, passes: int) -> float:
        """`passes` optimiser steps on this process's answers; the loss of the first, over all processes.

        `tokens` divides the summed loss; all processes give the same. `micro` answers are run at a time.
        Raises UserFacing for a loss that is no number.
        """
        ordered = sorted(rows, key=lambda row: row.prompt.length + len(row.ids))
        parts = portions(ordered, micro)
        old: list[torch.Tensor] = []
        return [self._pass(parts, old, tokens) for _ in range(passes)][0]

    def _pass(self, parts: Sequence[Sequence[Rollout]], old: list[torch.Tensor], tokens: float) -> float:
        """One optimiser step; the first fills `old`, as its weights are still those that sampled."""
        total, first = 0.0, not old
        for number, part in enumerate(parts):
            loss, logp = self._loss(part, None if first else old[number], tokens)
            loss.backward()
            total += loss.item()
            if first:
                old.append(logp)
        chosen = [p for p in self.loaded.model.parameters() if p.requires_grad]
        share_gradients(chosen, self.loaded.device)
        total = summed([total], self.loaded.device)[0]
        if not math.isfinite(total):
            hint = "Start again with a lower rate, in another folder."
            raise UserFacing("The loss of the reinforcement is no longer a number.", hint)
        nn.utils.clip_grad_norm_(chosen, self.gradient_norm)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return total

    def _loss(
        self, rows: Sequence[Rollout], old: torch.Tensor | None, tokens: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(these answers' share of the loss, their log probs without gradient)."""
        logp, mask = answer_logprobs(self.loaded, self.loaded.model, rows)
        reference = None
        if self.reference is not None:
            with torch.no_grad():
                reference, _ = answer_logprobs(self.loaded, self.reference, rows)
        loss = policy_loss(
            logp,
            logp.detach() if old is None else old,
            torch.tensor([row.advantage for row in rows], device=logp.device),
            mask,
            tokens=tokens,
            clip=self.clip,
            kl=self.kl,
            reference=reference,
        )
        return loss, logp.detach()
