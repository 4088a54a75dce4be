"""Methods that need the model itself: what they are given, what they declare, and what they hand back.

The methods of `methods/base.py` read the shared pass; these run passes of their own, so they state the cost.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from workbench.explain.heatmap import Refusal, Span
from workbench.explain.methods.params import Param, Params
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel

Progress = Callable[[int, int], bool | None]
CAUSAL_SHARE = "part of the span's probability that is lost when the whole picture is replaced"


@dataclass(frozen=True)
class AttributionContext:
    """One prepared question about `image` and its answer; a method makes one map for each of `spans`.

    `progress(done, total)` is called between batches with the passes run so far; when it returns False, or
    `stop` is set, the method ends there (`Stopped`). `total` is an upper bound for methods that stop early.
    """

    model: LoadedModel
    prompt: Prompt
    image: MedicalImage | None
    answer: Answer
    spans: tuple[Span, ...]
    progress: Progress | None = None
    stop: threading.Event | None = None


@dataclass(frozen=True)
class Cost:
    """Passes through the model for one picture each; a batch of 8 counts as 8."""

    forwards: int
    backwards: int = 0


@dataclass(frozen=True)
class SpanMaps:
    """Maps of S spans: `values` float `[S, P]`, `image_share` `[S]` in 0..1 and what it means, passes run.

    Where given, `details` and `warnings` have one entry a span; an empty warning is none.
    """

    values: np.ndarray
    image_share: np.ndarray
    share_meaning: str
    spent: Cost
    note: str = ""
    details: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContextMethod:
    """An attribution method that runs the model.

    `description` and `caveat` are one sentence each. `cost(prompt, spans, params)` tells the passes before
    they are run (an upper bound for methods that stop early). `compute` gets validated params with every
    default filled in.
    """

    name: str
    label: str
    description: str
    caveat: str
    unit: str
    signed: bool
    needs: Literal["gradient", "forwards"]
    cost: Callable[[Prompt, int, Params], Cost]
    compute: Callable[[AttributionContext, Params], SpanMaps | Refusal]
    params: tuple[Param, ...] = ()


def causal_share(full: torch.Tensor, replaced: torch.Tensor) -> np.ndarray:
    """1 − exp(−max(0, f(picture) − f(replaced picture))), `[S]` from two `[S]` log probabilities."""
    return (1 - torch.exp(-(full - replaced).double().clamp(min=0))).cpu().numpy()


def span_sums(logprobs: torch.Tensor, spans: tuple[Span, ...]) -> torch.Tensor:
    """Summed log probability of every span, `[B, S]` from `[B, T]`; differentiable."""
    return torch.stack([logprobs[:, list(span.tokens)].sum(-1) for span in spans], dim=-1)


@contextmanager
def guarded(model: LoadedModel) -> Iterator[nn.Module]:
    """Hold the model frozen and in eval mode; every flag is given back as found, also on failure.

    Gradients may be taken inside (towards activations only), whatever grad mode the caller is in.
    """
    net = model.model
    with model.lock, torch.inference_mode(False), torch.enable_grad():
        training = [(module, module.training) for module in net.modules()]
        wanted = [(weight, weight.requires_grad) for weight in net.parameters()]
        try:
            net.eval().requires_grad_(False)
            yield net
        finally:
            for module, flag in training:
                module.training = flag
            for weight, flag in wanted:
                weight.requires_grad_(flag)
