"""A run's report as one HTML file that needs no network, no script and nothing beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workbench.bench.judging.preference import read_preferences
from workbench.bench.judging.verdicts import judges_agreement, read_verdicts
from workbench.bench.questions.items import BUNDLED, ITEMS_FILE, load_items
from workbench.bench.questions.units import Unit
from workbench.bench.report.html_charts import bar_groups, forests, percent
from workbench.bench.report.stored import open_report
from workbench.bench.scores.compare import verdict
from workbench.bench.scores.composite import Composite, composite_of
from workbench.bench.scores.numbers import p_text
from workbench.bench.store.results import Result, has_results, read_run
from workbench.bench.store.run_lines import current_lines, replaces
from workbench.errors import UserFacing
from workbench.palette import DARK, LIGHT
from workbench.traces import AXES, Trace, parse_trace

ITEMS = 30
TEMPLATES = Path(__file__).parent / "templates"
AXIS_PARTS = ("presence", "correctness", "score")
PRESENCE = {0: "absent", 1: "vague", 2: "clear"}
CORRECTNESS = {1: "right", 0: "undecided", -1: "wrong"}
EFFECTS = {
    "image_effect": "accuracy with the image − with a blank one, points",
    "shuffled_image_effect": "accuracy with the image − with another patient's, points",
    "image_sensitivity": "answers that change when another patient's image is shown, %",
    "shuffle_consistency": "same option chosen after shuffling the options, %",
}


@dataclass(frozen=True)
class ShownUnit:
    """A rubric unit and its verdict in words; topic and claim are "" where the items file isn't at hand."""

    unit_id: str
    axis: str
    presence: str
    correctness: str
    topic: str
    claim: str


@dataclass(frozen=True)
class ShownAnswer:
    """One model's line on an item, ready to be read."""

    line: Result
    trace: Trace
    units: tuple[ShownUnit, ...]
    composite: Composite


def html_report(folder: str | Path, items: int = ITEMS) -> str:
    """The report of a run folder as one HTML document; the first `items` questions with all their traces.

    A stored report without lines has no questions to show, and says so. No script and no address is in it,
    and a content security policy forbids both; all text is escaped. Raises UserFacing without
    a report.
    """
    folder = Path(folder)
    report = open_report(folder)
    condition = "image" if "image" in report["conditions"] else next(iter(report["conditions"]), "image")
    # Strict: a misspelt name must fail a test, not leave a hole in somebody's report.
    rooms = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    rooms.globals |= {"light": LIGHT, "dark": DARK}
    rooms.filters |= {
        "percent": percent,
        "p_value": partial(p_text, none="-"),
        "words": lambda name: name.replace("_", " "),
    }
    shown = _items(folder, report, condition, items)
    return rooms.get_template("report.html").render(
        report=report,
        name=report["items"].get("name") or folder.name,
        condition=condition,
        groups=bar_groups(report, condition),
        forests=forests(report, condition),
        differences=[row | {"verdict": verdict(row)} for row in report["differences"]],
        effects=_effects(report),
        slices=_slices(report, condition),
        judges=_judges(folder),
        preferences=read_preferences(folder),
        axes=AXES,
        parts=AXIS_PARTS,
        items=shown,
        n_asked=items,
    )


def _effects(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Numbers about what the answers rest on, one row a model and kind, those that were measured."""
    return [
        {"told": told, "model": model, "number": number}
        for name, told in EFFECTS.items()
        for model, number in report.get(name, {}).items()
        if isinstance(number, Mapping) and number.get("value") is not None
    ]


def _slices(report: Mapping[str, Any], condition: str) -> dict[str, list[dict[str, Any]]]:
    """Slice → rows of value, n, n_images, and per model accuracy and trace score; one-valued ones out."""
    found = {}
    for name, rows in report["slices"].items():
        if len(rows) < 2:
            continue
        found[name] = [
            {"value": row["value"], "n": row["n"], "n_images": row["n_images"]}
            | {
                metric: {
                    model: _slice_number(row.get(metric, {}).get(model, {}).get(condition))
                    for model in report["accuracy"]
                }
                for metric in ("accuracy", "trace_score")
            }
            for row in rows
        ]
    return found


def _slice_number(found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return found.get("overall", found) if found else None


def _judges(folder: Path) -> Any:
    """How far the judges agree; None where none but the rules judged the answers."""
    verdicts = read_verdicts(folder)
    if not verdicts or not has_results(folder):
        return None
    return judges_agreement(current_lines(folder), verdicts)


def _items(
    folder: Path, report: Mapping[str, Any], condition: str, most: int
) -> list[tuple[Result, list[ShownAnswer]]]:
    """The first questions of the run, each with the answers of every model."""
    if not has_results(folder):
        return []
    found: dict[str, dict[str, Result]] = {}
    for line in _lines(folder, condition):
        if line.item_id in found or len(found) < most:
            answers = found.setdefault(line.item_id, {})
            if replaces(line, answers.get(line.model)):
                answers[line.model] = line
    units = _units(folder, report)
    order = [model["name"] for model in report["models"]]
    return [
        (
            next(iter(lines.values())),
            [_shown(lines[model], units.get(_asked(lines[model]), {})) for model in order if model in lines],
        )
        for item, lines in found.items()
    ]


def _lines(folder: Path, condition: str) -> Iterator[Result]:
    return (line for line in current_lines(folder) if line.condition == condition and line.sample == 0)


def _shown(line: Result, units: Mapping[str, Unit]) -> ShownAnswer:
    shown = tuple(
        ShownUnit(
            unit["unit_id"], unit["axis"], PRESENCE[unit["presence"]],
            CORRECTNESS[unit["correctness"]] if unit["presence"] else "",
            known.topic if (known := units.get(unit["unit_id"])) else "", known.claim if known else "",
        )
        for unit in line.units
    )  # fmt: skip
    return ShownAnswer(line, parse_trace(line.text, line.options), shown, composite_of(line))


def _asked(line: Result) -> tuple[str, str, str]:
    return line.item_id, line.question, line.gold


def _units(folder: Path, report: Mapping[str, Any]) -> dict[tuple[str, str, str], dict[str, Unit]]:
    """(item id, question, gold) → unit id → unit, from the run's items file; {} where it can't be read.

    The id alone is not enough: an items file that was changed since has other units under the same id.
    """
    told = report["items"] | read_run(folder).get("items", {})
    source = told.get("source") or told.get("name") or ""
    if not told.get("source") and not (BUNDLED / str(source) / ITEMS_FILE).is_file():
        return {}
    try:
        items: Sequence[Any] = load_items(source).items
    except UserFacing:
        return {}
    return {
        (item.item_id, item.question, item.answer): {unit.unit_id: unit for unit in item.units}
        for item in items
    }
