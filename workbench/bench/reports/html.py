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
from workbench.bench.reports.html_charts import bar_groups, forests
from workbench.bench.reports.labels import EFFECTS, SHARES
from workbench.bench.reports.model import Report
from workbench.bench.reports.stored import open_report
from workbench.bench.scores.compare import verdict
from workbench.bench.scores.composite import Composite, composite_of
from workbench.bench.scores.measure import PARTS
from workbench.bench.scores.numbers import ByKind, Number, Paired, p_text, percent_text
from workbench.bench.store.marks import remarks_of
from workbench.bench.store.records import from_json
from workbench.bench.store.results import Result, has_results, read_run
from workbench.bench.store.run_lines import current_lines, replaces
from workbench.errors import UserFacing
from workbench.palette import DARK, LIGHT
from workbench.traces import AXES, Trace, parse_trace

ITEMS = 30
TEMPLATES = Path(__file__).parent / "templates"
PRESENCE = {0: "absent", 1: "vague", 2: "clear"}
CORRECTNESS = {1: "right", 0: "undecided", -1: "wrong"}


@dataclass(frozen=True)
class ReadableUnit:
    """A rubric unit and its verdict in words; topic and claim are "" where the items file isn't at hand."""

    unit_id: str
    axis: str
    presence: str
    correctness: str
    topic: str
    claim: str


@dataclass(frozen=True)
class ReadableAnswer:
    """One model's line on an item, ready to be read."""

    line: Result
    trace: Trace
    units: tuple[ReadableUnit, ...]
    composite: Composite
    remarks: tuple[str, ...] = ()


def html_report(folder: str | Path, items: int = ITEMS) -> str:
    """The report of a run folder as one HTML document; the first `items` questions with all their traces.

    A stored report without lines has no questions to show, and says so. No script and no address is in it,
    and a content security policy forbids both; all text is escaped. Raises UserFacing without
    a report.
    """
    folder = Path(folder)
    report = open_report(folder)
    condition = "image" if "image" in report.conditions else next(iter(report.conditions), "image")
    # Strict: a misspelt name must fail a test, not leave a hole in somebody's report.
    rooms = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    rooms.globals |= {"light": LIGHT, "dark": DARK}
    rooms.filters |= {
        "percent": percent_text,
        "p_value": partial(p_text, none="-"),
        "verdict": verdict,
        "words": lambda name: name.replace("_", " "),
    }
    questions = _items(folder, report, condition, items)
    return rooms.get_template("report.html").render(
        report=report,
        name=report.items.name or folder.name,
        condition=condition,
        groups=bar_groups(report, condition),
        forests=forests(report, condition),
        effects=_effects(report),
        slices=_slices(report, condition),
        judges=_judges(folder),
        preferences=_preferences(folder),
        axes=AXES,
        parts=PARTS,
        items=questions,
        n_asked=items,
    )


@dataclass(frozen=True)
class SliceRow:
    """One value of a slice; per model accuracy and trace score, None where it was not asked."""

    value: str
    n: int
    n_images: int
    accuracy: dict[str, Number | None]
    trace_score: dict[str, Number | None]


def _effects(report: Report) -> list[tuple[str, str, Number]]:
    """(model, what was measured, number) of all that says what the answers rest on."""
    return [
        (model, words.measured, number)
        for name, words in (EFFECTS | SHARES).items()
        for model, number in getattr(report, name).items()
        if words.measured and number.value is not None
    ]


def _slices(report: Report, condition: str) -> dict[str, list[SliceRow]]:
    """Slice → its rows; those with one value only are left out."""

    def number(found: Mapping[str, Mapping[str, ByKind | Number]], model: str) -> Number | None:
        scored = found.get(model, {}).get(condition)
        return scored.overall if isinstance(scored, ByKind) else scored

    return {
        name: [
            SliceRow(
                row.value,
                row.n,
                row.n_images,
                {model: number(row.accuracy, model) for model in report.accuracy},
                {model: number(row.trace_score, model) for model in report.accuracy},
            )
            for row in rows
        ]
        for name, rows in report.slices.items()
        if len(rows) > 1
    }


def _preferences(folder: Path) -> list[dict[str, Any]]:
    """The stored preferences, the share won as a number."""
    return [found | {"win_rate": from_json(Paired, found["win_rate"])} for found in read_preferences(folder)]


def _judges(folder: Path) -> Any:
    """How far the judges agree; None where none but the rules judged the answers."""
    verdicts = read_verdicts(folder)
    if not verdicts or not has_results(folder):
        return None
    return judges_agreement(current_lines(folder), verdicts)


def _items(
    folder: Path, report: Report, condition: str, most: int
) -> list[tuple[Result, list[ReadableAnswer]]]:
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
    order = [model.name for model in report.models]
    return [
        (
            next(iter(lines.values())),
            [
                _readable(lines[model], units.get(_asked(lines[model]), {}))
                for model in order
                if model in lines
            ],
        )
        for item, lines in found.items()
    ]


def _lines(folder: Path, condition: str) -> Iterator[Result]:
    return (line for line in current_lines(folder) if line.condition == condition and line.sample == 0)


def _readable(line: Result, units: Mapping[str, Unit]) -> ReadableAnswer:
    readable = tuple(
        ReadableUnit(
            unit["unit_id"], unit["axis"], PRESENCE[unit["presence"]],
            CORRECTNESS[unit["correctness"]] if unit["presence"] else "",
            known.topic if (known := units.get(unit["unit_id"])) else "", known.claim if known else "",
        )
        for unit in line.units
    )  # fmt: skip
    trace = parse_trace(line.text, line.options)
    return ReadableAnswer(line, trace, readable, composite_of(line), remarks_of(line, trace))


def _asked(line: Result) -> tuple[str, str, str]:
    return line.item_id, line.question, line.gold


def _units(folder: Path, report: Report) -> dict[tuple[str, str, str], dict[str, Unit]]:
    """(item id, question, gold) → unit id → unit, from the run's items file; {} where it can't be read.

    The id alone is not enough: an items file that was changed since has other units under the same id.
    """
    stated = vars(report.items) | read_run(folder).get("items", {})
    source = stated.get("source") or stated.get("name") or ""
    if not stated.get("source") and not (BUNDLED / str(source) / ITEMS_FILE).is_file():
        return {}
    try:
        items: Sequence[Any] = load_items(source).items
    except UserFacing:
        return {}
    return {
        (item.item_id, item.question, item.answer): {unit.unit_id: unit for unit in item.units}
        for item in items
    }
