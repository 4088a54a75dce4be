"""Wiring of the Probe sub-tab: what if the picture or the reasoning were different."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.ui.boundary import guarded
from workbench.ui.case.examples import ExampleSet
from workbench.ui.lanes import AT_ONCE, MODEL_LANE
from workbench.ui.probe.desk import Findings, Probed, ProbeDesk, Stage
from workbench.ui.probe.layout import ProbeComponents
from workbench.ui.probe.view import pictures_nodes, results_nodes, stage_value
from workbench.ui.services import ROLES

Updates = dict[Any, Any]
READY = "Draw a region, or choose a change."


def wire_probe(ui: ProbeComponents, probe: ProbeDesk, examples: ExampleSet) -> None:
    """Bring the sub-tab to life; everything that uses the models waits in one lane with the Case tab."""
    _wire_stage(ui, probe)
    _wire_picture(ui, probe, examples)
    _wire_reasoning(ui, probe)


def _wire_stage(ui: ProbeComponents, probe: ProbeDesk) -> None:
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
            ui.notice: None, ui.pictures: [], ui.outcomes: [], ui.findings: {}, ui.shapes: [],
            ui.status: {"text": READY if roles else ""},
        }  # fmt: skip

    def whose(role: str, request: gr.Request) -> Updates:
        return _step_choice(ui, probe.stage(request.session_hash), role)

    def chosen(step: int | None, role: str, request: gr.Request) -> str:
        texts = probe.stage(request.session_hash).steps.get(role, ())
        return texts[int(step) - 1] if step and int(step) <= len(texts) else ""

    def drawn(event: gr.EventData) -> Any:
        return (event._data or {}).get("shapes")

    changed = [ui.case, ui.picker, ui.controls, ui.roles, ui.role, ui.step, ui.text, ui.shuffle, ui.shapes]
    ui.picker.click(look, ui.case, [*changed, *ui.results], **AT_ONCE)
    ui.picker.select(drawn, None, ui.shapes, **AT_ONCE)
    ui.role.input(whose, ui.role, [ui.step, ui.text], **AT_ONCE)
    ui.step.input(chosen, [ui.step, ui.role], ui.text, **AT_ONCE)


def _step_choice(ui: ProbeComponents, stage: Stage, role: str | None) -> Updates:
    texts = stage.steps.get(role, ()) if role else ()
    choices = [("0. Before the first step", 0), *((f"{at}. {text}", at) for at, text in enumerate(texts, 1))]
    return {
        ui.step: gr.Dropdown(choices=choices if texts else [], value=1 if texts else None),
        ui.text: texts[0] if texts else "",
    }


def _wire_picture(ui: ProbeComponents, probe: ProbeDesk, examples: ExampleSet) -> None:
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
        page, pixels = request.session_hash, load_image(examples.get(example).file()).pixels
        yield from _streamed(ui, probe, page, probe.whole(page, roles, "other", seed, findings, pixels))

    def stop(request: gr.Request) -> None:
        probe.stop(request.session_hash)

    common = [ui.roles, ui.seed, ui.findings]
    ui.test.click(
        region, [ui.shapes, ui.roles, ui.action, ui.fill, ui.seed, ui.findings], ui.results, **MODEL_LANE
    )
    for edit, button in ui.whole.items():
        button.click(whole(edit), common, ui.results, **MODEL_LANE)
    ui.other_button.click(other, [ui.other, *common], ui.results, **MODEL_LANE)
    ui.stop.click(stop, None, None, **AT_ONCE)


def _wire_reasoning(ui: ProbeComponents, probe: ProbeDesk) -> None:
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

    @guarded(ui.notice)
    def anchor(roles: list[str], prefix: str, findings: Findings, request: gr.Request) -> Iterator[Updates]:
        page = request.session_hash
        yield from _streamed(ui, probe, page, probe.anchor(page, roles, prefix, findings))

    ui.anchor.click(anchor, [ui.roles, ui.prefix, ui.findings], ui.results, **MODEL_LANE)
    ui.shuffle.click(shuffle, [ui.roles, ui.seed, ui.findings], ui.results, **MODEL_LANE)
    chosen = [ui.role, ui.step, ui.then, ui.text, ui.findings]
    for kind, button in ui.edits.items():
        button.click(edit(kind), chosen, ui.results, **MODEL_LANE)


def _streamed(
    ui: ProbeComponents, probe: ProbeDesk, page: str, states: Iterator[Probed]
) -> Iterator[Updates]:
    """Updates of the page for each state; the pictures, which are large, travel once."""
    yield {ui.status: {"text": "Waiting for the models.", "busy": True}}
    sent = False
    try:
        for probed in states:
            updates: Updates = {
                ui.status: {"text": probed.status, "busy": probed.busy},
                ui.outcomes: results_nodes(probed.panels),
                ui.findings: probed.findings,
            }
            outcome = next((panel.outcome for panel in probed.panels if panel.outcome is not None), None)
            if outcome is not None and not sent:
                sent = True
                updates[ui.pictures] = pictures_nodes(probe.pixels(page), outcome)
            yield updates
    except UserFacing:
        yield {ui.status: {"text": "Nothing was changed.", "busy": False}}
        raise
