"""From a span and a method to a heat map, or to an honest refusal."""

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.errors import UserFacing
from workbench.explain.evidence import Evidence, gather_evidence
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods import METHODS, Method, TokenMaps, settled
from workbench.models.answer import Answer, Prompt
from workbench.models.forced import placeholder_in
from workbench.models.session import LoadedModel


def get_method(name: str) -> Method:
    """The method of that name; raises UserFacing that lists the known ones."""
    if name not in METHODS:
        raise UserFacing(f"There is no method named {name!r}.", f"Known methods: {', '.join(METHODS)}.")
    return METHODS[name]


def pool_span(maps: TokenMaps, method: Method, span: Span) -> tuple[np.ndarray, float]:
    """Map `[P]` and image share of a span from its tokens' maps."""
    tokens = list(span.tokens)
    values = maps.values[tokens].mean(0) if method.pool == "mean" else maps.values[tokens].sum(0)
    share = maps.image_weight[tokens].sum() / max(float(maps.whole_weight[tokens].sum()), 1e-12)
    return values.astype(np.float32), float(share)


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


def explain_spans(
    evidence: Evidence, spans: Sequence[Span], name: str, params: Mapping[str, int] | None = None
) -> list[HeatMap] | Refusal:
    """Maps of several spans by one method from one shared pass.

    Raises UserFacing for an unknown method, ValueError for a span outside the answer.
    """
    method = get_method(name)
    for span in spans:
        if min(span.tokens) < 0 or max(span.tokens) >= len(evidence.ids):
            raise ValueError(f"span {span.label!r} is not inside an answer of {len(evidence.ids)} tokens")
    settings = settled(method.label, method.params, params or {}, evidence)
    if isinstance(settings, Refusal):
        return settings
    maps = method.compute(evidence, settings)
    if isinstance(maps, Refusal):
        return maps
    if not np.isfinite(maps.values).all():
        return Refusal("The model's numbers overflowed on this answer.", "Try another precision (float32).")
    if spans and all(maps.void.issuperset(span.tokens) for span in spans):
        return Refusal(maps.void_reason, "Choose another word or another setting.")
    return [_heat_map(evidence, method, maps, span, settings) for span in spans]


def _heat_map(
    evidence: Evidence, method: Method, maps: TokenMaps, span: Span, settings: Mapping[str, int]
) -> HeatMap:
    values, share = pool_span(maps, method, span)
    void = maps.void_reason if maps.void.issuperset(span.tokens) else ""
    meta = {
        "method": method.name,
        "label": method.label,
        "caveat": method.caveat,
        "note": f"{maps.note} {void}".strip(),
        "params": dict(settings),
        "span": {"kind": span.kind, "label": span.label, "tokens": list(span.tokens)},
        "row_convention": "row t-1 produces token t",
        "image_share_meaning": method.share_meaning,
        "pool": method.pool,
        "layers": int(evidence.attention.shape[0]),
        "heads": int(evidence.attention.shape[1]),
        "sinks": evidence.sinks.tolist(),
        "seconds": round(evidence.seconds, 4),
        "kept_bytes": evidence.kept_bytes,
        "forwards": 1,
        "backwards": 0,
    }
    return HeatMap(values, evidence.boxes, method.signed, method.unit, share, meta)


def explain(
    model: LoadedModel,
    prompt: Prompt,
    answer: Answer,
    span: Span,
    method: str,
    params: Mapping[str, int] | None = None,
    evidence: Evidence | None = None,
) -> HeatMap | Refusal:
    """Explain one span of an answer, from `evidence` of that answer if it is at hand already.

    Raises UserFacing for an unknown method.
    """
    get_method(method)
    refused = refusal_before_pass(prompt, answer)
    if refused:
        return refused
    maps = explain_spans(evidence or gather_evidence(model, prompt, answer), [span], method, params)
    if isinstance(maps, Refusal):
        return maps
    maps[0].meta.update(model=model.name, revision=model.revision)
    return maps[0]
