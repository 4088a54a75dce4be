"""The Benchmark tab's run, import, save and published parts alone on a page, for the browser tests.

`python -m tests.ui.bench_page PORT KIND STORED KEPT`: KIND "rules" answers by rules and a little slowly,
"shipped" loads the pair that comes with the project, "public" is "rules" on a public page.
"""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr

from tests.bench.fakes import FakeModel, first_option
from tests.ui.fakes import fake_engine
from workbench.bench.report.charts import axis_figure
from workbench.settings import Settings
from workbench.ui.benchmark.events import wire_saving
from workbench.ui.benchmark.layout import lay_out_published, lay_out_saving
from workbench.ui.benchmark.run.desk import BenchDesk
from workbench.ui.benchmark.run.events import wire_run
from workbench.ui.benchmark.run.layout import lay_out_run
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.html import components
from workbench.ui.lanes import AT_ONCE, QUEUE
from workbench.ui.services import Services
from workbench.ui.theme import CSS_FILES, HEAD, theme

PAUSE = 0.15  # seconds an answer


def last_option(question: Any, image: Any) -> str:
    """Always the last option, and not at once."""
    time.sleep(PAUSE)
    return question.options[-1]


def services_of(kind: str) -> Services:
    if kind == "shipped":
        return Services(Settings())
    models = {"base": FakeModel("base", last_option), "tuned": FakeModel("tuned", first_option)}
    engine = replace(fake_engine(), load=lambda role, _: models[role])
    return Services(Settings(public=kind == "public"), lambda: engine)


def page(kind: str, stored: Path, kept: Path) -> gr.Blocks:
    services = services_of(kind)
    shelf = Shelf(stored, services.settings, kept)
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


if __name__ == "__main__":
    port, kind, stored, kept = sys.argv[1:]
    page(kind, Path(stored), Path(kept)).queue(**QUEUE).launch(
        server_name="127.0.0.1",
        server_port=int(port),
        share=False,
        run_history=False,
        enable_monitoring=False,
        quiet=True,
        theme=theme(),
        css_paths=list(CSS_FILES),
        head=HEAD,
    )
