"""Heat maps by the methods that run the model themselves: gradients, relevancy, occlusion."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from workbench.errors import UserFacing
from workbench.explain.explain import refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods.context import (
    AttributionContext,
    ContextMethod,
    Cost,
    Progress,
    SpanMaps,
)
from workbench.explain.methods.context_registry import CONTEXT_METHODS
from workbench.explain.methods.params import settled
from workbench.explain.methods.passes import Stopped
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel


def get_context_method(name: str) -> ContextMethod:
    """The method of that name; raises UserFacing that lists the known ones."""
    if name not in CONTEXT_METHODS:
        known = ", ".join(CONTEXT_METHODS)
        raise UserFacing(f"There is no method named {name!r}.", f"Known methods: {known}.")
    return CONTEXT_METHODS[name]


def context_cost(
    prompt: Prompt, spans: int, name: str, params: Mapping[str, int] | None = None
) -> Cost | Refusal:
    """Passes that a method would take for so many spans, before any is run; raises UserFacing for an unknown
    method."""
    method = get_context_method(name)
    settings = settled(method.label, method.params, params or {})
    return settings if isinstance(settings, Refusal) else method.cost(prompt, spans, settings)


def explain_with_context(
    model: LoadedModel,
    prompt: Prompt,
    image: MedicalImage | None,
    answer: Answer,
    spans: Sequence[Span],
    name: str,
    params: Mapping[str, int] | None = None,
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> list[HeatMap] | Refusal:
    """One map for each span by a method that runs the model; `image` is the picture that `prompt` shows.

    `progress(passes done, total)` is called between batches and stops the method by returning False, as does
    setting `stop`. Raises UserFacing for an unknown method, ValueError when `image` isn't of the prompt's
    size or a span isn't inside the answer.
    """
    method = get_context_method(name)
    settings = settled(method.label, method.params, params or {})
    refused = refusal_before_pass(prompt, answer) or gradient_refusal(model, method)
    if refused or isinstance(settings, Refusal):
        return refused or settings
    if image is not None and (image.width, image.height) != prompt.image_size:
        raise ValueError(f"picture {image.width}×{image.height} is not the prompt's {prompt.image_size}")
    if not spans:
        return []
    check_spans(spans, answer)
    began = time.monotonic()
    context = AttributionContext(model, prompt, image, answer, tuple(spans), progress, stop)
    maps = _computed(method, context, settings)
    if isinstance(maps, Refusal):
        return maps
    return heat_maps(model, prompt, method, settings, spans, maps, time.monotonic() - began)


def _computed(
    method: ContextMethod, context: AttributionContext, settings: Mapping[str, int]
) -> SpanMaps | Refusal:
    """What the method finds; stopped, out of memory and overflow become a Refusal."""
    try:
        maps = method.compute(context, settings)
    except Stopped:
        return Refusal("Stopped.", f"Ask again for {method.label} to start anew.")
    except torch.OutOfMemoryError:
        without = "Try occlusion, which needs no gradients, or a" if method.needs == "gradient" else "Try a"
        return Refusal(
            f"There is too little memory for {method.label}, even one pass at a time.",
            f"{without} smaller model.",
        )
    if isinstance(maps, Refusal):
        return maps
    if not (np.isfinite(maps.values).all() and np.isfinite(maps.image_share).all()):
        return Refusal("The model's numbers overflowed on this answer.", "Try another precision (float32).")
    return maps


def gradient_refusal(model: LoadedModel, method: ContextMethod) -> Refusal | None:
    """Why the method can't have the gradients that it needs, if so."""
    if method.needs == "gradient" and not model.can_backpropagate:
        return Refusal(
            f"{method.label} needs gradients, which {model.label} can't give as it is loaded.",
            "Try occlusion, which needs none, or load the model unquantised.",
        )
    return None


def check_spans(spans: Sequence[Span], answer: Answer) -> None:
    """Raises ValueError for a span with a token that the answer doesn't have."""
    for span in spans:
        if min(span.tokens) < 0 or max(span.tokens) >= len(answer.ids):
            raise ValueError(f"span {span.label!r} is not inside an answer of {len(answer.ids)} tokens")


def heat_maps(
    model: LoadedModel,
    prompt: Prompt,
    method: ContextMethod,
    settings: Mapping[str, int],
    spans: Sequence[Span],
    maps: SpanMaps,
    seconds: float,
) -> list[HeatMap]:
    """Span maps → HeatMaps with everything about how they came to be in `meta`."""
    common: dict[str, Any] = {
        "method": method.name, "label": method.label, "caveat": method.caveat, "needs": method.needs,
        "params": dict(settings), "row_convention": "row t-1 produces token t", "pool": "sum",
        "image_share_meaning": maps.share_meaning, "seconds": round(seconds, 4), "spans": len(spans),
        "forwards": maps.spent.forwards, "backwards": maps.spent.backwards,
        "model": model.name, "revision": model.revision,
    }  # fmt: skip
    out = []
    for index, span in enumerate(spans):
        details = dict(maps.details[index]) if maps.details else {}
        warning = maps.warnings[index] if maps.warnings else ""
        meta = common | details
        meta.update(note=f"{maps.note} {warning}".strip(), warnings=[warning] if warning else [])
        meta["span"] = {"kind": span.kind, "label": span.label, "tokens": list(span.tokens)}
        values = maps.values[index].astype(np.float32)
        out.append(
            HeatMap(values, prompt.boxes, method.signed, method.unit, float(maps.image_share[index]), meta)
        )
    return out
