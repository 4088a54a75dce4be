"""When a stored report is opened, and when it is made anew."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from unittest import mock

import pytest

from tests.bench.report_fakes import line, write_run
from workbench.bench.reports import stored as report_store
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report
from workbench.bench.reports.stored import REPORT_FILE, open_report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.store.results import RESULTS_FILE, RUN_FILE
from workbench.errors import UserFacing
from workbench.places import ASSETS

MORE = json.dumps(asdict(line("c", "left"))) + "\n"


def builds(folder: Path) -> bool:
    """Whether opening makes the report anew."""
    with mock.patch.object(report_store, "build_report", wraps=build_report) as build:
        open_report(folder)
    return build.called


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", [line("a", "left"), line("b", "right")])


def test_stored_once_and_the_same(folder: Path) -> None:
    made = open_report(folder)
    assert json.loads((folder / REPORT_FILE).read_text()) == made.to_json()
    assert replace(made, sources=None) == build_report(folder)
    assert not builds(folder) and open_report(folder) == made
    assert not list(folder.glob(".*"))


def test_new_lines_and_a_new_run_make_it_anew(folder: Path) -> None:
    open_report(folder)
    with (folder / RESULTS_FILE).open("a") as file:
        file.write(MORE)
    os.utime(folder / RESULTS_FILE, (0, 0))  # older, but not the same
    assert open_report(folder).n_items == 3 and not builds(folder)
    run = folder / RUN_FILE
    run.write_text(run.read_text().replace('"M"', '"N"'))  # the same size
    os.utime(run, (2**31, 2**31))
    assert open_report(folder).models[0].label == "N"


def test_a_copied_folder_is_not_made_anew(folder: Path) -> None:
    open_report(folder)
    for name in (RESULTS_FILE, RUN_FILE):
        os.utime(folder / name, (2**31, 2**31))
    assert not builds(folder)


def test_another_file_of_lines_makes_it_anew(folder: Path) -> None:
    open_report(folder)
    (folder / "results-00000-of-00002.jsonl").write_text(MORE)
    assert builds(folder)


def test_what_an_older_version_stored_is_made_anew_from_lines(folder: Path) -> None:
    report = open_report(folder).to_json() | {"schema": 1}
    (folder / REPORT_FILE).write_text(json.dumps(report))
    assert builds(folder) and not builds(folder)


def test_a_broken_report_beside_lines(folder: Path) -> None:
    for text in ("{", "[]", '{"origin": "published"}'):
        (folder / REPORT_FILE).write_text(text)
        assert open_report(folder).n_items == 2


def test_a_folder_that_can_not_be_written(folder: Path) -> None:
    with mock.patch.object(Path, "replace", side_effect=OSError("full")):
        assert open_report(folder).n_items == 2
    assert sorted(path.name for path in folder.iterdir()) == [RESULTS_FILE, RUN_FILE]


def test_reports_without_lines(tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="no results"):
        open_report(tmp_path)
    (tmp_path / REPORT_FILE).write_text("{")
    with pytest.raises(UserFacing, match="can't be read"):
        open_report(tmp_path)


RESULTS = ASSETS / "bench" / "results"
SHIPPED = sorted(path.parent.name for path in RESULTS.glob(f"*/{REPORT_FILE}"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_reports_lose_nothing_as_records(name: str) -> None:
    content = json.loads((RESULTS / name / REPORT_FILE).read_text())
    assert Report.from_json(content).to_json() == content


def test_a_report_of_an_older_schema_is_opened_without_what_it_lacks(folder: Path, tmp_path: Path) -> None:
    new = {
        "schema", "letters", "regrouped_items", "shuffled_image_effect", "image_sensitivity", "prompt_effect",
        "self_consistency", "text_scores", "composite", "warnings", "sources",
    }  # fmt: skip
    old = {name: value for name, value in open_report(folder).to_json().items() if name not in new}
    (tmp_path / REPORT_FILE).write_text(json.dumps(old))
    report = open_report(tmp_path)
    assert (report.schema, report.letters, report.warnings, report.text_scores) == (1, None, None, {})
    assert "50.0" in bench_table_text(report)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_reports_open_as_they_are(name: str) -> None:
    folder = RESULTS / name
    assert not builds(folder)
    report = open_report(folder)
    assert report.accuracy and str(report.n_items) in bench_table_text(report)
