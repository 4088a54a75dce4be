"""The Benchmark tab's events without a browser: what a page built earlier still has to find out."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from tests.ui.fakes import fake_engine
from tests.ui.results import write_results
from workbench.settings import Settings
from workbench.ui.benchmark.compare import side_choices
from workbench.ui.benchmark.events import wire_benchmark
from workbench.ui.benchmark.layout import lay_out_benchmark
from workbench.ui.benchmark.run.desk import BenchDesk
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.services import Services

PAGE: Any = SimpleNamespace(session_hash="p")


@pytest.fixture
def events(tmp_path: Path) -> dict[str, Callable[..., dict[Any, Any]]]:
    """The handlers of a tab that was built before there was a result, by name."""
    stored = tmp_path / "stored"
    stored.mkdir()
    services = Services(Settings(public=True), fake_engine)
    shelf = Shelf(stored, services.settings)
    desk = BenchDesk(services, shelf)
    with gr.Blocks(analytics_enabled=False) as demo:
        with gr.Tab("Benchmark") as tab:
            ui = lay_out_benchmark(shelf, desk, tab)
        wire_benchmark(ui, shelf, desk, demo)
    return {event.name: event.fn for event in demo.fns.values() if event.fn is not None}


def labelled(updates: dict[Any, Any], label: str) -> Any:
    return next(value for part, value in updates.items() if getattr(part, "label", None) == label)


def test_a_result_made_after_the_page_was_built_is_there_when_the_tab_is_opened(
    events: dict[str, Callable[..., dict[Any, Any]]], tmp_path: Path
) -> None:
    opened = events["first_opened"]
    assert all(value is None for value in opened(False, None, "modality", "bars", PAGE).values())
    write_results(tmp_path / "stored" / "phantoms")
    updates = opened(False, None, "modality", "bars", PAGE)
    assert labelled(updates, "Result").value == "phantoms"
    assert len(labelled(updates, "Score by axis, base beside tuned").data) > 2
    assert True in updates.values()  # not again on this page
    assert all(value is None for value in opened(True, "phantoms", "modality", "bars", PAGE).values())


def test_items_are_read_again_when_the_run_of_the_shown_result_went_on(
    events: dict[str, Callable[..., dict[Any, Any]]], tmp_path: Path
) -> None:
    write_results(tmp_path / "stored" / "phantoms")
    assert (
        events["fill"]("phantoms", "phantoms", PAGE).keys()
        == events["renew"]({"name": "phantoms"}, "another", PAGE).keys()
    )  # nothing but the emptied notice
    renewed = events["renew"]({"name": "phantoms"}, "phantoms", PAGE)
    assert "1–10 of 10" in str(list(renewed.values()))


def test_what_was_chosen_to_compare_stays_chosen_where_it_is_still_there(tmp_path: Path) -> None:
    write_results(tmp_path / "stored" / "phantoms")
    shelf = Shelf(tmp_path / "stored", Settings(public=True))
    report = shelf.report("p", "phantoms")
    kept = side_choices(report, 0, ("tuned", "blank"))
    assert (kept.model, kept.condition) == ("tuned", "blank")
    gone = side_choices(report, 0, ("gone", None))
    assert (gone.model, gone.condition) == ("base", "image")
    assert side_choices(report, 1).model == "tuned"
    assert [name for _, name in gone.models] == ["base", "tuned"]
