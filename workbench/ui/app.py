"""The page: one header over the tabs Case, Benchmark and Models."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from workbench.ui import texts
from workbench.ui.benchmark.events import build_benchmark_screen
from workbench.ui.benchmark.tables import RESULTS_FOLDER
from workbench.ui.case.desk import CaseDesk
from workbench.ui.case.events import wire_maps, wire_opened, wire_picture, wire_question, wire_trust
from workbench.ui.case.examples import load_examples
from workbench.ui.case.layout import CaseParts, build_case_screen
from workbench.ui.html import components
from workbench.ui.methods.events import refresh_after
from workbench.ui.models.layout import build_models_screen
from workbench.ui.services import ROLES, PairState, Services, memory_line, model_line
from workbench.ui.sessions import Sessions

CACHE_CHECK_SECONDS, CACHE_AGE_SECONDS = 600, 1800
LOADING_CHECK_SECONDS = 0.7
SWEEP_SECONDS = 300
IN_PASSING = {"concurrency_limit": None, "api_visibility": "private", "show_progress": "hidden"}


def build(services: Services, results: Path = RESULTS_FOLDER) -> gr.Blocks:
    """The whole page, not launched; loading of the pair starts in the background.

    `results` holds the benchmark results to show, a folder each.
    """
    desk = CaseDesk(services, Sessions(), Path(get_upload_folder()))
    examples = load_examples()
    with gr.Blocks(
        title=texts.TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(CACHE_CHECK_SECONDS, CACHE_AGE_SECONDS),
    ) as demo:
        header = components.header(header_value(services.state))
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Case", id="case"):
                case = build_case_screen(desk, examples)
            with gr.Tab("Benchmark", id="benchmark") as bench:
                items = build_benchmark_screen(results, bench, services)
            with gr.Tab("Models", id="models"):
                build_models_screen(services.settings)
        placed = wire_picture(case, desk, examples)
        answered, cleared = wire_question(case, desk)
        wire_trust(case, desk, [answered, *wire_maps(case, desk)])
        opened = wire_opened(case, desk, examples, tabs, items.item.click, items.item_notice, items.find)
        after = (*placed, opened, answered, cleared)
        refresh_after(case.methods, desk, [event.then for event in after])
        _follow_loading(demo, services, header, case)

        def left(request: gr.Request) -> None:
            desk.sessions.drop(request.session_hash)

        demo.unload(left)
        gr.Timer(SWEEP_SECONDS).tick(desk.sessions.sweep, None, None, **IN_PASSING)
    services.start_loading()
    return demo


def _follow_loading(demo: gr.Blocks, services: Services, header: gr.HTML, case: CaseParts) -> None:
    """Keep the header true while the pair loads, then fill in what only the loaded models know."""
    timer = gr.Timer(LOADING_CHECK_SECONDS)

    def look(method: str) -> tuple[Any, Any, Any]:
        state = services.state
        settled = state.phase in ("ready", "failed")
        choices = method_choices(services) if state.phase == "ready" else None
        menu = gr.Dropdown(choices=choices, value=method) if choices else gr.skip()
        return header_value(state), menu, gr.Timer(active=not settled)

    def arrive(method: str) -> tuple[Any, Any, Any]:
        services.start_loading()  # a failed load is tried again by reloading the page
        return look(method)

    demo.load(arrive, case.method, [header, case.method, timer], **IN_PASSING)
    timer.tick(look, case.method, [header, case.method, timer], **IN_PASSING)


def method_choices(services: Services) -> list[tuple[str, str]]:
    """(label, name) of every map method, in the order of the registry."""
    return [(spec.label, name) for name, spec in services.engine.methods().items()]


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
        "notice": texts.NOTICE,
        "phase": state.phase,
        "message": state.message,
        "models": models,
    }
