"""The Benchmark tab: what was measured here, base beside tuned; what others published, apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.bench.charts import axis_figure, difference_figure, published_figure
from workbench.bench.published import PKR_TABLE, load_published
from workbench.errors import UserFacing
from workbench.ui import parts
from workbench.ui.benchmark_tables import (
    about_report,
    difference_table,
    published_rows,
    read_report,
    result_folders,
    score_table,
    slice_table,
)
from workbench.ui.boundary import guarded

SLICES = [
    ("Modality", "modality"),
    ("Question type", "question_type"),
    ("Task", "task"),
    ("Data set", "dataset"),
]
EMPTY = """**No results yet.** This command makes them; then start the page again.

```
python -m workbench bench run --items phantoms --model base --model tuned \\
    --out assets/bench/results/phantoms
```
"""
READING = (
    "Bars start at zero and carry 95 % intervals; n stands under each group. The dashed line is what always "
    "giving the most frequent letter would score, the crosses are the same models on blanked pictures. "
    "A judge of fixed rules compares each step with the rubric of its question."
)
AT_ONCE = {"concurrency_limit": None, "api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class MeasuredParts:
    """What changes with the chosen result."""

    notice: gr.HTML
    about: gr.HTML
    axes: gr.Plot
    differences: gr.Plot
    scores: gr.HTML
    gaps: gr.HTML
    slices: gr.HTML


def build_benchmark_screen(folder: Path) -> None:
    """Lay the tab out and wire it; call it inside a `gr.Tab`."""
    results = result_folders(folder)
    gr.Markdown("### Measured here")
    if results:
        _measured(results)
    else:
        gr.Markdown(EMPTY, elem_id="bench-empty")
    with gr.Column(elem_id="bench-published", elem_classes="wb-published"):
        _published()


def _measured(results: Mapping[str, Path]) -> None:
    first = next(iter(results))
    with gr.Row():
        choice = gr.Dropdown(list(results), value=first, label="Result", filterable=False, min_width=200)
        field = gr.Dropdown(SLICES, value="modality", label="Break down by", filterable=False, min_width=200)
    notice = parts.notice("bench-notice")
    shown, fault = _first_view(results[first])
    about = parts.notes("bench-about", shown["about"])
    gr.Markdown(READING)
    axes = gr.Plot(shown["axes"], label="Score by axis, base beside tuned", elem_id="bench-axes")
    differences = gr.Plot(shown["differences"], label="Difference between the models", elem_id="bench-forest")
    gaps = parts.table("bench-gaps", shown["gaps"])
    slices = parts.table("bench-slices", shown["slices"])
    with gr.Accordion("All numbers", open=False):
        scores = parts.table("bench-scores", shown["scores"])
    if fault:
        gr.Markdown(fault)
    _wire(results, choice, field, MeasuredParts(notice, about, axes, differences, scores, gaps, slices))


def _first_view(folder: Path) -> tuple[dict[str, Any], str]:
    """The view of the first result; empty, with the reason, when its report is broken."""
    try:
        return report_view(folder, "modality"), ""
    except UserFacing as fault:
        return dict.fromkeys(("about", "axes", "differences", "scores", "gaps", "slices")), str(fault)


def _wire(results: Mapping[str, Path], choice: gr.Dropdown, field: gr.Dropdown, ui: MeasuredParts) -> None:
    @guarded(ui.notice)
    def show(name: str, by: str) -> dict[Any, Any]:
        if name not in results:
            raise UserFacing("There is no such result.", "Choose one from the list.")
        view = report_view(results[name], by)
        return {getattr(ui, part): value for part, value in view.items()}

    outputs = [ui.notice, ui.about, ui.axes, ui.differences, ui.scores, ui.gaps, ui.slices]
    for control in (choice, field):
        control.input(show, [choice, field], outputs, **AT_ONCE)


def report_view(folder: Path, by: str) -> dict[str, Any]:
    """What the tab shows of one report, by the names of MeasuredParts. Raises UserFacing."""
    report = read_report(folder)
    return {
        "about": {"facts": about_report(report), "notes": list(report.get("judges", {}).values())},
        "axes": axis_figure(report),
        "differences": difference_figure(report) if report["differences"] else None,
        "scores": score_table(report),
        "gaps": difference_table(report),
        "slices": slice_table(report, by),
    }


def _published() -> None:
    gr.Markdown("### Published by others, not measured here")
    try:
        tables = load_published()
    except UserFacing as fault:
        gr.Markdown(str(fault))
        return
    for table in sorted(tables, key=lambda entry: entry.id != PKR_TABLE):
        main = table.id == PKR_TABLE
        with gr.Accordion(f"{table.system}: {table.title} ({table.origin})", open=main):
            if main:
                gr.Plot(published_figure(table), label=f"{table.title}, {table.origin}")
            parts.table(f"published-{table.id}", published_rows(table))
            gr.Markdown("\n".join(f"- {warning}" for warning in table.warnings))
