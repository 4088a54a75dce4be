"""From an answered case, a span and a method to a heat map, or to an honest refusal."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from workbench.cases.answered import AnsweredCase
from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import HeatMap, Refusal, Span, weights_refusal
from workbench.explain.methods.attribution import Attribution, Cost, Method, Progress, SpanMaps
from workbench.explain.methods.foil import foil_token
from workbench.explain.methods.params import settled
from workbench.explain.methods.passes import Stopped
from workbench.explain.methods.registry import METHODS
from workbench.models.answer import Answer, Prompt
from workbench.models.forced import placeholder_in
from workbench.models.session import LoadedModel

Given = Mapping[str, int | str]  # settings as a caller gives them; a foil may be a word


def refusal_before_pass(prompt: Prompt, answer: Answer) -> Refusal | None:
    """Why no map can exist at all, if so."""
    if len(prompt.image_positions) == 0:
        return Refusal("No image was given, so nothing can be drawn on one.", "Add an image and ask again.")
    if not answer.ids or not answer.text.strip():
        return Refusal("The model wrote nothing that could be explained.", "Ask again.")
    if placeholder_in(prompt, answer.ids) is not None:
        return Refusal(
            "The answer holds the sign that stands for a picture, so the model can't read it again.",
            "Ask again, with another question or temperature.",
        )
    return None


def explain(
    case: AnsweredCase,
    span: Span,
    method: str,
    params: Given | None = None,
    *,
    evidence: Evidence | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> HeatMap | Refusal:
    """The map of one span of an answer; see `explain_spans`."""
    maps = explain_spans(case, [span], method, params, evidence=evidence, progress=progress, stop=stop)
    return maps if isinstance(maps, Refusal) else maps[0]


def explain_spans(
    case: AnsweredCase,
    spans: Sequence[Span],
    method: str,
    params: Given | None = None,
    *,
    evidence: Evidence | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> list[HeatMap] | Refusal:
    """One map for each span, by any method of METHODS.

    `params` are settings that the method declares; a foil may be given as a word. `evidence` is the shared
    pass of this answer where it is at hand. `progress(passes done, total)` is called between batches and
    stops the method by returning False, as does setting `stop`.

    Raises UserFacing for an unknown method, ValueError when an image isn't of the prompt's size or a span
    isn't inside the answer.
    """
    chosen = METHODS.get_or_raise(method)
    prompt = case.prompt
    refused = weights_refusal(case.model) or refusal_before_pass(prompt, case.answer)
    refused = refused or gradient_refusal(case.model, chosen)
    if refused:
        return refused
    check_sizes(case)
    check_spans(spans, case.answer)
    if not spans:
        return []
    if stop is not None and stop.is_set():  # a method of one pass has no batches to end between
        return Refusal("Stopped.", f"Ask again for {chosen.label} to start anew.")
    asked = Attribution(case, tuple(spans), progress, stop, evidence)
    settings = _settings(asked, chosen, params or {})
    if isinstance(settings, Refusal):
        return settings
    began = time.monotonic()
    maps = _computed(chosen, asked, settings)
    if isinstance(maps, Refusal):
        return maps
    seconds = maps.seconds if maps.seconds is not None else time.monotonic() - began
    return heat_maps(case, chosen, settings, spans, maps, seconds)


def cost_of(prompt: Prompt, spans: int, method: str, params: Given | None = None) -> Cost | Refusal:
    """Passes that a method would take for so many spans, before any is run; raises UserFacing for an unknown
    method."""
    chosen = METHODS.get_or_raise(method)
    given = {name: value for name, value in (params or {}).items() if not isinstance(value, str)}
    settings = settled(chosen.label, chosen.params, given)
    return settings if isinstance(settings, Refusal) else chosen.cost(prompt, spans, settings)


def _settings(asked: Attribution, method: Method, given: Given) -> dict[str, int] | Refusal:
    """Checked settings, words turned into tokens; limits of the model are known to the shared pass only."""
    numbers: dict[str, int] = {}
    for name, value in given.items():
        found = foil_token(asked.model.tokenizer, value) if isinstance(value, str) else value
        if isinstance(found, Refusal):
            return found
        numbers[name] = found
    return settled(method.label, method.params, numbers, asked.evidence if method.is_shared else None)


def _computed(method: Method, asked: Attribution, settings: Mapping[str, int]) -> SpanMaps | Refusal:
    """What the method finds; stopped, out of memory and overflow become a Refusal."""
    try:
        maps = method.compute(asked, settings)
    except Stopped:
        return Refusal("Stopped.", f"Ask again for {method.label} to start anew.")
    except torch.OutOfMemoryError:
        without = "Try occlusion, which needs no gradients, or a" if "gradients" in method.needs else "Try a"
        return Refusal(
            f"There is too little memory for {method.label}, even one pass at a time.",
            f"{without} smaller model.",
        )
    if isinstance(maps, Refusal):
        return maps
    if not (np.isfinite(maps.values).all() and np.isfinite(maps.image_share).all()):
        return Refusal("The model's numbers overflowed on this answer.", "Try another precision (float32).")
    return maps


def gradient_refusal(model: LoadedModel, method: Method) -> Refusal | None:
    """Why the method can't have the gradients that it needs, if so."""
    if "gradients" in method.needs and not model.can_backpropagate:
        return Refusal(
            f"{method.label} needs gradients, which {model.label} can't give as it is loaded.",
            "Try occlusion, which needs none, or load the model unquantised.",
        )
    return None


def check_sizes(case: AnsweredCase) -> None:
    """Raises ValueError when the pictures at hand aren't those of the prompt, by size; none is no fault."""
    sizes = tuple((image.width, image.height) for image in case.images)
    if sizes and sizes != case.prompt.image_sizes:
        have, want = (", ".join(f"{w}×{h}" for w, h in s) for s in (sizes, case.prompt.image_sizes))
        raise ValueError(f"pictures of {have} are not the prompt's {want}")


def check_spans(spans: Sequence[Span], answer: Answer) -> None:
    """Raises ValueError for a span with a token that the answer doesn't have."""
    for span in spans:
        if min(span.tokens) < 0 or max(span.tokens) >= len(answer.ids):
            raise ValueError(f"span {span.label!r} is not inside an answer of {len(answer.ids)} tokens")


def heat_maps(
    case: AnsweredCase,
    method: Method,
    settings: Mapping[str, int],
    spans: Sequence[Span],
    maps: SpanMaps,
    seconds: float,
) -> list[HeatMap]:
    """Span maps → HeatMaps with everything about how they came to be in `meta`."""
    common: dict[str, Any] = {
        "method": method.name, "label": method.label, "caveat": method.caveat, "needs": list(method.needs),
        "params": dict(settings), "row_convention": "row t-1 produces token t", "pool": method.pool,
        "image_share_meaning": maps.share_meaning, "seconds": round(seconds, 4), "spans": len(spans),
        "forwards": maps.spent.forwards, "backwards": maps.spent.backwards,
        "model": case.model.name, "revision": case.model.revision,
    }  # fmt: skip
    out = []
    for index, span in enumerate(spans):
        details = dict(maps.details[index]) if maps.details else {}
        warning = maps.warnings[index] if maps.warnings else ""
        meta = common | details
        meta.update(note=f"{maps.note} {warning}".strip(), warnings=[warning] if warning else [])
        meta["span"] = {"key": span.key, "kind": span.kind, "label": span.label, "tokens": list(span.tokens)}
        values, share, prompt = maps.values[index].astype(np.float32), maps.image_share[index], case.prompt
        out.append(
            HeatMap(
                values, prompt.boxes, method.signed, method.unit, float(share), meta, span, case.image,
                prompt.picture_of, case.images,
            )
        )  # fmt: skip
    return out
