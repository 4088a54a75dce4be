"""Relative attention (arXiv 2502.17422): what this question looks at more than a general one."""

import numpy as np

from workbench.explain.evidence import Evidence, gather_evidence
from workbench.explain.heatmap import Refusal
from workbench.explain.methods.attribution import (
    Attribution,
    Cost,
    Method,
    SpanMaps,
    guarded,
)
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.shared import ATTENTION_SHARE
from workbench.models.answer import Prompt, Question

GENERAL_QUESTION = "Describe the image in general."
ALL_LAYERS = -1
FLOOR = 0.01  # of the mean general weight: keeps a patch that nothing reads from dividing by zero


def ratio(specific: np.ndarray, general: np.ndarray) -> np.ndarray:
    """specific / (general + ε), `[..., P]`, with ε = FLOOR × the mean of `general` over the patches.

    A row whose general attention is zero everywhere gives zeros.
    """
    floor = FLOOR * general.mean(-1, keepdims=True)
    bottom = general + floor
    return np.divide(specific, bottom, out=np.zeros_like(specific), where=bottom > 0)


def relative_attention(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """Attention of a span's rows under the asked question over the same words' rows under a general one.

    The same answer ids are teacher-forced after both questions; mean over heads and the span's tokens.
    """
    model, prompt, layers = context.model, context.prompt, len(context.model.decoder.layers)
    layer = params["layer"]
    if layer >= layers:
        return Refusal(f"This model has no layer {layer}.", f"Choose a whole number from 0 to {layers - 1}.")
    if context.image is None:
        return Refusal("The picture is no longer at hand, so it can't be asked about again.", "Ask again.")
    asked = prompt.question
    general = Question(GENERAL_QUESTION, mode=asked.mode, history=asked.history)
    other = model.prepare(general, context.case.images)
    with guarded(model):
        specific = gather_evidence(model, prompt, context.answer)
        wide = gather_evidence(model, other, context.answer)
    above, below = (_span_rows(evidence, context, layer) for evidence in (specific, wide))
    share = specific.attention_share.mean((0, 1))
    return SpanMaps(
        ratio(above, below),
        np.array([share[list(span.tokens)].mean() for span in context.spans]),
        ATTENTION_SHARE,
        Cost(2),
        note=f"Compared with “{GENERAL_QUESTION}”, which took one more pass.",
    )


def _span_rows(evidence: Evidence, context: Attribution, layer: int) -> np.ndarray:
    """Head-mean attention of every span, float64 `[S, P]`."""
    chosen = evidence.attention if layer == ALL_LAYERS else evidence.attention[[layer]]
    rows = chosen.mean((0, 1), dtype=np.float64)
    return np.stack([rows[list(span.tokens)].mean(0) for span in context.spans])


def _cost(_prompt: Prompt, _spans: int, _params: Params) -> Cost:
    return Cost(2)


RELATIVE_ATTENTION = Method(
    "relative_attention",
    "Attention, relative",
    "How many times more the words look at a patch under this question than under a general one.",
    "Models look at the right place even when they answer wrong; a patch that hardly anything reads can win.",
    "times the general attention", False, ("runs",), _cost, relative_attention,
    (Param("layer", "Layer (-1 for all)", ALL_LAYERS, 199, ALL_LAYERS),),
)  # fmt: skip
