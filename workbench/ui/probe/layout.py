"""The components of the Probe sub-tab and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.ui.case.examples import Example
from workbench.ui.html import components
from workbench.ui.probe.desk import LARGEST_SEED

ACTIONS = [("Remove it", "remove"), ("Keep only it", "keep"), ("Block its reading", "block")]
FILLS = [("Blurred picture", "blur"), ("Mean colour", "mean"), ("Inpainted", "inpaint")]
WHOLE = [("Blank", "blank"), ("Noise", "noise"), ("Blur", "blur"), ("Flip left–right", "flip")]
EDITS = [("Stop after it", "truncate"), ("Delete it", "delete"), ("Replace it by the text", "replace")]
THENS = [("Answer at once", "answer"), ("Reason on from there", "continue")]
LONGEST_PREFIX = 6000  # as interventions.anchor has it; importing that loads torch
ANCHOR_HELP = (
    "Reasoning that leans to a wrong answer, such as “I am not sure, but it must be B because …”. The models "
    "go on from there: does the answer change?"
)
HELP = (
    "Remove and Keep paint over the picture; Block leaves it whole but hides the region's image tokens from "
    "every later word (their neighbours may still carry some of it). Controls are random places of the same "
    "shape and area: an effect counts only beyond theirs."
)


@dataclass(frozen=True)
class ProbeComponents:
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
    prefix: gr.Textbox
    anchor: gr.Button
    seed: gr.Number
    stop: gr.Button
    status: gr.HTML
    notice: gr.HTML
    pictures: gr.HTML
    outcomes: gr.HTML
    shapes: gr.State
    findings: gr.State
    case: gr.State

    @property
    def results(self) -> list[Any]:
        """What an intervention fills."""
        return [self.notice, self.status, self.pictures, self.outcomes, self.findings]


def lay_out_probe(examples: Sequence[Example]) -> ProbeComponents:
    """Lay the sub-tab out; call it inside a `gr.Tab`. `examples` are the other pictures on offer."""
    with gr.Row(equal_height=False, elem_id="probe-row"):
        with gr.Column(scale=5, min_width=280):
            picker = components.region_picker("probe-region")
            pictures = components.tree_area("probe-pictures")
        with gr.Column(scale=6, min_width=280, visible=False, elem_id="probe-controls") as controls:
            chosen = {**_for_the_picture(examples), **_for_the_reasoning()}
    return ProbeComponents(
        picker, controls, **chosen, pictures=pictures, outcomes=components.tree_area("probe-results"),
        shapes=gr.State([]), findings=gr.State({}), case=gr.State(""),
    )  # fmt: skip


def _for_the_picture(examples: Sequence[Example]) -> dict[str, Any]:
    titles = [(entry.title, entry.id) for entry in examples]
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
        first = titles[0][1] if titles else None
        other = gr.Dropdown(titles, value=first, label="Another picture", filterable=False, min_width=150)
        other_button = gr.Button("Show it instead", min_width=110, size="sm")
    return {
        "roles": roles, "action": action, "fill": fill, "test": test, "stop": stop, "whole": whole,
        "shuffle": shuffle, "other": other, "other_button": other_button, "notice": notice, "status": status,
    }  # fmt: skip


def _for_the_reasoning() -> dict[str, Any]:
    with gr.Accordion("The reasoning: stop, delete or replace a step", open=False, elem_id="probe-reasoning"):
        with gr.Row():
            role = gr.Radio([], label="Whose", min_width=120, elem_id="probe-role")
            then = gr.Radio(THENS, value="answer", label="Then", min_width=160, elem_id="probe-then")
        step = gr.Dropdown([], label="Step", filterable=False, elem_id="probe-step")
        text = gr.Textbox(label="New text of the step", lines=2, max_lines=5, max_length=600)
        with gr.Row():
            edits = {kind: gr.Button(label, min_width=110, size="sm") for label, kind in EDITS}
    with gr.Accordion("Begin with other reasoning (anchoring)", open=False, elem_id="probe-anchoring"):
        prefix = gr.Textbox(
            label="The answer begins with", info=ANCHOR_HELP, lines=3, max_lines=10,
            max_length=LONGEST_PREFIX, elem_id="probe-prefix",
        )  # fmt: skip
        anchor = gr.Button("Go on from it", min_width=110, size="sm", elem_id="probe-anchor")
    with gr.Accordion("Details", open=False):
        seed = gr.Number(
            0,
            label="Seed of noise, control places and shuffles",
            precision=0,
            minimum=0,
            maximum=LARGEST_SEED,
        )
    return {
        "role": role, "then": then, "step": step, "text": text, "edits": edits, "seed": seed,
        "prefix": prefix, "anchor": anchor,
    }  # fmt: skip
