"""The page: one header over the tabs Case, Benchmark and Models."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from workbench import explain
from workbench.notice import NOTICE
from workbench.ui import texts
from workbench.ui.benchmark.events import wire_benchmark
from workbench.ui.benchmark.items.opening import opened_case
from workbench.ui.benchmark.layout import lay_out_benchmark
from workbench.ui.benchmark.run.desk import BenchDesk
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.benchmark.tables import RESULTS_FOLDER
from workbench.ui.case.desk import CaseDesk
from workbench.ui.case.events import wire_case, wire_opened
from workbench.ui.case.examples import load_examples
from workbench.ui.case.layout import CaseComponents, lay_out_case
from workbench.ui.html import components
from workbench.ui.lanes import AT_ONCE
from workbench.ui.models.desk import ModelsDesk
from workbench.ui.models.events import wire_models
from workbench.ui.models.layout import ModelsComponents, lay_out_models
from workbench.ui.services import ROLES, PairState, Services, memory_line, model_line, reading_note
from workbench.ui.sessions import Sessions

CACHE_CHECK_SECONDS, CACHE_AGE_SECONDS = 600, 1800
LOADING_CHECK_SECONDS = 0.7
SWEEP_SECONDS = 300


def build(services: Services, results: Path = RESULTS_FOLDER) -> gr.Blocks:
    """The whole page, not launched; loading of the pair starts in the background.

    `results` holds the benchmark results to show, a folder each.
    """
    desk, examples = CaseDesk(services, Sessions(), Path(get_upload_folder())), load_examples()
    shelf = Shelf(results, services.settings)
    bench_desk = BenchDesk(services, shelf)
    with gr.Blocks(
        title=texts.TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(CACHE_CHECK_SECONDS, CACHE_AGE_SECONDS),
    ) as demo:
        header = components.header(header_value(services.state))
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Case", id="case"):
                case = lay_out_case(services.settings, examples)
            with gr.Tab("Benchmark", id="benchmark") as tab:
                bench = lay_out_benchmark(shelf, bench_desk, tab)
            with gr.Tab("Models", id="models") as models_tab:
                models_desk = ModelsDesk(services)
                models = lay_out_models(models_desk, models_tab)
        wire_case(case, desk, examples)
        wire_benchmark(bench, shelf, bench_desk, demo)
        find = partial(opened_case, shelf)
        wire_opened(case, desk, examples, tabs, bench.items.item.click, bench.items.item_notice, find)
        timer = _follow_loading(demo, services, header, case, models, models_desk)
        wire_models(models, models_desk, timer)

        def left(request: gr.Request) -> None:
            desk.sessions.drop(request.session_hash)

        demo.unload(left)
        gr.Timer(SWEEP_SECONDS).tick(desk.sessions.sweep, None, None, **AT_ONCE)
    services.start_loading()
    return demo


def _follow_loading(
    demo: gr.Blocks,
    services: Services,
    header: gr.HTML,
    case: CaseComponents,
    models: ModelsComponents,
    models_desk: ModelsDesk,
) -> gr.Timer:
    """Keep the header true while models load, then fill in what only the loaded ones know.

    Returns the timer that looks; who starts another load wakes it.
    """
    timer = gr.Timer(LOADING_CHECK_SECONDS)

    def look(method: str) -> tuple[Any, Any, Any, Any]:
        state = services.state
        settled = state.phase in ("ready", "failed") and not state.exchanging
        choices = method_choices(services) if state.phase == "ready" else None
        menu = gr.Dropdown(choices=choices, value=method) if choices else gr.skip()
        reads = {"facts": reading_note(state.models), "notes": []} if state.phase == "ready" else None
        return header_value(state), menu, reads, gr.Timer(active=not settled)

    def settled_cards() -> Any:
        return gr.skip() if services.state.phase == "loading" else models_desk.cards()

    def arrive(method: str) -> tuple[Any, Any, Any, Any]:
        services.start_loading()  # a failed load is tried again by reloading the page
        return look(method)

    followed = [header, case.method, case.reads, timer]
    demo.load(arrive, case.method, followed, **AT_ONCE)
    timer.tick(look, case.method, followed, **AT_ONCE).then(settled_cards, None, models.cards, **AT_ONCE)
    return timer


def method_choices(services: Services) -> list[tuple[str, str]]:
    """(label, name) of every map method, in the order of the registry, then those over words."""
    methods = {**services.engine.methods(), **explain.TEXT_METHODS}
    return [(spec.label, name) for name, spec in methods.items()]


def header_value(state: PairState) -> dict[str, Any]:
    """What the header shows: title, notice, and each model with revision, device, precision and memory."""
    models = [
        {
            "role": role,
            "title": model.label,
            "detail": " · ".join(filter(None, (model_line(model), memory_line(model), model.note))),
        }
        for role in ROLES
        if (model := state.models.get(role)) is not None
    ]
    return {
        "title": texts.TITLE,
        "notice": NOTICE,
        "phase": state.phase,
        "message": state.message,
        "models": models,
    }
