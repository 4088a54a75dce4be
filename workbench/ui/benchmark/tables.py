"""Reports and published figures as tables for the screen; numbers are rounded here and nowhere before."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.bench.reports.labels import METRIC_NAMES, condition_name, guess_name
from workbench.bench.reports.model import Report
from workbench.bench.reports.published import PublishedTable
from workbench.bench.reports.stored import REPORT_FILE, open_report
from workbench.bench.scores.answer_metrics import ANSWER_METRICS, OVERLAP_CAVEAT
from workbench.bench.scores.compare import verdict
from workbench.bench.scores.measure import PARTS
from workbench.bench.scores.numbers import Number, Paired, p_text
from workbench.bench.store.results import has_results
from workbench.models.catalogue import load_catalogue
from workbench.places import ASSETS
from workbench.settings import Settings
from workbench.traces import AXES
from workbench.ui.benchmark.items.index import FIELDS
from workbench.ui.html.nodes import Node, action, node, table_node

RESULTS_FOLDER = ASSETS / "bench" / "results"
SCORE_COLUMNS = (
    "What", "Who", "Pictures", "Per cent", "95 % interval", "n", "Images", "Origin",
    "Prompt, decoding, judge",
)  # fmt: skip
Table = dict[str, Any]


def result_folders(folder: Path = RESULTS_FOLDER) -> dict[str, Path]:
    """Name of each stored result → its folder, the phantom benchmark first."""
    found = {
        place.name: place
        for place in sorted(folder.glob("*/"))
        if (place / REPORT_FILE).is_file() or has_results(place)
    }
    return dict(sorted(found.items(), key=lambda entry: entry[0] != "phantoms"))


def read_report(folder: Path) -> Report:
    """The report of a result, stored or made from its lines. Raises UserFacing when neither works."""
    return open_report(folder)


def about_report(report: Report) -> str:
    """One paragraph: what was asked, when, of which models, and what was left out."""
    parts = [
        f"{report.title}: {report.size}",
        _measured(report),
    ]
    teaching = _teaching_models()
    parts += [
        f"{model.label} ({'teaching model, ' if model.label in teaching else ''}revision {model.revision})"
        for model in report.models
    ]
    left_out = sum(report.dropped.values()) + report.stale_lines
    parts += [f"{left_out} left out"] if left_out else []
    return ". ".join(parts) + "."


@lru_cache(maxsize=1)
def _teaching_models() -> frozenset[str]:
    """Labels of the models that come with the project."""
    cards = load_catalogue(Settings().models_dir)
    return frozenset(card.title for card in cards.values() if card.bundled)


def _measured(report: Report) -> str:
    """Where and when; the date of an imported result is what its makers wrote."""
    if report.origin == "measured":
        return f"measured {report.date}" if report.date else "measured here"
    return f"measured elsewhere, {report.date or 'date not stated'}"


def score_table(report: Report) -> Table:
    """Accuracy, baselines, axis scores, open answers and what the text says of itself, one row a number."""
    overlap = [*_open_rows(report)]
    rows = [
        *_accuracy_rows(report),
        *_baseline_rows(report),
        *_axis_rows(report),
        *overlap,
        *_mark_rows(report),
    ]
    caption = "Every number with its interval, its n, and how it was made."
    if overlap:
        caption = f"{caption} {OVERLAP_CAVEAT}"
    return {"caption": caption, "columns": list(SCORE_COLUMNS), "rows": rows, "numeric": [3, 4, 5, 6]}


def difference_table(report: Report) -> Table:
    """Second − first model by metric, and each model with its picture − without."""
    columns = [
        "Difference",
        "Metric",
        "Points",
        "95 % interval",
        "n",
        "Images",
        "p",
        "p (Holm)",
        "Test",
        "Reading",
    ]
    rows = [
        [
            f"{report.label(row.second)} − {report.label(row.first)}, "
            f"picture {condition_name(row.condition)}",
            row.metric.replace("_", " "), percent(row.value, True), interval(row), row.n,
            row.n_clusters, p_text(row.p), p_text(row.p_holm), row.test, _reading(row),
        ]
        for row in report.differences
    ]  # fmt: skip
    without = f"picture {condition_name('image')} − {condition_name('blank')}"
    rows += [
        [
            f"{report.label(model)}: {without}", "accuracy",
            percent(row.value, True), interval(row), row.n, row.n_clusters, p_text(row.p), "",
            row.test, _reading(row),
        ]
        for model, row in report.image_effect.items()
    ]  # fmt: skip
    caption = "Paired on the same questions; Holm corrects over the three axes."
    return {"caption": caption, "columns": columns, "rows": rows, "numeric": [2, 3, 4, 5, 6, 7]}


def _reading(row: Paired) -> str:
    """What may be said of a row "this − that"."""
    return {"second higher": "higher", "first higher": "lower"}.get(found := verdict(row), found)


def slice_table(report: Report, name: str) -> Table:
    """Accuracy of each model, and of the most frequent letter, by one field of the questions."""
    rows = []
    for entry in report.slices.get(name, ()):
        found = [entry.accuracy.get(model, {}).get("image") for model in report.labels]
        guess = entry.baselines["majority_letter"].overall
        cells = [
            f"{percent(kinds.overall.value)} {interval(kinds.overall)}".strip() if kinds else ""
            for kinds in found
        ]
        rows.append([entry.value, entry.n, entry.n_images, *cells, percent(guess.value)])
    columns = [name.replace("_", " "), "n", "Images", *report.labels.values(), "Most frequent letter"]
    caption = (
        "Answer accuracy in per cent [95 % interval]. With a small n an interval is wide: claim nothing."
    )
    return {"caption": caption, "columns": columns, "rows": rows, "numeric": list(range(1, len(columns)))}


def slice_nodes(report: Report, name: str) -> list[Node]:
    """`slice_table` for the screen: each value is a button that shows its items, where they can be filtered
    by that field."""
    table = slice_table(report, name)
    if not table["rows"]:
        return [node("p", "This result has no such breakdown.", cls="wb-facts")]
    rows = [
        [
            action(str(value), {"field": name, "value": value}, cls="wb-open")
            if name in FIELDS
            else str(value),
            *map(str, cells),
        ]
        for value, *cells in table["rows"]
    ]
    return [table_node(table["caption"], table["columns"], rows, table["numeric"], "Breakdown")]


def published_rows(table: PublishedTable) -> Table:
    """A published table as its source prints it."""
    rows = [
        [system, *("" if cell is None else str(cell) for cell in cells), table.origin]
        for system, cells in table.rows.items()
    ]
    columns = ["System", *(column.replace("_", " ") for column in table.columns), "Origin"]
    caption = (
        f"{table.title}, {table.metric.replace('_', ' ')} in {table.unit}. {table.protocol}. {table.source}"
    )
    return {"caption": caption, "columns": columns, "rows": rows, "numeric": list(range(1, len(columns) - 1))}


def _accuracy_rows(report: Report) -> Iterator[list[Any]]:
    for model, conditions in report.accuracy.items():
        for condition, kinds in conditions.items():
            for kind, number in kinds.items():
                if number.n:
                    yield _row(f"{METRIC_NAMES['accuracy']}, {kind}", report.label(model), condition, number)


def _baseline_rows(report: Report) -> Iterator[list[Any]]:
    for name, kinds in report.baselines.items():
        if kinds.overall.n:
            yield _row(f"{METRIC_NAMES['accuracy']}, overall", guess_name(name), None, kinds.overall)


def _axis_rows(report: Report) -> Iterator[list[Any]]:
    for model, conditions in report.axes.items():
        for condition, found in conditions.items():
            for axis in AXES if found else ():
                for part in PARTS:
                    what = f"{METRIC_NAMES[axis]}, {part}"
                    yield _row(what, report.label(model), condition, found.of(axis).of(part))
            if found:
                what = METRIC_NAMES["trace_score"]
                yield _row(what, report.label(model), condition, found.trace_score)


def _open_rows(report: Report) -> Iterator[list[Any]]:
    """Open questions by every measure of shared words."""
    for model, conditions in (report.open_scores or {}).items():
        for condition, found in conditions.items():
            for name, number in found.items():
                if number.n:
                    what = f"Open questions, {ANSWER_METRICS[name].label}"
                    yield _row(what, report.label(model), condition, number)


def _mark_rows(report: Report) -> Iterator[list[Any]]:
    """The mean over tasks, modality tags against the pictures, and reasoning against its own answer."""
    for model, conditions in (report.by_task or {}).items():
        for condition, found in conditions.items():
            if len(found.tasks) > 1:
                what = f"{METRIC_NAMES['accuracy']}, mean over {len(found.tasks)} tasks"
                yield _row(what, report.label(model), condition, found.mean)
    for model, conditions in (report.modality_tags or {}).items():
        for condition, tags in conditions.items():
            if tags is not None and tags.right.n:
                yield _row("Modality tag is right", report.label(model), condition, tags.right)
    for model, conditions in (report.contradictions or {}).items():
        for condition, share in conditions.items():
            if share is not None and share.n:
                yield _row("Reasoning contradicts the answer", report.label(model), condition, share)


def _row(what: str, who: str, condition: str | None, number: Number) -> list[Any]:
    picture = "not used" if condition is None else condition_name(condition)
    return [
        what, who, picture, percent(number.value), interval(number), number.n, number.n_clusters,
        number.origin, number.protocol,
    ]  # fmt: skip


def percent(value: float | None, signed: bool = False) -> str:
    """A fraction in per cent with one decimal; a dash where nothing was measured."""
    if value is None:
        return "–"
    return f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"


def interval(number: Number) -> str:
    """The 95 % interval of a number in per cent; empty where it has none."""
    return "" if number.low is None else f"[{100 * number.low:.1f}, {100 * number.high:.1f}]"
