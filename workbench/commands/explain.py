"""`python -m workbench explain`: what in the image carried one span of the answer."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.commands.case import AnsweredCase, answered_case, notes_of
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.explain.heatmap import HeatMap, Refusal, Span
    from workbench.imaging.medical_image import MedicalImage

_SPAN_SPEC = re.compile(r"answer|all|(step|token):\d{1,6}", re.ASCII)


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Map one span of the answer onto the image; a refusal is a result, not an error. Raises UserFacing."""
    from workbench.explain import CONTEXT_METHODS, METHODS
    from workbench.explain.spans import resolve_span

    methods = METHODS | CONTEXT_METHODS
    if args.method not in methods:
        raise UserFacing(f"There is no method called {args.method!r}.", f"Use one of: {', '.join(methods)}.")
    params = _method_params(args.param, [param.name for param in methods[args.method].params])
    if not _SPAN_SPEC.fullmatch(args.span):
        raise UserFacing(f"{args.span!r} is not a span.", "Use answer, all, step:K or token:K, K from 0 up.")
    target = _png_target(args.png)
    case = answered_case(args, settings)
    span = resolve_span(args.span, case.column.trace, case.column.answer)
    heat = _heat_map(case, span, args.method, params)
    record = explain_record(args, case, span, heat)
    if args.trust and record["refused"] is None:
        record["meta"]["trust"] = trust_record(case, span, heat)
    if target and record["refused"] is None:
        _write_png(target, case.image, heat)
    text = as_json(record) if args.json else _map_text(record, span.label, target)
    return Outcome(text, notes_of(case))


def _heat_map(case: AnsweredCase, span: "Span", method: str, params: dict[str, int]) -> "HeatMap | Refusal":
    """By the shared pass, or by a method that runs the model itself."""
    from workbench.explain import CONTEXT_METHODS, Refusal, explain, explain_with_context

    prompt, answer = case.column.prompt, case.column.answer
    if method not in CONTEXT_METHODS:
        return explain(case.model, prompt, answer, span, method, params)
    maps = explain_with_context(case.model, prompt, case.image, answer, [span], method, params)
    return maps if isinstance(maps, Refusal) else maps[0]


def trust_record(case: AnsweredCase, span: "Span", heat: "HeatMap") -> dict[str, Any]:
    """How far the map can be believed, in nats on this very answer; no verdict in words.

    The rule for words is too strict where one patch decides (see `explain/metrics/verdict.py`).
    """
    from workbench.explain.metrics import trust

    prompt, answer = case.column.prompt, case.column.answer
    found = trust(case.model, prompt, case.image, prompt.question, answer, span, heat)
    if found.perturbation is None:
        return {"refused": found.reason}
    names = ("gap", "deletion_gap", "insertion_gap", "random_sd", "comprehensiveness", "sufficiency", "drop")
    measured = {name: float(getattr(found.perturbation, name)) for name in names}
    controls = {
        name: float(getattr(found.perturbation, name).advantage) for name in ("of_map", "inverse", "centre")
    }
    return measured | {
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


def _method_params(pairs: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    params: dict[str, int] = {}
    settings = f"It takes: {', '.join(known)}." if known else "This method takes none."
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not (name and value.isascii() and value.isdigit() and len(value) < 6):
            raise UserFacing(f"{pair!r} is not a method setting.", "Write it as --param NAME=NUMBER.")
        if name not in known:
            raise UserFacing(f"The method has no setting called {name!r}.", settings)
        params[name] = int(value)
    return params


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


def _map_text(record: dict[str, Any], label: str, target: Path | None) -> str:
    if record["refused"] is not None:
        return f"No map: {record['refused']} {record['meta']['hint']}".strip()
    order = sorted(range(len(record["values"])), key=lambda patch: -abs(record["values"][patch]))
    lines = [
        f"{record['method']} for {label}: {record['image_share']:.0%} of the evidence came from the image.",
        f"Strongest patches ({record['meta']['unit']}):",
    ]
    for patch in order[:5]:
        x0, y0, x1, y1 = (round(edge) for edge in record["boxes"][patch])
        lines.append(f"  {record['values'][patch]:+.4g} at x {x0} to {x1}, y {y0} to {y1}")
    if trust := record["meta"].get("trust"):
        lines.append(_trust_text(trust))
    return "\n".join(lines + ([f"Written to {target}."] if target else []))


def _trust_text(trust: dict[str, Any]) -> str:
    if "refused" in trust:
        return f"Trust: not computable. {trust['refused']}"
    centre, inverse = (trust["controls"][name] for name in ("centre", "inverse"))
    return (
        f"Trust: {trust['gap']:+.3f} nats better than random order (random orders spread "
        f"± {trust['random_sd']:.3f}; centre first {centre:+.3f}, inverse {inverse:+.3f})."
    )
