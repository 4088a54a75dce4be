"""`python -m workbench explain`: what in the image carried one span of the answer."""

import argparse
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.commands.case import AnsweredCase, answered_case, notes_of
from workbench.commands.explain_text import map_text, rows_text
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.explain.heatmap import HeatMap, Refusal, Span
    from workbench.imaging.medical_image import MedicalImage

ALL = "all"
CAUSAL_METHOD = "occlusion"
_NUMBER = re.compile(r"-?\d{1,6}", re.ASCII)
_SPAN_SPEC = re.compile(r"answer|all|(step|token):\d{1,6}", re.ASCII)


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Map one span of the answer onto the image; a refusal is a result, not an error. Raises UserFacing."""
    from workbench.explain import CONTEXT_METHODS, METHODS
    from workbench.explain.spans import resolve_span

    methods = METHODS | CONTEXT_METHODS
    if args.method != ALL and args.method not in methods:
        known = ", ".join((ALL, *methods))
        raise UserFacing(f"There is no method called {args.method!r}.", f"Use one of: {known}.")
    if not _SPAN_SPEC.fullmatch(args.span):
        raise UserFacing(f"{args.span!r} is not a span.", "Use answer, all, step:K or token:K, K from 0 up.")
    if args.method == ALL or getattr(args, "metrics", None):
        return _compare(args, settings, list(methods) if args.method == ALL else [args.method])
    params = _method_params(args.param, methods[args.method])
    target = _png_target(args.png)
    case = answered_case(args, settings)
    span = resolve_span(args.span, case.column.trace, case.column.answer)
    heat = _heat_map(case, span, args.method, _with_tokens(case, params))
    record = explain_record(args, case, span, heat)
    if args.trust and record["refused"] is None:
        record["meta"]["trust"] = trust_record(case, span, heat)
    if target and record["refused"] is None:
        _write_png(target, case.image, heat)
    text = as_json(record) if args.json else map_text(record, span.label, target)
    return Outcome(text, notes_of(case))


def _compare(args: argparse.Namespace, settings: Settings, methods: Sequence[str]) -> Outcome:
    """One row a method with the wanted metrics; a refusal is a row of its own."""
    from workbench.explain.metrics import SharedScore, span_scorer
    from workbench.explain.spans import resolve_span

    if args.param or args.png:
        raise UserFacing("--param and --png belong to one method.", "Leave out --metrics and --method all.")
    wanted = wanted_metrics(getattr(args, "metrics", None), args.trust)
    case = answered_case(args, settings)
    column = case.column
    span = resolve_span(args.span, column.trace, column.answer)
    question = column.prompt.question
    shared = SharedScore(span_scorer(case.model, question, case.image, column.answer, span))
    causal = _heat_map(case, span, CAUSAL_METHOD, {}) if "agreement" in wanted else None
    rows = [_method_row(case, span, name, wanted, shared, causal) for name in methods]
    record = {
        "span": args.span,
        "span_label": span.label,
        "metrics": {name: about for name, about in known_metrics().items() if name in wanted},
        "methods": rows,
        "meta": {
            "model": case.model.name, "revision": case.model.revision, "text": column.answer.text,
            "image": {"width": case.image.width, "height": case.image.height, "sha256": case.image.sha256},
        },
    }  # fmt: skip
    return Outcome(as_json(record) if args.json else rows_text(record, wanted), notes_of(case))


def known_metrics() -> dict[str, str]:
    """Every metric that needs no region, with its meaning."""
    from workbench.explain.metrics import PERTURBATION

    extra = {
        "random_sd": "Spread of the gap over random orders, in nats: what chance alone gives.",
        "focus": "How many times its even share the strongest fifth of the patches holds.",
        "agreement": f"Rank correlation with the map of {CAUSAL_METHOD}.",
        "verdict": "The figures in words.",
    }
    return {metric.name: f"{metric.meaning} In {metric.unit}." for metric in PERTURBATION.values()} | extra


def wanted_metrics(text: str | None, trust: bool) -> tuple[str, ...]:
    """The metrics of a comma-separated list, or all. Raises UserFacing for an unknown one."""
    known = tuple(known_metrics())
    if not text:
        return ("gap", "chance", "verdict") if trust else ()
    names = known if text.strip() == ALL else tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if name not in known:
            raise UserFacing(f"There is no metric called {name!r}.", f"Use {ALL}, or of: {', '.join(known)}.")
    return names


def _method_row(
    case: AnsweredCase,
    span: "Span",
    name: str,
    wanted: Sequence[str],
    shared: Any,
    causal: "HeatMap | Refusal | None",
) -> dict[str, Any]:
    """A method's image share, cost and metrics; or why it has no map."""
    from workbench.explain import CONTEXT_METHODS, METHODS, Refusal

    began = time.monotonic()
    heat = _heat_map(case, span, name, {})
    seconds = round(time.monotonic() - began, 3)
    row: dict[str, Any] = {"method": name, "label": (METHODS | CONTEXT_METHODS)[name].label}
    if isinstance(heat, Refusal):
        return row | {"refused": heat.reason, "hint": heat.hint}
    row |= {"refused": None, "image_share": float(heat.image_share), "seconds": seconds}
    row |= {key: heat.meta[key] for key in ("forwards", "backwards")}
    return row | {"metrics": _measured(case, span, heat, wanted, shared, causal)}


def _measured(
    case: AnsweredCase,
    span: "Span",
    heat: "HeatMap",
    wanted: Sequence[str],
    shared: Any,
    causal: "HeatMap | Refusal | None",
) -> dict[str, Any]:
    """The wanted metrics of one map; None where a figure can't be computed."""
    from workbench.explain.heatmap import HeatMap
    from workbench.explain.metrics import rank_correlation, trust

    figures: dict[str, Any] = dict.fromkeys(wanted)
    if "agreement" in figures and isinstance(causal, HeatMap):
        figures["agreement"] = rank_correlation(heat.values, causal.values)
    if not set(wanted) - {"agreement"}:
        return figures
    prompt, answer = case.column.prompt, case.column.answer
    found = trust(case.model, prompt, case.image, prompt.question, answer, span, heat, shared=shared)
    for name in wanted:
        for owner in (found, found.perturbation, getattr(found.perturbation, "of_map", None)):
            if figures[name] is None and hasattr(owner, name):
                figures[name] = getattr(owner, name)
    return figures


def _heat_map(case: AnsweredCase, span: "Span", method: str, params: dict[str, int]) -> "HeatMap | Refusal":
    """By the shared pass, or by a method that runs the model itself."""
    from workbench.explain import CONTEXT_METHODS, Refusal, explain, explain_with_context

    prompt, answer = case.column.prompt, case.column.answer
    if method not in CONTEXT_METHODS:
        return explain(case.model, prompt, answer, span, method, params)
    maps = explain_with_context(case.model, prompt, case.image, answer, [span], method, params)
    return maps if isinstance(maps, Refusal) else maps[0]


def trust_record(case: AnsweredCase, span: "Span", heat: "HeatMap") -> dict[str, Any]:
    """How far the map can be believed, measured in nats on this very answer, and the verdict in words."""
    from workbench.explain.metrics import trust

    prompt, answer = case.column.prompt, case.column.answer
    found = trust(case.model, prompt, case.image, prompt.question, answer, span, heat)
    if found.perturbation is None:
        return {"refused": found.reason}
    names = (
        "gap",
        "deletion_gap",
        "insertion_gap",
        "random_sd",
        "comprehensiveness",
        "sufficiency",
        "chance",
        "drop",
    )
    measured = {name: float(getattr(found.perturbation, name)) for name in names}
    controls = {
        name: float(getattr(found.perturbation, name).advantage) for name in ("of_map", "inverse", "centre")
    }
    return measured | {
        "verdict": found.verdict,
        "unit": "nats",
        "controls": controls,
        "fill": found.perturbation.fill,
        "forwards": found.forwards,
        "seconds": round(found.seconds, 2),
    }


def explain_record(
    args: argparse.Namespace, case: AnsweredCase, span: "Span", heat: "HeatMap | Refusal"
) -> dict[str, Any]:
    """The JSON of `explain`; a refusal has no values, no boxes, no image share, and its reason."""
    from workbench.explain.heatmap import Refusal

    meta: dict[str, Any] = {
        "model": case.model.name,
        "image": {"width": case.image.width, "height": case.image.height},
        "text": case.column.answer.text,
        "span_label": span.label,
        "span_tokens": list(span.tokens),
    }
    if isinstance(heat, Refusal):
        refusal = {"values": [], "boxes": [], "image_share": None, "refused": heat.reason}
        return {"method": args.method, "span": args.span} | refusal | {"meta": meta | {"hint": heat.hint}}
    return {
        "method": args.method,
        "span": args.span,
        "values": heat.values.tolist(),
        "boxes": heat.boxes.tolist(),
        "image_share": float(heat.image_share),
        "refused": None,
        "meta": heat.meta | meta | {"unit": heat.unit, "signed": heat.signed},
    }


def _method_params(pairs: Sequence[str], spec: Any) -> dict[str, int | str]:
    """NAME=VALUE pairs by name: numbers, the names of choices as their numbers, and words of the answer.

    Raises UserFacing for what can't be read; ranges are checked with the map.
    """
    known = {param.name: param for param in spec.params}
    params: dict[str, int | str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        read = int(value) if _NUMBER.fullmatch(value) else _worded(spec, known.get(name), value)
        if not name or read is None:
            raise UserFacing(f"{pair!r} is not a method setting.", "Write it as --param NAME=NUMBER.")
        if name not in known:
            settings = f"It takes: {', '.join(known)}." if known else "This method takes none."
            raise UserFacing(f"The method has no setting called {name!r}.", settings)
        params[name] = read
    return params


def _worded(spec: Any, param: Any, value: str) -> int | str | None:
    """A value that is no number: the name of a choice, or a word; None where the setting takes neither."""
    from workbench.explain.methods.params import read_setting

    if param is None or not value.strip():
        return None
    if param.limit == "vocabulary":
        return value
    return read_setting(spec.label, param, value) if param.choices else None


def _with_tokens(case: AnsweredCase, params: Mapping[str, int | str]) -> dict[str, int]:
    """Words among the settings become tokens of the model. Raises UserFacing for a word without one."""
    out: dict[str, int] = {}
    for name, value in params.items():
        if isinstance(value, str):
            from workbench.explain import Refusal, foil_token

            value = foil_token(case.model.tokenizer, value)
            if isinstance(value, Refusal):
                raise UserFacing(value.reason, value.hint)
        out[name] = value
    return out


def _png_target(name: str | None) -> Path | None:
    if name is None:
        return None
    target = Path(name)
    if target.is_dir() or not target.parent.is_dir():
        raise UserFacing(f"{name!r} can't be written.", "Name a .png file in a folder that exists.")
    return target


def _write_png(target: Path, image: "MedicalImage", heat: "HeatMap") -> None:
    from workbench.imaging.overlay import OverlayStyle, encode_png, render_overlay

    label = f"{heat.meta['label']}: {heat.meta['span']['label']}"
    style = OverlayStyle(signed=heat.signed, unit=heat.unit, label=label)
    try:
        target.write_bytes(encode_png(render_overlay(image.pixels, heat.values, heat.boxes, style)))
    except OSError as error:
        raise UserFacing(f"{str(target)!r} can't be written.", "Choose a folder you may write to.") from error
