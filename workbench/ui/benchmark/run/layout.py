"""The components that run the benchmark from the screen, and import results that others made."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.bench.asking.conditions import CONDITIONS
from workbench.bench.questions.items import bundled_names
from workbench.bench.reports.labels import condition_name
from workbench.ui.benchmark.run.desk import OWN, BenchDesk
from workbench.ui.benchmark.shelf import IMPORTED_WORDS
from workbench.ui.html import components
from workbench.ui.services import ROLES

FIRST = 10  # questions, unless told otherwise
LOCAL_NOTE = (
    "Answers go to disk batch by batch: after Stop, or a crash, the same run goes on where it ended. "
    "While it runs, questions asked on Case wait for their turn."
)
PUBLIC_NOTE = (
    "On this public page a run has at most {most} questions, and its results are deleted when you leave. "
    "Few questions give wide intervals: it shows how a run works, not which model is better."
)
IMPORT_NOTE = (
    "Give `results.jsonl` (with its `run.json`), or one zip of a results folder. It stays on this page only "
    f"and is called *{IMPORTED_WORDS}*."
)


@dataclass(frozen=True)
class RunComponents:
    """The components of the accordion, by name.

    `arrived` is None or `{"name", "serial"}`: it changes whenever a run ended with at least one answer
    (stopped or not), and after an import.
    """

    items: gr.Dropdown
    path: gr.Textbox
    first: gr.Number
    samples: gr.Number
    roles: gr.CheckboxGroup
    conditions: gr.CheckboxGroup
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    file: gr.File
    import_status: gr.HTML
    ticket: gr.State
    arrived: gr.State

    @property
    def form(self) -> list[Any]:
        """The inputs in the order of RunForm's fields."""
        return [self.items, self.path, self.first, self.roles, self.conditions, self.samples]


def lay_out_run(desk: BenchDesk) -> RunComponents:
    """The accordion "Run or import"; call it inside a `gr.Blocks`."""
    with gr.Accordion("Run or import", open=False, elem_id="bench-run"), gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=300):
            left = _running(desk)
        with gr.Column(scale=2, min_width=280):
            right = _importing()
    return RunComponents(**left, **right, ticket=gr.State(""), arrived=gr.State(None))


def _running(desk: BenchDesk) -> dict[str, Any]:
    public = desk.services.settings.public
    names = list(bundled_names())
    own = [] if public else [("A folder or file of my own", OWN)]
    gr.Markdown(PUBLIC_NOTE.format(most=desk.largest) if public else LOCAL_NOTE)
    with gr.Row():
        items = gr.Dropdown(
            [*((name, name) for name in names), *own], value=names[0] if names else OWN,
            label="Questions", filterable=False, min_width=160, elem_id="bench-run-items",
        )  # fmt: skip
        first = gr.Number(
            min(FIRST, desk.largest), label="The first", info=None if public else "Questions; empty for all.",
            precision=0, minimum=1, maximum=desk.largest, min_width=110, elem_id="bench-run-first",
        )  # fmt: skip
        samples = gr.Number(
            min(3, desk.most_samples), label="Samples a question", precision=0, minimum=1,
            maximum=desk.most_samples, min_width=110, visible=False, elem_id="bench-run-samples",
        )  # fmt: skip
    path = gr.Textbox(
        label="Its path on this machine",
        placeholder="a folder with items.jsonl or manifest.jsonl, or a .jsonl file",
        max_lines=1, visible=not public and not names, elem_id="bench-run-path",
    )  # fmt: skip
    roles = gr.CheckboxGroup(list(ROLES), value=list(ROLES), label="Models", elem_id="bench-run-models")
    conditions = gr.CheckboxGroup(
        [(f"picture {condition_name(name)}", name) for name in CONDITIONS],
        value=["image"], label="Ways of asking", elem_id="bench-run-conditions",
    )  # fmt: skip
    with gr.Row():
        run = gr.Button("Run", variant="primary", min_width=80, elem_id="bench-run-go")
        stop = gr.Button("Stop", min_width=80, elem_id="bench-run-stop")
    status = components.status_line("bench-run-status", "Nothing is running.")
    return {
        "items": items, "path": path, "first": first, "samples": samples, "roles": roles,
        "conditions": conditions, "run": run, "stop": stop, "status": status,
    }  # fmt: skip


def _importing() -> dict[str, Any]:
    gr.Markdown(IMPORT_NOTE)
    file = gr.File(
        label="Results that others made", file_count="multiple", type="filepath", height=140,
        elem_id="bench-import",
    )  # fmt: skip
    return {"file": file, "import_status": components.status_line("bench-import-status")}
