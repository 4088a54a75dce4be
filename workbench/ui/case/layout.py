"""The Case tab: picture and question on the left, both answers and their maps on the right."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.settings import Settings
from workbench.traces import MODALITIES
from workbench.ui import texts
from workbench.ui.case.desk import HIGHEST_TEMPERATURE, PARAM_SLOTS, longest_answer
from workbench.ui.case.examples import ExampleSet, thumbnail
from workbench.ui.html import components
from workbench.ui.methods.layout import MethodsComponents, lay_out_methods
from workbench.ui.probe.layout import ProbeComponents, lay_out_probe
from workbench.ui.viewer.component import trust_feed, viewer_html
from workbench.ui.votes.layout import VotesComponents, lay_out_votes

FIRST_METHOD = ("Attention, mean", "attention_mean")


@dataclass(frozen=True)
class CaseComponents:
    """The components of the tab, by name."""

    file: gr.File
    more: gr.UploadButton
    camera: gr.Image
    notice: gr.HTML
    notes: gr.HTML
    window_row: gr.Row
    window: gr.Dropdown
    invert: gr.Checkbox
    gallery: gr.HTML
    question: gr.Textbox
    chips: gr.HTML
    options: gr.Textbox
    known: gr.Dropdown
    gold: gr.Textbox
    without: gr.Checkbox
    reads: gr.HTML
    recover: gr.Checkbox
    mode: gr.Radio
    tokens: gr.Slider
    temperature: gr.Slider
    seed: gr.Number
    ask: gr.Button
    stop: gr.Button
    clear: gr.Button
    ask_notice: gr.HTML
    status: gr.HTML
    method: gr.Dropdown
    params: tuple[gr.Number, ...]
    viewer: gr.HTML
    shown_turn: gr.Radio
    follow_up: gr.Textbox
    ask_follow_up: gr.Button
    ticket: gr.State
    trust: gr.HTML
    turn: gr.State
    votes: VotesComponents
    probe: ProbeComponents
    methods: MethodsComponents


def lay_out_case(settings: Settings, examples: ExampleSet) -> CaseComponents:
    """Lay the tab out with its three sub-tabs; call it inside a `gr.Tab`."""
    gallery = _gallery(examples)
    with gr.Row(equal_height=False, elem_id="case-row"):
        with gr.Column(scale=2, min_width=300, elem_id="case-intake"):
            left = {**_picture(), **_question(settings, examples), "camera": _camera()}
        with gr.Column(scale=7, min_width=300, elem_id="case-answers"), gr.Tabs(elem_id="case-tabs"):
            with gr.Tab("Trace", id="trace"):
                right = _answers()
            with gr.Tab("Probe", id="probe"):
                probe = lay_out_probe(examples.examples)
            with gr.Tab("Methods", id="methods") as tab:
                methods = lay_out_methods(tab)
    return CaseComponents(gallery=gallery, **left, **right, probe=probe, methods=methods)


def _gallery(examples: ExampleSet) -> gr.HTML:
    cases = [
        {
            "id": entry.id,
            "title": entry.title,
            "modality": entry.modality,
            "alt": entry.alt,
            "thumbnail": thumbnail(entry),
        }
        for entry in examples.examples
    ]
    sources = "; ".join(sorted({entry.credit for entry in examples.examples}))
    with gr.Accordion(f"Examples ({sources})", open=True, elem_id="case-examples"):
        return components.gallery("case-gallery", cases)


def _picture() -> dict[str, Any]:
    reads = components.notes("case-reads")
    file = gr.File(
        label=texts.DROP_LABEL, file_count="single", type="filepath", height=124, elem_id="case-file"
    )
    more = gr.UploadButton(
        "Add another picture", file_count="single", type="filepath", size="sm", elem_id="case-more"
    )
    components.paste_catcher()
    notice = components.notice("case-notice")
    notes = components.notes("case-notes")
    with gr.Row(visible=False) as window_row:
        window = gr.Dropdown([], label="Grey window", filterable=False, scale=2, min_width=140)
        invert = gr.Checkbox(False, label="Invert", scale=1, min_width=90)
    return {
        "file": file, "more": more, "notice": notice, "notes": notes, "window_row": window_row,
        "window": window, "invert": invert, "reads": reads,
    }  # fmt: skip


def _camera() -> gr.Image:
    with gr.Accordion("Camera, formats and privacy", open=False):
        gr.Markdown(texts.FORMATS)
        return gr.Image(
            label="Take a picture",
            sources=["webcam"],
            type="filepath",
            image_mode=None,
            format="png",
            buttons=[],
            height=220,
            elem_id="case-camera",
        )


def _question(settings: Settings, examples: ExampleSet) -> dict[str, Any]:
    question = gr.Textbox(
        label="Question",
        placeholder="What abnormality is shown?",
        lines=2,
        max_lines=6,
        elem_id="case-question",
    )
    chips = components.chips("case-chips", list(examples.suggested(None)))
    options = gr.Textbox(
        label="Answer options, one a line (optional)", lines=2, max_lines=8, elem_id="case-options"
    )
    without = gr.Checkbox(False, label="Without a picture", container=False, elem_id="case-without")
    with gr.Row():
        ask = gr.Button("Ask", variant="primary", min_width=60, elem_id="case-ask")
        stop = gr.Button("Stop", min_width=60, elem_id="case-stop")
        clear = gr.Button("Clear", min_width=60, elem_id="case-clear")
    ask_notice = components.notice("case-ask-notice")
    known, gold = _known()
    with gr.Accordion("Decoding", open=False):
        mode = gr.Radio(texts.ANSWER_STYLES, value="trace", label="Way of answering")
        tokens = gr.Slider(
            0,
            longest_answer(settings),
            0,
            step=1,
            label="Longest answer, in tokens",
            info="0 gives each model what its traces need.",
        )
        temperature = gr.Slider(
            0,
            HIGHEST_TEMPERATURE,
            0,
            step=0.05,
            label="Temperature",
            info="0 always takes the likeliest word.",
        )
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**31 - 1)
        recover = gr.Checkbox(
            False, label="Ask again for a letter where no option can be read", info=texts.RECOVERY
        )
    return {
        "question": question, "chips": chips, "options": options, "ask": ask, "stop": stop, "clear": clear,
        "ask_notice": ask_notice, "known": known, "gold": gold, "mode": mode, "tokens": tokens,
        "temperature": temperature, "seed": seed, "without": without, "recover": recover,
    }  # fmt: skip


def _known() -> tuple[gr.Dropdown, gr.Textbox]:
    """What a person knows of the case: it is held against the answers."""
    with gr.Accordion("What is known of this case", open=False):
        known = gr.Dropdown(
            list(MODALITIES.values()),
            value=None,
            label="What the picture is",
            info="Checks the modality tag. Empty: what the file or the example says.",
            elem_id="case-known",
        )
        gold = gr.Textbox(
            label="Right answer",
            info="Shows the composite reward of both answers in parts.",
            max_lines=2,
            elem_id="case-gold",
        )
    return known, gold


def _answers() -> dict[str, Any]:
    with gr.Row(equal_height=False, elem_id="case-bar"):
        method = gr.Dropdown(
            [FIRST_METHOD], value=FIRST_METHOD[1], label="Heat map method", filterable=False, min_width=220
        )
        slots = tuple(
            gr.Number(0, visible=False, precision=0, minimum=0, min_width=90) for _ in range(PARAM_SLOTS)
        )
        with gr.Column(min_width=200):
            status = components.status_line("case-status", "Nothing asked yet.")
    shown_turn = gr.Radio([], label="Turn that is looked at", visible=False, elem_id="case-turns")
    viewer = viewer_html()
    with gr.Row(equal_height=True, elem_id="case-follow"):
        follow_up = gr.Textbox(
            label="Ask a follow-up", placeholder="And which side?", lines=1, max_lines=4, scale=5,
            elem_id="case-follow-up",
        )  # fmt: skip
        ask_follow_up = gr.Button("Ask follow-up", min_width=120, scale=1, elem_id="case-ask-follow-up")
    votes = lay_out_votes()
    return {
        "status": status, "method": method, "params": slots, "viewer": viewer, "ticket": gr.State(""),
        "shown_turn": shown_turn, "follow_up": follow_up, "ask_follow_up": ask_follow_up, "votes": votes,
        "trust": trust_feed(), "turn": gr.State(""),
    }  # fmt: skip
