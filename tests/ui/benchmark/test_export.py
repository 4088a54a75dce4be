"""Names of saved files, and how the published panels look."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ui.results import write_results
from workbench.bench.reports.published import load_published, published_table
from workbench.errors import UserFacing
from workbench.ui.benchmark.export import FIGURES, file_name, save_figure_script, write_result
from workbench.ui.benchmark.published import PANELS, panel_figure, table_nodes
from workbench.ui.benchmark.shelf import IMPORTED, Place

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_saved_files_have_plain_names_that_tell_the_origin() -> None:
    assert file_name("phantoms", "csv", NOW) == "phantoms-20260102-030405.csv"
    name = file_name("../a\n<b> (imported, not measured here)", "jsonl", NOW)
    assert name == "a-b-imported-not-measured-here-20260102-030405.jsonl"
    assert file_name("…", "html", NOW) == "result-20260102-030405.html"


def test_an_imported_result_is_saved_as_lines_and_never_as_a_report(tmp_path: Path) -> None:
    place = Place(write_results(tmp_path / "theirs"), IMPORTED)
    write_result("csv", place, tmp_path / "saved.csv")
    assert (
        len((tmp_path / "saved.csv").read_text().splitlines()) == 1 + 40
    )  # 2 models, 2 conditions, 10 items
    with pytest.raises(UserFacing, match="measured here"):
        write_result("html", place, tmp_path / "saved.html")
    assert not (tmp_path / "saved.html").exists()


def test_the_browser_saves_the_figures_by_their_places() -> None:
    script = save_figure_script("svg")
    assert 'format: "svg"' in script and "%s" not in script
    assert all(name in script and place in script for name, (_, place) in FIGURES.items())


def test_each_origin_has_a_panel_of_its_own_look() -> None:
    published, again = PANELS
    assert {table.origin for table in load_published()} == {published.origin, again.origin}
    assert published.hatch != again.hatch and not set(published.shades) & set(again.shades)
    assert published.classes != again.classes
    figure = panel_figure(again, published_table("medix-medsynapse"))
    assert {trace.marker.pattern.shape for trace in figure.data} == {again.hatch}
    assert list(figure.data[0].y) == [56.2, 56.4, 49.9] and figure.data[1].y[-1] == 48.6


def test_a_table_names_the_untuned_row_its_warnings_and_both_sides_of_a_conflict() -> None:
    text = repr(table_nodes(published_table("openmedreason-accuracy")))
    assert "Qwen2.5-VL-7B (untuned)" in text and text.count("(untuned)") == 1
    assert "+10.33 points" in text and "49.71 and 60.04" in text and "never recomputed" in text
    assert "Read in a text by others" in repr(table_nodes(published_table("medix-quoted")))
    assert "contradict" not in repr(table_nodes(published_table("medix-usmle")))
