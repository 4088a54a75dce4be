"""Methods: several heat maps of one span side by side, with what was measured about each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.errors import UserFacing
from workbench.ui import parts
from workbench.ui.boundary import guarded
from workbench.ui.case_desk import CaseDesk
from workbench.ui.examples import load_examples
from workbench.ui.methods_desk import FIRST_CHOICE, Comparison, MethodsDesk, registry
from workbench.ui.methods_form import Form, span_choices
from workbench.ui.services import ROLES

Updates = dict[Any, Any]
AT_ONCE = {"concurrency_limit": None, "api_visibility": "private", "show_progress": "hidden"}
LANE = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "hidden",
}
INTRO = (
    "Different methods ask different questions, and they disagree. Compare them on one part of an answer. "
    "A map shows **what influenced the model, not where disease is**."
)
WAITING = "Ask a question on the left; then choose a part of the answer here."


@dataclass(frozen=True)
class MethodsParts:
    """The components of the sub-tab, by name."""

    role: gr.Radio
    span: gr.Dropdown
    word: gr.Textbox
    methods: gr.CheckboxGroup
    curves: gr.Checkbox
    region: gr.Radio
    box: gr.Textbox
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
    export: gr.HTML
    turn: gr.State

    @property
    def form(self) -> list[Any]:
        """What a comparison is made from, in the order of `form_of`."""
        return [self.role, self.span, self.word, self.methods, self.curves, self.region, self.box]

    @property
    def results(self) -> list[Any]:
        """What a comparison fills."""
        tables = [self.agreement, self.localisation, self.sanity]
        return [self.grid, self.curve_note, self.deletion, self.insertion, *tables, self.export]


def build_methods_screen(desk: CaseDesk, tab: gr.Tab) -> MethodsParts:
    """Lay the sub-tab out and bring it to life; call it inside `tab`.

    The page has to call `refresh_after` with the events that change the answer.
    """
    ui = MethodsParts(**_choices(), **_results())
    methods = MethodsDesk(desk.services, desk.sessions)
    _wire_choices(ui, desk, methods)
    _wire_compute(ui, methods)
    refresh_after(ui, desk, [tab.select])
    return ui


def _choices() -> dict[str, Any]:
    gr.Markdown(INTRO)
    with gr.Row(equal_height=False):
        role = gr.Radio([(name.capitalize(), name) for name in ROLES], value="tuned", label="Model")
        span = gr.Dropdown([], label="Part of the answer", filterable=False, min_width=180)
        word = gr.Textbox(label="The word", visible=False, max_lines=1, min_width=120)
    methods = gr.CheckboxGroup([], label="Methods", elem_id="methods-choice")
    with gr.Row(equal_height=False):
        curves = gr.Checkbox(
            True, label="Measure each map", info="Deletion and insertion curves against controls."
        )
        region = gr.Radio([("No region", "none")], value="none", label="Compare with a region")
        box = gr.Textbox(
            label="Box: x0, y0, x1, y1 in pixels", placeholder="40, 60, 90, 120", visible=False, max_lines=1
        )
    with gr.Accordion("Cost before running", open=False):
        cost = parts.table("methods-cost", None)
    with gr.Row():
        compute = gr.Button("Compute", variant="primary", scale=0, min_width=150, elem_id="methods-compute")
        stop = gr.Button("Stop", scale=0, min_width=90, elem_id="methods-stop")
    return {
        "role": role, "span": span, "word": word, "methods": methods, "curves": curves, "region": region,
        "box": box, "cost": cost, "compute": compute, "stop": stop,
    }  # fmt: skip


def _results() -> dict[str, Any]:
    notice = parts.notice("methods-notice")
    status = parts.status_line("methods-status", WAITING)
    grid = parts.method_grid("methods-grid")
    note = parts.notes("methods-curve-note")
    with gr.Row(elem_id="methods-curves"):
        charts = {
            half: gr.Plot(label=half.capitalize(), visible=False, min_width=320, show_label=False)
            for half in ("deletion", "insertion")
        }
    agreement = parts.table("methods-agreement", None)
    localisation = parts.table("methods-localisation", None)
    check = gr.Button("Run sanity checks", visible=False, elem_id="methods-check")
    return {
        "notice": notice, "status": status, "grid": grid, "curve_note": note, **charts,
        "agreement": agreement, "localisation": localisation, "check": check,
        "sanity": parts.table("methods-sanity", None), "turn": gr.State(""),
        "export": parts.export_buttons("methods-export"),
    }  # fmt: skip


def refresh_after(ui: MethodsParts, desk: CaseDesk, events: list[Any]) -> None:
    """Offer the parts of the answer that is there now, whenever one of these events happened."""
    methods = MethodsDesk(desk.services, desk.sessions)

    @guarded(ui.notice)
    def refresh(role: str, span: str, chosen: list[str], region: str, request: gr.Request) -> Updates:
        return offered(ui, desk, methods, request.session_hash, role, span, chosen, region)

    inputs = [ui.role, ui.span, ui.methods, ui.region]
    outputs = [ui.notice, ui.span, ui.methods, ui.region, ui.status, ui.check, *ui.results]
    for event in events:
        event(refresh, inputs, outputs, **AT_ONCE)


def offered(
    ui: MethodsParts,
    desk: CaseDesk,
    methods: MethodsDesk,
    session_id: str,
    role: str,
    span: str,
    chosen: list[str],
    region: str,
) -> Updates:
    """The choices that fit the page's answer and picture; results of an answer that is gone are emptied."""
    page = desk.sessions.of(session_id)
    if desk.services.state.phase != "ready":
        return {ui.status: {"text": desk.services.state.message or WAITING}}
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
        ui.region: gr.Radio(choices=regions, value=region if region in places else "none"),
    }
    if page.comparison is None:
        said = "Choose what to compare, then press Compute." if column else WAITING
        updates |= {ui.status: {"text": said}, **_emptied(ui)}
    return updates


def _emptied(ui: MethodsParts) -> Updates:
    hidden = {chart: gr.Plot(value=None, visible=False) for chart in (ui.deletion, ui.insertion)}
    blank = (ui.grid, ui.curve_note, ui.agreement, ui.localisation, ui.sanity, ui.export)
    return {**dict.fromkeys(blank), **hidden, ui.check: gr.Button(visible=False)}


def _wire_choices(ui: MethodsParts, desk: CaseDesk, methods: MethodsDesk) -> None:
    @guarded(ui.notice)
    def cost(role: str, chosen: list[str], curves: bool, request: gr.Request) -> Updates:
        column = methods.column(request.session_hash, role)
        if column is None:
            return {ui.cost: None}
        from workbench.ui.methods_view import cost_table

        return {ui.cost: cost_table(column.prompt, chosen, bool(curves))}

    def fields(span: str, region: str) -> list[Any]:
        return [gr.Textbox(visible=span == "word"), gr.Textbox(visible=region == "box")]

    for control in (ui.span, ui.region):
        control.change(fields, [ui.span, ui.region], [ui.word, ui.box], **AT_ONCE)
    for control in (ui.role, ui.methods, ui.curves, ui.span):
        control.change(cost, [ui.role, ui.methods, ui.curves], [ui.notice, ui.cost], **AT_ONCE)
    refresh_after(ui, desk, [ui.role.input])


def _wire_compute(ui: MethodsParts, methods: MethodsDesk) -> None:
    """Compute checks the form at once; then each method is one turn in the model lane's queue."""

    @guarded(ui.notice)
    def start(
        role: str, span: str, word: str, chosen: list[str], curves: bool, region: str, box: str,
        request: gr.Request,
    ) -> Updates:  # fmt: skip
        form = Form(
            str(role),
            str(span or ""),
            str(word or ""),
            tuple(chosen or ()),
            bool(curves),
            str(region),
            str(box),
        )
        running = methods.start(request.session_hash, form)
        return {**_emptied(ui), **_progress(ui, running), ui.turn: f"{running.id}-0"}

    @guarded(ui.notice)
    def step(request: gr.Request) -> Updates:
        running = methods.step(request.session_hash)
        return {} if running is None else shown(ui, running)

    @guarded(ui.notice)
    def stop(request: gr.Request) -> Updates:
        methods.stop(request.session_hash)
        return {ui.status: {"text": "Stopped. The maps that are there stay."}}

    @guarded(ui.notice)
    def check(request: gr.Request) -> Iterator[Updates]:
        yield {ui.status: {"text": "Running the sanity checks.", "busy": True}}
        try:
            running = methods.sanity(request.session_hash, another_picture(methods, request.session_hash))
        except Exception:
            yield {ui.status: {"text": "The sanity checks could not be run."}}
            raise
        yield {**shown(ui, running), ui.status: {"text": "Sanity checks finished."}}

    filled = [ui.notice, ui.status, ui.turn, ui.check, *ui.results]
    ui.compute.click(start, ui.form, filled, **AT_ONCE)
    ui.turn.change(step, None, filled, **{**LANE, "trigger_mode": "always_last"})
    ui.stop.click(stop, None, [ui.notice, ui.status], **AT_ONCE)
    ui.check.click(check, None, filled, **LANE)


def _progress(ui: MethodsParts, running: Comparison) -> Updates:
    done, left = len(running.entries), len(running.todo)
    if running.stop.is_set():
        return {ui.status: {"text": f"Stopped after {done} of {running.total} methods."}}
    if not left:
        return {ui.status: {"text": f"Finished: {done} of {running.total} methods."}}
    from workbench.ui.methods_view import next_label

    said = f"Computing {next_label(running)} ({done + 1} of {running.total})."
    return {ui.status: {"text": said, "busy": True}}


def shown(ui: MethodsParts, running: Comparison) -> Updates:
    """Everything that is known of a comparison, and a turn for the next method."""
    from workbench.ui.methods_charts import curve_figures, curves_note
    from workbench.ui.methods_export import export_files
    from workbench.ui.methods_view import agreement_table, grid_value, localisation_table, sanity_table

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
        ui.export: export_files(running) if over else None,
        ui.check: gr.Button(visible=over and bool(running.maps)),
    }
    turn = {} if over else {ui.turn: f"{running.id}-{len(running.entries)}"}
    return {**updates, **_progress(ui, running), **turn}


def another_picture(methods: MethodsDesk, session_id: str) -> Any:
    """An example that is not the picture asked about. Raises UserFacing when there is none."""
    from workbench.imaging import load_image

    running = methods.sessions.of(session_id).comparison
    for example in load_examples().examples:
        image = load_image(example.file())
        if running is None or image.sha256 != running.image.sha256:
            return image
    raise UserFacing("There is no other picture to compare with.", "The example pictures are missing.")
