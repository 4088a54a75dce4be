"""The components of the Methods screen and where they stand."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.ui.html import components
from workbench.ui.methods.evidence.layout import EvidenceComponents, lay_out_evidence
from workbench.ui.methods.grounding.layout import GroundingComponents, lay_out_grounding
from workbench.ui.methods.settings import CHOICES, NUMBERS
from workbench.ui.services import ROLES

INTRO = (
    "Different methods ask different questions, and they disagree. Compare them on one part of an answer. "
    "A map shows **what influenced the model, not where disease is**."
)
WAITING = "Ask a question on the left; then choose a part of the answer here."


@dataclass(frozen=True)
class SettingComponents:
    """Controls for the methods' own settings and the fold that they stand in."""

    fold: gr.Accordion
    numbers: tuple[gr.Textbox, ...]
    choices: tuple[gr.Dropdown, ...]

    @property
    def controls(self) -> list[Any]:
        """In the order in which `given_settings` reads their values."""
        return [*self.numbers, *self.choices]


@dataclass(frozen=True)
class MethodsComponents:
    """The components of the sub-tab, by name; `tab` is the sub-tab itself."""

    tab: gr.Tab
    role: gr.Radio
    span: gr.Dropdown
    word: gr.Textbox
    methods: gr.CheckboxGroup
    curves: gr.Checkbox
    metrics: gr.Dropdown
    region: gr.Radio
    box: gr.Textbox
    foil: gr.Textbox
    settings: SettingComponents
    cost: gr.HTML
    compute: gr.Button
    stop: gr.Button
    check: gr.Button
    notice: gr.HTML
    status: gr.HTML
    grid: gr.HTML
    curve_note: gr.HTML
    deletion: gr.Plot
    insertion: gr.Plot
    agreement: gr.HTML
    localisation: gr.HTML
    sanity: gr.HTML
    figures: gr.HTML
    export: gr.HTML
    evidence: EvidenceComponents
    turn: gr.State
    grounding: tuple[GroundingComponents, ...]

    @property
    def form(self) -> list[Any]:
        """What a comparison is made from, in the order of `Form`."""
        return [
            self.role, self.span, self.word, self.methods, self.curves, self.metrics, self.region, self.box,
            self.foil, *self.settings.controls,
        ]  # fmt: skip

    @property
    def results(self) -> list[Any]:
        """What a comparison fills."""
        tables = [self.agreement, self.localisation, self.sanity, self.figures]
        charts = [self.grid, self.curve_note, self.deletion, self.insertion]
        return [*charts, *tables, *self.evidence.results, self.export]


def lay_out_methods(tab: gr.Tab) -> MethodsComponents:
    """Lay the sub-tab out; call it inside `tab`."""
    return MethodsComponents(tab, **_choices(), **_results(), grounding=lay_out_grounding())


def _choices() -> dict[str, Any]:
    """What a comparison is made from, laid out."""
    gr.Markdown(INTRO)
    with gr.Row(equal_height=False):
        role = gr.Radio([(name.capitalize(), name) for name in ROLES], value="tuned", label="Model")
        span = gr.Dropdown([], label="Part of the answer", filterable=False, min_width=180)
        word = gr.Textbox(label="The word", visible=False, max_lines=1, min_width=120)
    methods = gr.CheckboxGroup([], label="Methods", elem_id="methods-choice")
    foil = gr.Textbox(
        label="Foil word (what the answer might have been)", visible=False, max_lines=1,
        max_length=60, info="For “against a foil”: what spoke for the words rather than for it.",
        elem_id="methods-foil",
    )  # fmt: skip
    settings = _settings()
    with gr.Row(equal_height=False):
        curves = gr.Checkbox(
            True, label="Measure each map", info="Deletion and insertion curves against controls."
        )
        metrics = gr.Dropdown(
            [], value=[], multiselect=True, label="Further figures of each map", elem_id="methods-metrics",
            info="Some make the map again several times: minutes, for a method that runs the model often.",
        )  # fmt: skip
        region = gr.Radio([("No region", "none")], value="none", label="Compare with a region")
        box = gr.Textbox(
            label="Box: x0, y0, x1, y1 in pixels", placeholder="40, 60, 90, 120", visible=False, max_lines=1
        )
    with gr.Accordion("Cost before running", open=False):
        cost = components.table("methods-cost", None)
    with gr.Row():
        compute = gr.Button("Compute", variant="primary", scale=0, min_width=150, elem_id="methods-compute")
        stop = gr.Button("Stop", scale=0, min_width=90, elem_id="methods-stop")
    return {
        "role": role, "span": span, "word": word, "methods": methods, "curves": curves, "metrics": metrics,
        "region": region, "box": box, "foil": foil, "settings": settings, "cost": cost, "compute": compute,
        "stop": stop,
    }  # fmt: skip


def _settings() -> SettingComponents:
    with gr.Accordion(
        "Settings of the chosen methods", open=False, visible=False, elem_id="methods-settings"
    ) as fold:
        gr.Markdown("Leave a field empty for the method's own setting.")
        with gr.Row():
            numbers = tuple(
                gr.Textbox(visible=False, max_lines=1, max_length=8, min_width=220) for _ in range(NUMBERS)
            )
        with gr.Row():
            choices = tuple(
                gr.Dropdown([], value=None, visible=False, filterable=False, min_width=220)
                for _ in range(CHOICES)
            )
    return SettingComponents(fold, numbers, choices)


def _results() -> dict[str, Any]:
    """Where its results stand, laid out."""
    notice = components.notice("methods-notice")
    status = components.status_line("methods-status", WAITING)
    grid = components.method_grid("methods-grid")
    note = components.notes("methods-curve-note")
    with gr.Row(elem_id="methods-curves"):
        charts = {
            half: gr.Plot(label=half.capitalize(), visible=False, min_width=320, show_label=False)
            for half in ("deletion", "insertion")
        }
    agreement = components.table("methods-agreement", None)
    localisation = components.table("methods-localisation", None)
    check = gr.Button("Run sanity checks", visible=False, elem_id="methods-check")
    sanity = components.table("methods-sanity", None)
    figures = components.table("methods-figures", None)
    return {
        "notice": notice, "status": status, "grid": grid, "curve_note": note, **charts,
        "agreement": agreement, "localisation": localisation, "check": check,
        "sanity": sanity, "figures": figures, "evidence": lay_out_evidence(), "turn": gr.State(""),
        "export": components.export_buttons("methods-export", "Save the comparison"),
    }  # fmt: skip
