"""`python -m workbench explain`: what in the image, or in the text before it, carried one span."""

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import explain, imaging
from workbench.cases.answered import AnsweredCase
from workbench.commands import explain_words
from workbench.commands.case import answered_case, image_record
from workbench.commands.explain_text import map_text, rows_text
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.explain import metrics
from workbench.explain.methods.params import read_setting
from workbench.imaging import overlay
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.explain import HeatMap, MapUnderTest, Method, Param, Refusal, Span
    from workbench.explain.metrics import SharedScore

ALL, VERDICT, DEFAULT_METHOD = "all", "verdict", "attention_mean"
TRUST = ("gap", "chance", VERDICT)  # what --trust shows beside each of several maps
_NUMBER = re.compile(r"-?\d{1,6}", re.ASCII)
_SPAN_SPEC = re.compile(r"answer|all|(step|word|token):\d{1,6}", re.ASCII)


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Map one span of the answer onto the image; a refusal is a result, not an error. Raises UserFacing."""
    if not _SPAN_SPEC.fullmatch(args.span):
        raise UserFacing(
            f"{args.span!r} is not a span.", "Use answer, all, step:K, word:K or token:K, K from 0 up."
        )
    args.method = args.method or (explain_words.DEFAULT_METHOD if args.no_image else DEFAULT_METHOD)
    if args.method in explain.TEXT_METHODS or (args.no_image and args.method == ALL):
        names = list(explain.TEXT_METHODS) if args.method == ALL else [args.method]
        return explain_words.run(args, settings, names)
    if args.method != ALL and args.method not in explain.METHODS:
        known = ", ".join((ALL, *explain.METHODS, *explain.TEXT_METHODS))
        raise UserFacing(f"There is no method called {args.method!r}.", f"Use one of: {known}.")
    if args.no_image and (args.png or args.region or args.other):
        raise UserFacing(
            "--png, --region and --other are about a picture.", "Leave them out with --no-image."
        )
    if args.method == ALL or args.metrics:
        return _compare(args, settings, list(explain.METHODS) if args.method == ALL else [args.method])
    if args.region or args.other:
        raise UserFacing("--region and --other belong to metrics.", "Name some: --metrics LIST.")
    params = _method_params(args.param, explain.METHODS[args.method])
    target = _png_target(args.png)
    case, notes = answered_case(args, settings)
    span = case.span(args.span)
    heat = explain.explain(case, span, args.method, params)
    record = explain_record(args, case, span, heat)
    if args.trust and not isinstance(heat, explain.Refusal):
        record["meta"]["trust"] = trust_record(case, heat)
    if not isinstance(heat, explain.Refusal) and (len(case.images) > 1 or case.question.history):
        evidence = explain.shared_evidence(case.model, case.prompt, case.answer)
        record["meta"]["reading"] = explain.reading(evidence, span)
    drawn = target is not None and not isinstance(heat, explain.Refusal)
    targets = _write_pngs(target, case, heat) if drawn else []
    text = as_json(record) if args.json else map_text(record, span.label, targets)
    return Outcome(text, notes)


def _compare(args: argparse.Namespace, settings: Settings, methods: Sequence[str]) -> Outcome:
    """One row a method with the wanted metrics; a refusal is a row of its own."""
    if args.param or args.png:
        raise UserFacing("--param and --png belong to one method.", "Leave out --metrics and --method all.")
    wanted = wanted_metrics(args.metrics, args.trust)
    given = _given(args, settings, wanted)
    case, notes = answered_case(args, settings)
    span = case.span(args.span)
    measuring = Measuring(case, span, wanted, _region(case, given["region"]), given["other"])
    rows = [measuring.row(name) for name in methods]
    record = {
        "span": args.span,
        "span_label": span.label,
        "metrics": {name: about for name, about in known_metrics().items() if name in wanted},
        "methods": rows,
        "meta": {
            "model": case.model.name, "revision": case.model.revision, "text": case.answer.text,
            "image": image_record(case) and image_record(case) | {"sha256": case.image.sha256},
        },
    }  # fmt: skip
    return Outcome(as_json(record) if args.json else rows_text(record, wanted), notes)


def _given(args: argparse.Namespace, settings: Settings, wanted: Sequence[str]) -> dict[str, Any]:
    """What metrics need a person to give: a region as four numbers, another picture. Raises UserFacing."""
    given = {"region": None, "other": imaging.load_image(args.other) if args.other else None}
    if args.region:
        parts = args.region.replace(",", " ").split()
        if len(parts) != 4 or not all(re.fullmatch(r"\d{1,6}(\.\d+)?", part) for part in parts):
            raise UserFacing(
                f"{args.region!r} is not a region.", "Write X0,Y0,X1,Y1 in pixels of the picture."
            )
        given["region"] = np.array([float(part) for part in parts])
    flags = {
        "region": ("a region", "--region X0,Y0,X1,Y1"),
        "other picture": ("another picture", "--other IMAGE"),
    }
    have = {"region": given["region"] is not None, "other picture": given["other"] is not None}
    for name in wanted:
        for need in explain.METRICS[name].needs if name != VERDICT else ():
            if not have[need]:
                what, flag = flags[need]
                raise UserFacing(f"The metric {name!r} needs {what}.", f"Add {flag}.")
    return given


def _region(case: AnsweredCase, box: np.ndarray | None) -> np.ndarray | None:
    return None if box is None else metrics.region_mask((case.image.width, case.image.height), box[None])


def known_metrics() -> dict[str, str]:
    """Every metric with its meaning, unit and cost, and the verdict in words."""
    about = {
        name: f"{metric.meaning} In {metric.unit}; costs {metric.cost}."
        for name, metric in explain.METRICS.items()
    }
    return about | {VERDICT: "The figures in words."}


def wanted_metrics(text: str | None, trust: bool) -> tuple[str, ...]:
    """The metrics of a comma-separated list; `all` is every one that needs no further map and nothing given.

    Raises UserFacing for an unknown one.
    """
    if not text:
        return TRUST if trust else ()
    known = known_metrics()
    if text.strip() == ALL:
        return (*metrics.available(), VERDICT)
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if name not in known:
            raise UserFacing(f"There is no metric called {name!r}.", f"Use {ALL}, or of: {', '.join(known)}.")
    return names


class Measuring:
    """Maps of one span by several methods, measured by the same metrics on shared control pictures."""

    def __init__(
        self, case: AnsweredCase, span: "Span", wanted: Sequence[str], region: np.ndarray | None, other: Any
    ) -> None:
        self.case, self.span, self.wanted, self.region, self.other = case, span, wanted, region, other
        self.shared: SharedScore = metrics.SharedScore(metrics.span_scorer(case, span))
        self.causal: HeatMap | Refusal | None = None

    def row(self, name: str) -> dict[str, Any]:
        """A method's image share, cost and metrics; or why it has no map."""
        began = time.monotonic()
        heat = explain.explain(self.case, self.span, name)
        seconds = round(time.monotonic() - began, 3)
        row: dict[str, Any] = {"method": name, "label": explain.METHODS[name].label}
        if isinstance(heat, explain.Refusal):
            return row | {"refused": heat.reason, "hint": heat.hint}
        row |= {"refused": None, "image_share": float(heat.image_share), "seconds": seconds}
        row |= {key: heat.meta[key] for key in ("forwards", "backwards")}
        return row | {"metrics": self._figures(heat)}

    def _figures(self, heat: "HeatMap") -> dict[str, Any]:
        """The wanted metrics of one map; None where a figure can't be computed."""
        test = explain.MapUnderTest(self.case, heat, self.region, self.other, self.shared)
        if "agreement" in self.wanted:
            test.once(metrics.CAUSAL_METHOD, self._causal_map)
        return {name: self._figure(name, test) for name in self.wanted}

    def _figure(self, name: str, test: "MapUnderTest") -> float | str | None:
        if name == VERDICT:
            return metrics.measured_trust(test).verdict
        score = explain.METRICS[name].compute(test)
        return None if isinstance(score, explain.Refusal) else score.value

    def _causal_map(self) -> "HeatMap | Refusal":
        """One occlusion map serves all rows."""
        if self.causal is None:
            self.causal = explain.explain(self.case, self.span, metrics.CAUSAL_METHOD)
        return self.causal


def trust_record(case: AnsweredCase, heat: "HeatMap") -> dict[str, Any]:
    """How far the map can be believed, measured in nats on this very answer, and the verdict in words."""
    found = explain.trust(case, heat)
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
    meta: dict[str, Any] = {
        "model": case.model.name,
        "revision": case.model.revision,
        "image": image_record(case),
        "text": case.answer.text,
        "span_label": span.label,
        "span_tokens": list(span.tokens),
    }
    if isinstance(heat, explain.Refusal):
        refusal = {"values": [], "boxes": [], "pictures": [], "image_share": None, "refused": heat.reason}
        return {"method": args.method, "span": args.span} | refusal | {"meta": meta | {"hint": heat.hint}}
    return {
        "method": args.method,
        "span": args.span,
        "values": heat.values.tolist(),
        "boxes": heat.boxes.tolist(),
        "picture_of": heat.picture_of.tolist(),
        "pictures": [picture_record(heat, number) for number in range(heat.pictures)],
        "image_share": float(heat.image_share),
        "refused": None,
        "meta": heat.meta | meta | {"unit": heat.unit, "signed": heat.signed},
    }


def picture_record(heat: "HeatMap", number: int) -> dict[str, Any]:
    """A map over one of its pictures: its size, values, boxes in its own pixels, and its share of the map."""
    one = heat.of_picture(number)
    size = {"width": one.image.width, "height": one.image.height} if one.image is not None else {}
    share = heat.picture_shares[number]
    return size | {"values": one.values.tolist(), "boxes": one.boxes.tolist(), "share": share}


def _method_params(pairs: Sequence[str], method: "Method") -> dict[str, int | str]:
    """NAME=VALUE pairs by name: numbers, the names of choices as their numbers, and words of the answer.

    Raises UserFacing for what can't be read; ranges are checked with the map.
    """
    known = {param.name: param for param in method.params}
    params: dict[str, int | str] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        read = int(value) if _NUMBER.fullmatch(value) else _worded(method, known.get(name), value)
        if not name or read is None:
            raise UserFacing(f"{pair!r} is not a method setting.", "Write it as --param NAME=NUMBER.")
        if name not in known:
            settings = f"It takes: {', '.join(known)}." if known else "This method takes none."
            raise UserFacing(f"The method has no setting called {name!r}.", settings)
        params[name] = read
    return params


def _worded(method: "Method", param: "Param | None", value: str) -> int | str | None:
    """A value that is no number: the name of a choice, or a word; None where the setting takes neither."""
    if param is None or not value.strip():
        return None
    if param.limit == "vocabulary":
        return value
    return read_setting(method.label, param, value) if param.choices else None


def _png_target(name: str | None) -> Path | None:
    if name is None:
        return None
    target = Path(name)
    if target.is_dir() or not target.parent.is_dir():
        raise UserFacing(f"{name!r} can't be written.", "Name a .png file in a folder that exists.")
    return target


def _write_pngs(target: Path, case: AnsweredCase, heat: "HeatMap") -> list[Path]:
    """The map over each picture: one is written to `target`, several to names with their number behind, all
    on one scale."""
    top = float(np.abs(heat.values).max(initial=0.0))
    style = overlay.OverlayStyle(
        signed=heat.signed,
        unit=heat.unit,
        vmax=top if heat.pictures > 1 and top > 0 else None,
        label=f"{heat.meta['label']}: {heat.meta['span']['label']}",
    )
    written = []
    for number in range(heat.pictures):
        one = heat.of_picture(number)
        file = target if heat.pictures == 1 else target.with_stem(f"{target.stem}-{number + 1}")
        picture = overlay.render_overlay(case.images[number].pixels, one.values, one.boxes, style)
        try:
            file.write_bytes(overlay.encode_png(picture))
        except OSError as error:
            hint = "Choose a folder you may write to."
            raise UserFacing(f"{str(file)!r} can't be written.", hint) from error
        written.append(file)
    return written
