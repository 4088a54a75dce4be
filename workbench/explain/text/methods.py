"""Methods of text attribution: words blanked one by one, and a gradient's guess of the same.

Adding one: a `TextMethod` here, by `TEXT_METHODS.register`, or by an installed package under the entry point
group `workbench.text_methods`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import Span
from workbench.explain.methods.attribution import Cost, guarded
from workbench.explain.methods.passes import Stopped
from workbench.explain.text.replaced import BlankedText, blank_id
from workbench.explain.text.units import TextUnit, reach_table
from workbench.models.forced import require_no_placeholder
from workbench.registry import Registry

UNIT = "log probability (nats)"


@dataclass(frozen=True)
class TextAttribution:
    """An answered case, the units to score and the spans to score them for."""

    case: AnsweredCase
    units: tuple[TextUnit, ...]
    spans: tuple[Span, ...]
    stop: threading.Event | None = None

    def halt(self, _passes: int = 0) -> None:
        """Raises Stopped once `stop` is set."""
        if self.stop is not None and self.stop.is_set():
            raise Stopped


@dataclass(frozen=True)
class TextMethod:
    """A method of text attribution.

    `compute(asked)` gives values float `[S, U]` (above 0: the unit made the span more probable) and the
    passes run. `words` tells whether maps of all single words of the answer cost no more than one map.
    """

    name: str
    label: str
    description: str
    caveat: str
    compute: Callable[[TextAttribution], tuple[np.ndarray, Cost]]
    gradients: bool = False
    words: bool = False
    unit: str = UNIT
    signed: bool = True
    params: tuple[Any, ...] = ()
    is_shared: bool = False


def occlusion(asked: TextAttribution) -> tuple[np.ndarray, Cost]:
    """log p(span) − log p(span, unit blanked), over the span's tokens after the unit: one forward a unit."""
    text = BlankedText(asked.case)
    scores = text.scored([unit.places for unit in asked.units], asked.halt)
    drops = text.before[None] - scores
    values = (reach_table(asked.case, asked.units, asked.spans) * drops[None]).sum(-1)
    return values, Cost(text.passes)


def gradient(asked: TextAttribution) -> tuple[np.ndarray, Cost]:
    """Σ over a unit's tokens of (embedding − blank's embedding) · ∂ log p(span)/∂ embedding.

    The slope's guess of `occlusion`, in one forward and a backward a span.
    """
    case, model = asked.case, asked.case.model
    require_no_placeholder(model, case.prompt, case.answer.ids)
    ids = torch.tensor(case.answer.ids, device=model.device)
    inputs = model.family.extend(case.prompt.inputs, ids)
    first = case.prompt.length - 1
    rows = torch.arange(first, first + len(ids), device=model.device)
    embed, kept = model.model.get_input_embeddings(), []

    def leaf(_module: torch.nn.Module, _given: Any, output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[-1]

    with guarded(model) as net:
        blank = embed(torch.tensor([[blank_id(model)]], device=model.device))[0, 0].detach().float()
        hook = embed.register_forward_hook(leaf)
        try:
            logits = net(**inputs, logits_to_keep=rows, use_cache=False).logits[0].float()
        finally:
            hook.remove()
        logprobs = logits.log_softmax(-1).gather(1, ids[:, None])[:, 0]
        values, last = np.zeros((len(asked.spans), len(asked.units)), np.float32), len(asked.spans) - 1
        for row, span in enumerate(asked.spans):
            asked.halt()
            (slope,) = torch.autograd.grad(
                logprobs[list(span.tokens)].sum(), kept[0], retain_graph=row < last
            )
            product = (slope[0].float() * (kept[0][0].float() - blank)).sum(-1).detach().cpu().numpy()
            values[row] = [product[list(unit.places)].sum() for unit in asked.units]
    reach = reach_table(case, asked.units, asked.spans).any(-1)
    return np.where(reach, values, 0), Cost(1, len(asked.spans))


TEXT_METHODS: Registry[TextMethod] = Registry(
    "text method",
    "workbench.text_methods",
    (
        TextMethod(
            "text_occlusion", "Words blanked out",
            "Signed: how much log probability the words lose when a word of the question, or a step of the "
            "reasoning, is blanked out.",
            "One part at a time: of two words that say the same, neither seems to matter; and a text with a "
            "gap is not a text that the model was taught.",
            occlusion, words=True,
        ),
        TextMethod(
            "text_gradient", "Words, input × gradient",
            "Signed: what the slope at the words' embeddings says they'd lose if they were blanked out.",
            "A slope at this text only: flat where the model is sure, and a far step is not a small one.",
            gradient, gradients=True,
        ),
    ),
)  # fmt: skip
