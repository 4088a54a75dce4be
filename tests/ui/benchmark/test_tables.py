"""Tables of a report made from ten hand-written result lines, and of the published figures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ui.results import write_results
from workbench.bench.reports.published import PKR_TABLE, published_table
from workbench.errors import UserFacing
from workbench.ui.benchmark.shelf import IMPORTED, IMPORTED_WORDS, with_origin
from workbench.ui.benchmark.tables import (
    about_report,
    difference_table,
    published_rows,
    read_report,
    result_folders,
    score_table,
    slice_nodes,
    slice_table,
)
from workbench.ui.benchmark.view import report_view


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("results") / "phantoms")


def rows(table: dict[str, Any], *starts: str) -> list[list[Any]]:
    return [row for row in table["rows"] if all(row[at] == start for at, start in enumerate(starts))]


def test_scores_are_those_of_the_lines(folder: Path) -> None:
    table = score_table(read_report(folder))
    # base is right on 4 of 10 shown pictures, tuned on 8; both on 3 of 10 blanked ones
    for model, per_cent in (("Mini base", "40.0"), ("Mini tuned", "80.0")):
        (row,) = rows(table, "Answer accuracy, overall", model, "shown")
        assert row[3] == per_cent and row[5] == 10 and row[7] == "measured"
        assert row[4].startswith("[") and "greedy" in row[8]
        (blank,) = rows(table, "Answer accuracy, overall", model, "blanked")
        assert blank[3] == "30.0"
    (guess,) = rows(table, "Answer accuracy, overall", "always the most frequent letter")
    assert guess[3] == "60.0" and guess[2] == "not used"
    (presence,) = rows(table, "Perception, presence", "Mini tuned", "shown")
    assert presence[3] == "100.0"
    assert len({len(row) for row in table["rows"]} | {len(table["columns"])}) == 1


def test_differences_are_paired_and_signed(folder: Path) -> None:
    table = difference_table(read_report(folder))
    (accuracy,) = [row for row in table["rows"] if row[0].startswith("Mini tuned − Mini base, picture shown")
                   and row[1] == "accuracy"]  # fmt: skip
    assert accuracy[2] == "+40.0" and accuracy[4:6] == [10, 10]
    assert accuracy[8:] == ["exact McNemar", "no difference shown"]
    assert accuracy[6] == "0.125"  # 4 against 0 discordant pairs: 2 · (1/2)^4
    assert any("shown − blanked" in row[0] for row in table["rows"])


def test_slices_keep_n_and_the_guess(folder: Path) -> None:
    table = slice_table(read_report(folder), "modality")
    assert [row[:2] for row in table["rows"]] == [["X-ray", 6], ["MRI", 4]]
    assert table["rows"][0][3].startswith("66.7 [")  # base: 4 of the 6 films
    assert table["columns"][-1] == "Most frequent letter"


def test_results_are_found_and_reports_read_or_made(folder: Path, tmp_path: Path) -> None:
    assert result_folders(tmp_path) == {}
    assert result_folders(folder.parent) == {"phantoms": folder}
    made = read_report(folder)
    stored = tmp_path / "stored"
    stored.mkdir()
    (stored / "report.json").write_text(json.dumps(made.to_json()))
    assert read_report(stored).n_items == made.n_items == 10
    assert "10 questions on 10 images" in about_report(made)
    for text in ("{", "[]", '{"origin": "guessed"}'):
        (stored / "report.json").write_text(text)
        with pytest.raises(UserFacing, match="stored"):
            read_report(stored)


def test_the_models_that_come_with_the_project_are_called_teaching_models(folder: Path) -> None:
    report = read_report(folder)
    assert "teaching" not in about_report(report)  # labelled "Mini base" here
    models = tuple(replace(model, label=f"Workbench {model.label}") for model in report.models)
    assert "Workbench Mini base (teaching model, revision " in about_report(replace(report, models=models))


def test_a_view_has_figures_with_everything_beside_the_bars(folder: Path) -> None:
    view = report_view(read_report(folder), "modality")
    names = " ".join(trace.name or "" for trace in view["axes"].data)
    for part in ("Mini base", "Mini tuned", "blank image", "most frequent letter"):
        assert part in names
    assert view["differences"].data[0].x


@pytest.mark.parametrize("chart", ["bars", "radar"])
def test_nothing_of_an_imported_result_says_measured_here(folder: Path, chart: str) -> None:
    report = replace(read_report(folder), date=None)  # as without a run.json
    assert "measured here" in about_report(report)
    view = report_view(with_origin(report, IMPORTED), "modality", chart)
    for part in ("axes", "differences", "reliability"):
        figure = view[part].to_json()
        assert IMPORTED_WORDS in figure.lower()
        assert "measured here" not in figure.lower().replace(IMPORTED_WORDS, "")
    assert view["differences"].layout.xaxis.title.text == f"difference in points, {IMPORTED_WORDS}"
    assert view["differences"].layout.yaxis.title.text is None
    assert "measured here" not in view["about"]["facts"].replace(IMPORTED_WORDS, "")
    assert "measured elsewhere, date not stated" in view["about"]["facts"]


def test_a_slice_that_items_can_not_be_filtered_by_has_no_buttons(folder: Path) -> None:
    report = read_report(folder)
    assert '"field"' in json.dumps(slice_nodes(report, "modality")).replace("\\", "")
    entries = tuple(replace(entry, value="rare") for entry in report.slices["modality"])
    nodes = slice_nodes(replace(report, slices={"rare": entries}), "rare")
    assert "rare" in json.dumps(nodes) and "button" not in json.dumps(nodes)


def test_published_figures_are_as_printed_and_say_so() -> None:
    table = published_rows(published_table(PKR_TABLE))
    (tuned,) = rows(table, "Qwen2.5-VL-7B+OpenMedReason")
    assert tuned[1:] == ["65.2", "85.0", "83.1", "77.8", "78.5", "published"]
    assert "judge unknown" in table["caption"]
