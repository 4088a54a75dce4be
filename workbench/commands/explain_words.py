"""`python -m workbench explain` by a text method: which words and which steps carried a span."""

import argparse
from typing import TYPE_CHECKING, Any

from workbench import explain
from workbench.cases.answered import AnsweredCase
from workbench.commands.case import answered_case, image_record
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.explain import Span, TextMap

DEFAULT_METHOD = "text_occlusion"


def run(args: argparse.Namespace, settings: Settings, methods: list[str]) -> Outcome:
    """Score the words for one span by one method, or by several, one row each. Raises UserFacing."""
    given = {"--param": args.param, "--png": args.png, "--metrics": args.metrics, "--region": args.region}
    if unfit := [flag for flag, value in (given | {"--other": args.other}).items() if value]:
        raise UserFacing(f"{unfit[0]} belongs to maps of a picture.", "Leave it out; --trust measures words.")
    case, notes = answered_case(args, settings)
    span = case.span(args.span)
    records = [words_record(case, span, args.span, name, args.trust) for name in methods]
    if args.json:
        several = {"span": args.span, "span_label": span.label, "methods": records}
        return Outcome(as_json(records[0] if len(records) == 1 else several), notes)
    return Outcome("\n\n".join(_text(record) for record in records), notes)


def words_record(
    case: AnsweredCase, span: "Span", key: str, method: str, measure: bool = False
) -> dict[str, Any]:
    """The JSON of a text map: `units` with a value each (null where one can't have carried the span).

    `measure` adds how far it can be believed to "meta".
    """
    found = explain.explain_text(case, span, method)
    meta: dict[str, Any] = {
        "model": case.model.name,
        "image": image_record(case),
        "text": case.answer.text,
        "span_label": span.label,
        "span_tokens": list(span.tokens),
    }
    record = {"method": method, "span": key, "values": [], "boxes": [], "image_share": None, "units": []}
    if isinstance(found, explain.Refusal):
        return record | {"refused": found.reason, "meta": meta | {"hint": found.hint}}
    if measure:
        meta["trust"] = _trust(case, found)
    units = [
        {
            "where": unit.where,
            "text": unit.text,
            "step": unit.step,
            "value": float(value) if reached else None,
        }
        for unit, value, reached in zip(found.units, found.values, found.reach, strict=True)
    ]
    values = [unit["value"] for unit in units]
    return record | {"values": values, "units": units, "refused": None, "meta": found.meta | meta}


def _trust(case: AnsweredCase, found: "TextMap") -> dict[str, Any]:
    trust = explain.text_trust(case, found)
    if isinstance(trust, explain.Refusal):
        return {"refused": trust.reason}
    return vars(trust) | {"verdict": trust.verdict, "unit": "nats", "control": "random order of the words"}


def _text(record: dict[str, Any]) -> str:
    if record["refused"] is not None:
        return f"No text map: {record['refused']} {record['meta']['hint']}".strip()
    meta = record["meta"]
    lines = [f"{meta['label']} for {meta['span_label']!r}, {meta['unit']}; above 0 speaks for it:"]
    known = [unit for unit in record["units"] if unit["value"] is not None]
    for unit in sorted(known, key=lambda unit: -abs(unit["value"]))[:8]:
        place = "question" if unit["step"] is None else f"step {unit['step'] + 1}"
        lines.append(f"  {unit['value']:+.3f}  {place}: {unit['text']}")
    if trust := meta.get("trust"):
        lines.append(_trust_text(trust))
    return "\n".join(lines)


def _trust_text(trust: dict[str, Any]) -> str:
    if "refused" in trust:
        return f"Trust: not computable. {trust['refused']}"
    return (
        f"Trust: {trust['verdict']}. Without its strongest words the span loses {trust['drop']:.3f} nats, in "
        f"random order {trust['random']:.3f} (SD {trust['random_sd']:.3f}, {trust['orders']} orders)."
    )
