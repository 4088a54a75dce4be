"""Wiring of the Methods sub-tab: several heat maps of one span, with what was measured about each."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.ui.boundary import guarded
from workbench.ui.case.examples import ExampleSet
from workbench.ui.lanes import AT_ONCE, LATEST_ONLY, MODEL_LANE
from workbench.ui.methods.charts import curve_figures, curves_note
from workbench.ui.methods.desk import FIRST_CHOICE, Comparison, MethodsDesk, further_metrics, registry
from workbench.ui.methods.evidence.events import emptied_evidence, evidence_updates, wire_evidence
from workbench.ui.methods.export import export_files
from workbench.ui.methods.form import Form, span_choices
from workbench.ui.methods.grounding.events import wire_grounding
from workbench.ui.methods.layout import WAITING, MethodsComponents, SettingComponents
from workbench.ui.methods.settings import given_settings, offered_settings
from workbench.ui.methods.view import (
    agreement_table,
    cost_table,
    figures_table,
    grid_value,
    localisation_table,
    progress,
    sanity_table,
)

Updates = dict[Any, Any]


def wire_methods(ui: MethodsComponents, methods: MethodsDesk, examples: ExampleSet) -> None:
    """Bring the sub-tab to life. The page calls `refresh_after` with the events that change the answer."""
    _wire_choices(ui, methods)
    _wire_compute(ui, methods, examples)
    wire_evidence(ui.evidence, methods, ui.export)
    wire_grounding(ui.grounding, ui.tab)
    refresh_after(ui, methods, ui.tab.select)


def refresh_after(ui: MethodsComponents, methods: MethodsDesk, *events: Callable[..., Any]) -> None:
    """Offer the parts of the answer that is there now, whenever one of these events happened."""

    @guarded(ui.notice)
    def refresh(role: str, span: str, chosen: list[str], region: str, request: gr.Request) -> Updates:
        return offered(ui, methods, request.session_hash, role, span, chosen, region)

    inputs = [ui.role, ui.span, ui.methods, ui.region]
    outputs = [ui.notice, ui.span, ui.methods, ui.metrics, ui.region, ui.status, ui.check, *ui.results]
    for event in events:
        event(refresh, inputs, outputs, **AT_ONCE)


def offered(
    ui: MethodsComponents,
    methods: MethodsDesk,
    session_id: str,
    role: str,
    span: str,
    chosen: list[str],
    region: str,
) -> Updates:
    """The choices that fit the page's answer and picture; results of an answer that is gone are emptied."""
    page = methods.sessions.of(session_id)
    if methods.services.state.phase != "ready":
        return {ui.status: {"text": methods.services.state.message or WAITING}}
    column = methods.column(session_id, role)
    spans = span_choices(column)
    menu = [(spec.label, name) for name, spec in registry().items()]
    regions = [("No region", "none"), ("My box", "box")]
    if page.picture is not None and page.picture.lesion is not None:
        regions.insert(1, ("The drawn finding", "lesion"))
    values, places = [value for _, value in spans], [value for _, value in regions]
    updates: Updates = {
        ui.span: gr.Dropdown(
            choices=spans, value=span if span in values else (values[0] if values else None)
        ),
        ui.methods: gr.CheckboxGroup(choices=menu, value=chosen or list(FIRST_CHOICE)),
        ui.metrics: gr.Dropdown(choices=[(label, name) for name, label in further_metrics().items()]),
        ui.region: gr.Radio(choices=regions, value=region if region in places else "none"),
    }
    if page.comparison is None:
        said = "Choose what to compare, then press Compute." if column else WAITING
        updates |= {ui.status: {"text": said}, **emptied(ui)}
    return updates


def _wire_choices(ui: MethodsComponents, methods: MethodsDesk) -> None:
    @guarded(ui.notice)
    def cost(request: gr.Request, role: str, chosen: list[str], curves: bool, *settings: Any) -> Updates:
        column = methods.column(request.session_hash, role)
        if column is None:
            return {ui.cost: None}
        given = given_settings(settings, chosen or ())
        return {ui.cost: cost_table(column.prompt, chosen, bool(curves), given)}

    @guarded(ui.notice)
    def settings_of(chosen: list[str]) -> Updates:
        return _setting_updates(ui.settings, chosen)

    def fields(span: str, region: str, chosen: list[str]) -> list[Any]:
        foil = any("foil" in registry()[name].needs for name in chosen or ())
        wanted = (span == "word", region == "box", foil)
        return [gr.Textbox(visible=visible) for visible in wanted]

    asking = [ui.span, ui.region, ui.methods]
    for control in asking:
        control.change(fields, asking, [ui.word, ui.box, ui.foil], **AT_ONCE)
    costly = [ui.role, ui.methods, ui.curves, *ui.settings.controls]
    for control in (ui.role, ui.methods, ui.curves, ui.span):
        control.change(cost, costly, [ui.notice, ui.cost], **AT_ONCE)
    for control in ui.settings.controls:
        changed = control.blur if isinstance(control, gr.Textbox) else control.input
        changed(cost, costly, [ui.notice, ui.cost], **AT_ONCE)
    ui.methods.change(
        settings_of, ui.methods, [ui.notice, ui.settings.fold, *ui.settings.controls], **AT_ONCE
    )
    refresh_after(ui, methods, ui.role.input)


def _setting_updates(ui: SettingComponents, chosen: list[str]) -> Updates:
    """The controls of the ticked methods; a value that was given before stays."""
    offered, updates = offered_settings(chosen), {}
    for place, setting in offered.items():
        control, look = ui.controls[place], {"label": setting.label, "info": setting.info}
        menu = {"choices": list(setting.choices)} if setting.choices else {}
        updates[control] = type(control)(visible=setting.visible, **look, **menu)
    return {ui.fold: gr.Accordion(visible=any(one.visible for one in offered.values())), **updates}


def _wire_compute(ui: MethodsComponents, methods: MethodsDesk, examples: ExampleSet) -> None:
    """Compute checks the form at once; then each method is one turn in the model lane's queue."""

    @guarded(ui.notice)
    def start(
        request: gr.Request, role: str, span: str, word: str, chosen: list[str], curves: bool,
        figures: list[str], region: str, box: str, foil: str, *settings: Any,
    ) -> Updates:  # fmt: skip
        form = Form(
            str(role), str(span or ""), str(word or ""), tuple(chosen or ()), bool(curves), str(region),
            str(box), str(foil or ""), given_settings(settings, chosen or ()), tuple(figures or ()),
        )  # fmt: skip
        running = methods.start(request.session_hash, form)
        return {**emptied(ui), ui.status: progress(running), ui.turn: f"{running.id}-0"}

    @guarded(ui.notice)
    def step(request: gr.Request) -> Iterator[Updates]:
        for running, done in methods.follow(request.session_hash):
            yield comparison_updates(ui, running) if done else {ui.status: progress(running)}

    @guarded(ui.notice)
    def stop(request: gr.Request) -> Updates:
        methods.stop(request.session_hash)
        return {ui.status: {"text": "Stopped. The maps that are there stay."}}

    filled = [ui.notice, ui.status, ui.turn, ui.check, *ui.results]
    ui.compute.click(start, ui.form, filled, **AT_ONCE)
    ui.turn.change(step, None, filled, **MODEL_LANE, **LATEST_ONLY)
    ui.stop.click(stop, None, [ui.notice, ui.status], **AT_ONCE)
    _wire_sanity(ui, methods, examples, filled)


def _wire_sanity(
    ui: MethodsComponents, methods: MethodsDesk, examples: ExampleSet, filled: list[Any]
) -> None:
    @guarded(ui.notice)
    def check(request: gr.Request) -> Iterator[Updates]:
        yield {ui.status: {"text": "Running the sanity checks.", "busy": True}}
        try:
            other = another_picture(methods, request.session_hash, examples)
            running = methods.sanity(request.session_hash, other)
        except Exception:
            yield {ui.status: {"text": "The sanity checks could not be run."}}
            raise
        yield {**comparison_updates(ui, running), ui.status: {"text": "Sanity checks finished."}}

    ui.check.click(check, None, filled, **MODEL_LANE)


def comparison_updates(ui: MethodsComponents, running: Comparison) -> Updates:
    """Everything that is known of a comparison, and a turn for the next method."""
    over = running.stop.is_set() or not running.todo
    charts = curve_figures(running.entries) or (None, None)
    note = curves_note(running.entries, running.span.label)
    updates: Updates = {
        ui.grid: grid_value(running),
        ui.curve_note: {"facts": note} if note else None,
        ui.deletion: gr.Plot(value=charts[0], visible=bool(note)),
        ui.insertion: gr.Plot(value=charts[1], visible=bool(note)),
        ui.agreement: agreement_table(running),
        ui.localisation: localisation_table(running),
        ui.sanity: sanity_table(running),
        ui.figures: figures_table(running),
        ui.export: export_files(running) if over else None,
        ui.check: gr.Button(visible=over and bool(running.maps)),
    }
    turn = {} if over else {ui.turn: f"{running.id}-{len(running.entries)}"}
    return {**updates, **evidence_updates(ui.evidence, running, over), ui.status: progress(running), **turn}


def another_picture(methods: MethodsDesk, session_id: str, examples: ExampleSet) -> Any:
    """An example that is not the picture asked about. Raises UserFacing when there is none."""
    running = methods.sessions.of(session_id).comparison
    for example in examples.examples:
        image = load_image(example.file())
        if running is None or image.sha256 != running.image.sha256:
            return image
    raise UserFacing("There is no other picture to compare with.", "The example pictures are missing.")


def emptied(ui: MethodsComponents) -> Updates:
    """Updates that take all results away."""
    hidden = {chart: gr.Plot(value=None, visible=False) for chart in (ui.deletion, ui.insertion)}
    tables = (ui.agreement, ui.localisation, ui.sanity, ui.figures)
    blank = (ui.grid, ui.curve_note, *tables, ui.export)
    return {
        **dict.fromkeys(blank),
        **hidden,
        **emptied_evidence(ui.evidence),
        ui.check: gr.Button(visible=False),
    }
