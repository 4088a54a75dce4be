"""The Benchmark tab's run, import, save and published parts alone on a page, for the browser tests."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from tests.bench.fakes import FakeModel, first_option
from tests.ui.fakes import fake_engine
from tests.waiting import HANG_SECONDS
from workbench.bench.reports.charts import axis_figure
from workbench.settings import Settings
from workbench.ui.benchmark.events import wire_saving
from workbench.ui.benchmark.layout import lay_out_published, lay_out_saving
from workbench.ui.benchmark.run.desk import BenchDesk
from workbench.ui.benchmark.run.events import wire_run
from workbench.ui.benchmark.run.layout import lay_out_run
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.html import components
from workbench.ui.lanes import AT_ONCE
from workbench.ui.services import Services


class Gate:
    """Answers with the last option; holds every answer after the first so many, until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._free = 0
        self._open.set()

    def hold_after(self, answers: int) -> None:
        self._free = answers
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def __call__(self, question: Any, image: Any) -> str:
        self._free -= 1
        if self._free < 0:
            self._open.wait(HANG_SECONDS)
        return question.options[-1]


def bench_page(stored: Path, runs: Path, gate: Gate) -> gr.Blocks:
    """A page with the results in `stored`; models of rules, the base one behind `gate`, write to `runs`."""
    models = {"base": FakeModel("base", gate), "tuned": FakeModel("tuned", first_option)}
    engine = replace(fake_engine(), load=lambda role, _, **heard: models[role])
    services = Services(Settings(runs_dir=runs), lambda: engine)
    shelf = Shelf(stored, services.settings)
    names = list(shelf.names(None))
    with gr.Blocks(analytics_enabled=False, fill_width=True) as demo:
        notice = components.notice("bench-notice")
        choice = gr.Dropdown(names, value=names[0], label="Result", elem_id="bench-result")
        origin = gr.Textbox(label="Origin", elem_id="bench-origin")
        axes = gr.Plot(axis_figure(shelf.report(None, names[0])), elem_id="bench-axes")
        desk = BenchDesk(services, shelf)
        run = lay_out_run(desk)
        wire_run(run, desk, notice, demo)
        wire_saving(lay_out_saving(), shelf, choice)
        lay_out_published()

        def take(arrived: dict[str, Any], request: gr.Request) -> list[Any]:
            names = list(shelf.names(request.session_hash))
            report = shelf.report(request.session_hash, arrived["name"])
            return [gr.Dropdown(choices=names, value=arrived["name"]), report.origin, axis_figure(report)]

        run.arrived.change(take, run.arrived, [choice, origin, axes], **AT_ONCE)
    return demo
