"""What an attribution method is given, what it declares, and what it hands back.

Adding a method: one file with a `Method` in it, and its name in `methods/registry.py` (or, from a package of
your own, an entry point of the group `workbench.methods`). Methods that only read the shared pass are made
by `methods/shared.py`.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from workbench.cases.answered import AnsweredCase
from workbench.explain.evidence import Evidence
from workbench.explain.evidence_cache import shared_evidence
from workbench.explain.heatmap import Refusal, Span
from workbench.explain.methods.params import Param, Params
from workbench.explain.sheet import Sheet
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel

Progress = Callable[[int, int], bool | None]
Need = Literal["shared pass", "gradients", "runs", "foil", "head"]
CAUSAL_SHARE = "part of the span's probability that is lost when the whole picture is replaced"


@dataclass(frozen=True)
class Attribution:
    """An answered case and the spans of which a method makes one map each.

    `progress(done, total)` is called between batches with the passes run so far; when it returns False, or
    `stop` is set, the method ends there (`Stopped`). `total` is an upper bound for methods that stop early.
    `kept` is the shared pass where a caller has it already.
    """

    case: AnsweredCase
    spans: tuple[Span, ...]
    progress: Progress | None = None
    stop: threading.Event | None = None
    kept: Evidence | None = field(default=None, repr=False)

    @property
    def model(self) -> LoadedModel:
        return self.case.model

    @property
    def prompt(self) -> Prompt:
        return self.case.prompt

    @property
    def image(self) -> MedicalImage | None:
        return self.case.image

    @property
    def sheet(self) -> Sheet:
        """All pictures on one sheet; ValueError without one."""
        return self.case.sheet

    @property
    def sheet_boxes(self) -> np.ndarray:
        """Boxes of all patches on the sheet, float32 `[P, 4]`."""
        return self.sheet.boxes(self.prompt.boxes, self.prompt.picture_of)

    @property
    def answer(self) -> Answer:
        return self.case.answer

    @cached_property
    def evidence(self) -> Evidence:
        """The shared pass of the answer; run at most once, and kept for the next method."""
        return self.kept or shared_evidence(self.model, self.prompt, self.answer)


@dataclass(frozen=True)
class Cost:
    """Passes through the model for one picture each; a batch of 8 counts as 8."""

    forwards: int
    backwards: int = 0


SHARED_PASS = Cost(1)  # whatever the number of spans, and of the methods that read it


@dataclass(frozen=True)
class SpanMaps:
    """Maps of S spans: `values` float `[S, P]`, `image_share` `[S]` in 0..1 and what it means, passes run.

    Where given, `details` and `warnings` have one entry a span; an empty warning is none. `seconds` is the
    time that making them took, where that is not the time since the method was called.
    """

    values: np.ndarray
    image_share: np.ndarray
    share_meaning: str
    spent: Cost
    note: str = ""
    details: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Method:
    """An attribution method.

    `description` is one sentence on what the map means, `caveat` one on when it misleads. `needs`: "shared
    pass" (reads `Attribution.evidence`, at no further cost), "gradients" (of a model that can give them),
    "runs" (passes of its own), "foil" (a word that the answer might have been instead) or "head" (a head to
    look at). `cost(prompt, spans, params)` tells the passes before they are run (an upper bound for methods
    that stop early). `compute` gets validated settings with every default filled in.
    """

    name: str
    label: str
    description: str
    caveat: str
    unit: str
    signed: bool
    needs: tuple[Need, ...]
    cost: Callable[[Prompt, int, Params], Cost]
    compute: Callable[[Attribution, Params], SpanMaps | Refusal]
    params: tuple[Param, ...] = ()
    pool: Literal["sum", "mean"] = "sum"

    @property
    def is_shared(self) -> bool:
        """Whether its maps of all words come from the shared pass."""
        return "shared pass" in self.needs


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
