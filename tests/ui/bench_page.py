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
from workbench.ui.benchmark.export import build_bench_export
from workbench.ui.benchmark.published import build_published
from workbench.ui.benchmark.run.events import build_bench_run
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.boundary import AT_ONCE
from workbench.ui.html import components
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
        arrived = build_bench_run(services, notice, shelf)
        build_bench_export(choice, shelf)
        build_published()

        def take(told: dict[str, Any], request: gr.Request) -> list[Any]:
            names = list(shelf.names(request.session_hash))
            report = shelf.report(request.session_hash, told["name"])
            return [gr.Dropdown(choices=names, value=told["name"]), report["origin"], axis_figure(report)]

        arrived.change(take, arrived, [choice, origin, axes], **AT_ONCE)
    return demo


if __name__ == "__main__":
    port, kind, stored, kept = sys.argv[1:]
    page(kind, Path(stored), Path(kept)).queue(max_size=32, default_concurrency_limit=1).launch(
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
