"""Probe: what if the picture or the reasoning were different."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.errors import UserFacing
from workbench.ui.boundary import AT_ONCE, guarded
from workbench.ui.case.desk import CaseDesk
from workbench.ui.case.examples import load_examples
from workbench.ui.html import components
from workbench.ui.html.nodes import tree
from workbench.ui.probe.desk import LARGEST_SEED, Findings, Probed, ProbeDesk
from workbench.ui.probe.picker import region_picker, results_area
from workbench.ui.probe.view import pictures_html, results_html, stage_value
from workbench.ui.services import ROLES

Updates = dict[Any, Any]
# Everything that uses the models waits in one lane with the Case tab.
MODEL_LANE = {
    "concurrency_id": "model",
    "concurrency_limit": 1,
    "api_visibility": "private",
    "show_progress": "hidden",
}
ACTIONS = [("Remove it", "remove"), ("Keep only it", "keep"), ("Block its reading", "block")]
FILLS = [("Blurred picture", "blur"), ("Mean colour", "mean"), ("Inpainted", "inpaint")]
WHOLE = [("Blank", "blank"), ("Noise", "noise"), ("Blur", "blur"), ("Flip left–right", "flip")]
EDITS = [("Stop after it", "truncate"), ("Delete it", "delete"), ("Replace it by the text", "replace")]
THENS = [("Answer at once", "answer"), ("Reason on from there", "continue")]
READY = "Draw a region, or choose a change."
HELP = (
    "Remove and Keep paint over the picture; Block leaves it whole but hides the region's image tokens from "
    "every later word (their neighbours may still carry some of it). Controls are random places of the same "
    "shape and area: an effect counts only beyond theirs."
)


@dataclass(frozen=True)
class ProbeParts:
    """The components of the sub-tab, by name."""

    picker: gr.HTML
    controls: gr.Column
    roles: gr.CheckboxGroup
    action: gr.Radio
    fill: gr.Radio
    test: gr.Button
    whole: dict[str, gr.Button]
    other: gr.Dropdown
    other_button: gr.Button
    shuffle: gr.Button
    role: gr.Radio
    step: gr.Dropdown
    then: gr.Radio
    text: gr.Textbox
    edits: dict[str, gr.Button]
    seed: gr.Number
    stop: gr.Button
    status: gr.HTML
    notice: gr.HTML
    pictures: gr.HTML
    results: gr.HTML
    shapes: gr.State
    findings: gr.State
    case: gr.State


def build_probe_screen(desk: CaseDesk) -> None:
    """Lay the sub-tab out and bring it to life; call it inside a `gr.Tab`."""
    probe = ProbeDesk(desk.services, desk.sessions)
    with gr.Row(equal_height=False, elem_id="probe-row"):
        with gr.Column(scale=5, min_width=280):
            picker = region_picker()
            pictures = results_area("probe-pictures")
        with gr.Column(scale=6, min_width=280, visible=False, elem_id="probe-controls") as controls:
            chosen = {**_picture_parts(), **_reasoning_parts()}
    ui = ProbeParts(
        picker, controls, **chosen, pictures=pictures, results=results_area("probe-results"),
        shapes=gr.State([]), findings=gr.State({}), case=gr.State(""),
    )  # fmt: skip
    _wire_stage(ui, probe)
    _wire_picture(ui, probe)
    _wire_reasoning(ui, probe)


def _picture_parts() -> dict[str, Any]:
    examples = [(entry.title, entry.id) for entry in load_examples().examples]
    roles = gr.CheckboxGroup([], label="Models", elem_id="probe-roles")
    action = gr.Radio(ACTIONS, value="remove", label="The region", info=HELP, elem_id="probe-action")
    fill = gr.Radio(FILLS, value="blur", label="Filled with", elem_id="probe-fill")
    with gr.Row():
        test = gr.Button("Test the region", variant="primary", min_width=120, elem_id="probe-test")
        stop = gr.Button("Stop", min_width=70, elem_id="probe-stop")
    notice = components.notice("probe-notice")
    status = components.status_line("probe-status")
    gr.Markdown("**The whole picture, in one click**")
    with gr.Row(elem_id="probe-whole"):
        whole = {edit: gr.Button(label, min_width=80, size="sm") for label, edit in WHOLE}
        shuffle = gr.Button("Shuffle options", min_width=80, size="sm", elem_id="probe-shuffle")
    with gr.Row(equal_height=False, elem_id="probe-other"):
        first = examples[0][1] if examples else None
        other = gr.Dropdown(examples, value=first, label="Another picture", filterable=False, min_width=150)
        other_button = gr.Button("Show it instead", min_width=110, size="sm")
    return {
        "roles": roles, "action": action, "fill": fill, "test": test, "stop": stop, "whole": whole,
        "shuffle": shuffle, "other": other, "other_button": other_button, "notice": notice, "status": status,
    }  # fmt: skip


def _reasoning_parts() -> dict[str, Any]:
    with gr.Accordion("The reasoning: stop, delete or replace a step", open=False, elem_id="probe-reasoning"):
        with gr.Row():
            role = gr.Radio([], label="Whose", min_width=120, elem_id="probe-role")
            then = gr.Radio(THENS, value="answer", label="Then", min_width=160, elem_id="probe-then")
        step = gr.Dropdown([], label="Step", filterable=False, elem_id="probe-step")
        text = gr.Textbox(label="New text of the step", lines=2, max_lines=5, max_length=600)
        with gr.Row():
            edits = {kind: gr.Button(label, min_width=110, size="sm") for label, kind in EDITS}
    with gr.Accordion("Details", open=False):
        seed = gr.Number(
            0,
            label="Seed of noise, control places and shuffles",
            precision=0,
            minimum=0,
            maximum=LARGEST_SEED,
        )
    return {"role": role, "then": then, "step": step, "text": text, "edits": edits, "seed": seed}


def _wire_stage(ui: ProbeParts, probe: ProbeDesk) -> None:
    """What can be probed, and which step is chosen."""

    def look(case: str, request: gr.Request) -> Updates:
        stage = probe.stage(request.session_hash)
        if stage.case == case:
            return {ui.case: case}
        roles = [(stage.titles[role], role) for role in ROLES if role in stage.titles]
        last = roles[-1][1] if roles else None
        return {
            ui.case: stage.case,
            ui.picker: stage_value(stage),
            ui.controls: gr.Column(visible=bool(roles)),
            ui.roles: gr.CheckboxGroup(choices=roles, value=[role for _, role in roles]),
            ui.role: gr.Radio(choices=roles, value=last),
            **_step_choice(ui, stage, last),
            ui.shuffle: gr.Button(interactive=stage.options),
            ui.notice: None, ui.pictures: [], ui.results: [], ui.findings: {}, ui.shapes: [],
            ui.status: {"text": READY if roles else ""},
        }  # fmt: skip

    def whose(role: str, request: gr.Request) -> Updates:
        return _step_choice(ui, probe.stage(request.session_hash), role)

    def chosen(step: int | None, role: str, request: gr.Request) -> str:
        texts = probe.stage(request.session_hash).steps.get(role, ())
        return texts[int(step) - 1] if step and int(step) <= len(texts) else ""

    def drawn(event: gr.EventData) -> Any:
        return (event._data or {}).get("shapes")

    changed = [
        ui.case, ui.picker, ui.controls, ui.roles, ui.role, ui.step, ui.text, ui.shuffle, ui.notice,
        ui.pictures, ui.results, ui.findings, ui.shapes, ui.status,
    ]  # fmt: skip
    ui.picker.click(look, ui.case, changed, **AT_ONCE)
    ui.picker.select(drawn, None, ui.shapes, **AT_ONCE)
    ui.role.input(whose, ui.role, [ui.step, ui.text], **AT_ONCE)
    ui.step.input(chosen, [ui.step, ui.role], ui.text, **AT_ONCE)


def _step_choice(ui: ProbeParts, stage: Any, role: str | None) -> Updates:
    texts = stage.steps.get(role, ()) if role else ()
    choices = [("0. Before the first step", 0), *((f"{at}. {text}", at) for at, text in enumerate(texts, 1))]
    return {
        ui.step: gr.Dropdown(choices=choices if texts else [], value=1 if texts else None),
        ui.text: texts[0] if texts else "",
    }


def _wire_picture(ui: ProbeParts, probe: ProbeDesk) -> None:
    """The region, the one-click pictures, and Stop."""

    @guarded(ui.notice)
    def region(
        shapes: Any, roles: list[str], action: str, fill: str, seed: float, findings: Findings,
        request: gr.Request,
    ) -> Iterator[Updates]:  # fmt: skip
        page = request.session_hash
        yield from _streamed(ui, probe, page, probe.region(page, roles, shapes, action, fill, seed, findings))

    def whole(edit: str) -> Callable[..., Iterator[Updates]]:
        @guarded(ui.notice)
        def run(roles: list[str], seed: float, findings: Findings, request: gr.Request) -> Iterator[Updates]:
            page = request.session_hash
            yield from _streamed(ui, probe, page, probe.whole(page, roles, edit, seed, findings))

        return run

    @guarded(ui.notice)
    def other(
        example: str, roles: list[str], seed: float, findings: Findings, request: gr.Request
    ) -> Iterator[Updates]:
        from workbench.imaging import load_image

        page, pixels = request.session_hash, load_image(load_examples().get(example).file()).pixels
        yield from _streamed(ui, probe, page, probe.whole(page, roles, "other", seed, findings, pixels))

    def stop(request: gr.Request) -> None:
        probe.stop(request.session_hash)

    common, results = [ui.roles, ui.seed, ui.findings], _results(ui)
    ui.test.click(
        region, [ui.shapes, ui.roles, ui.action, ui.fill, ui.seed, ui.findings], results, **MODEL_LANE
    )
    for edit, button in ui.whole.items():
        button.click(whole(edit), common, results, **MODEL_LANE)
    ui.other_button.click(other, [ui.other, *common], results, **MODEL_LANE)
    ui.stop.click(stop, None, None, **AT_ONCE)


def _wire_reasoning(ui: ProbeParts, probe: ProbeDesk) -> None:
    """Options in other orders; steps cut off, deleted or replaced."""

    @guarded(ui.notice)
    def shuffle(roles: list[str], seed: float, findings: Findings, request: gr.Request) -> Iterator[Updates]:
        page = request.session_hash
        yield from _streamed(ui, probe, page, probe.shuffle(page, roles, seed, findings))

    def edit(kind: str) -> Callable[..., Iterator[Updates]]:
        @guarded(ui.notice)
        def run(
            role: str, step: float, then: str, text: str, findings: Findings, request: gr.Request
        ) -> Iterator[Updates]:
            page = request.session_hash
            yield from _streamed(ui, probe, page, probe.trace(page, role, kind, step, then, text, findings))

        return run

    ui.shuffle.click(shuffle, [ui.roles, ui.seed, ui.findings], _results(ui), **MODEL_LANE)
    chosen = [ui.role, ui.step, ui.then, ui.text, ui.findings]
    for kind, button in ui.edits.items():
        button.click(edit(kind), chosen, _results(ui), **MODEL_LANE)


def _results(ui: ProbeParts) -> list[Any]:
    return [ui.notice, ui.status, ui.pictures, ui.results, ui.findings]


def _streamed(ui: ProbeParts, probe: ProbeDesk, page: str, states: Iterator[Probed]) -> Iterator[Updates]:
    """Updates of the page for each state; the pictures, which are large, travel once."""
    yield {ui.status: {"text": "Waiting for the models.", "busy": True}}
    sent = False
    try:
        for probed in states:
            updates: Updates = {
                ui.status: {"text": probed.status, "busy": probed.busy},
                ui.results: tree(results_html(probed.panels)),
                ui.findings: probed.findings,
            }
            outcome = next((panel.outcome for panel in probed.panels if panel.outcome is not None), None)
            if outcome is not None and not sent:
                sent = True
                updates[ui.pictures] = tree(pictures_html(probe.pixels(page), outcome))
            yield updates
    except UserFacing:
        yield {ui.status: {"text": "Nothing was changed.", "busy": False}}
        raise
