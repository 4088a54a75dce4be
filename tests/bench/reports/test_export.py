"""Result lines for other tools: CSV that no spreadsheet runs, JSON lines, MediX-R1's layout."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from workbench.bench.asking.runner import run_bench
from workbench.bench.reports.export import COLUMNS, cell, write_csv, write_jsonl, write_medix
from workbench.bench.store.results import RESULTS_FILE, ResultFile, read_results
from workbench.errors import UserFacing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export")
    models = [FakeModel("base", first_option), FakeModel("tuned", sees_side)]
    return run_bench(sided_items(path / "items", "LR"), models, path / "out")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('=HYPERLINK("x")', "'=HYPERLINK(\"x\")"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("  =1", "'  =1"), ("\n=1", "'\n=1"), ("'=1", "''=1"),
        ("1-2", "1-2"), ("left", "left"), (-0.5, -0.5), (True, True), (None, ""), ("", ""),
        (("a", "=b"), '["a", "=b"]'), ({"x": 1}, '{"x": 1}'), ("a\0b", "a\ufffdb"),
    ],
)  # fmt: skip
def test_cells(value: object, shown: object) -> None:
    assert cell(value) == shown


def test_csv_holds_every_line_with_its_scores(folder: Path, tmp_path: Path) -> None:
    assert write_csv(folder, tmp_path / "made" / "lines.csv") == 8
    with (tmp_path / "made" / "lines.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8 and tuple(rows[0]) == COLUMNS
    lines = {line.key: line for line in read_results(folder)}
    for row in rows:
        line = lines[row["key"]]
        assert row["text"] == line.text and json.loads(row["options"]) == list(line.options)
        assert row["correct"] == str(line.correct) and row["knowledge_score"] == ""
    tuned = next(row for row in rows if row["model"] == "tuned")
    assert (tuned["perception_score"], tuned["trace_score"]) == ("1.0", "1.0")
    # no modality tag in front: 1 − 0.045
    assert float(tuned["composite"]) == pytest.approx(0.955) and tuned["composite_modality"] == "0.0"
    assert not any(path.name.startswith(".") for path in (tmp_path / "made").iterdir())


def test_hostile_text_survives_csv(tmp_path: Path) -> None:
    run = tmp_path / "run"
    items = sided_items(tmp_path / "items", "L")
    hostile = '=cmd|"/c calc"!A1,\n"x";\r\n\ud800<script>'
    out = run_bench(items, [FakeModel("m", first_option)], run)
    line = replace(read_results(out)[0], key="other", text=hostile, answer="-1+1")
    ResultFile(out).append([line])
    write_csv(out, tmp_path / "lines.csv")
    with (tmp_path / "lines.csv").open(encoding="utf-8-sig", newline="") as stream:
        row = next(row for row in csv.DictReader(stream) if row["key"] == "other")
    assert row["answer"] == "'-1+1"
    assert row["text"] == "'" + hostile.replace("\ud800", "?")


def test_lines_of_an_earlier_model_are_marked_and_not_taken_for_answers(tmp_path: Path) -> None:
    out = run_bench(sided_items(tmp_path / "items", "L"), [FakeModel("m", first_option)], tmp_path / "out")
    lines = read_results(out)
    (out / RESULTS_FILE).unlink()
    old = replace(lines[0], key="old", revision="0", text="from before")
    edited = replace(lines[1], key="edited", text="to another question")
    ResultFile(out).append([old, edited, *lines])
    assert write_csv(out, tmp_path / "lines.csv") == 4
    with (tmp_path / "lines.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["current"] for row in csv.DictReader(stream)] == ["False", "True", "True", "True"]
    ((path, count),) = write_medix(out, tmp_path / "medix")
    assert count == 2
    assert {json.loads(made)["response"] for made in path.read_text().splitlines()} == {
        line.text for line in lines
    }


def test_json_lines_are_results_again(folder: Path, tmp_path: Path) -> None:
    with (folder / RESULTS_FILE).open("a") as stream:  # the same key twice is exported once
        stream.write((folder / RESULTS_FILE).read_text().splitlines()[0] + "\n")
    assert write_jsonl(folder, tmp_path / "again" / RESULTS_FILE) == 8
    assert read_results(tmp_path / "again") == read_results(folder)


def test_medix_layout_of_every_model(folder: Path, tmp_path: Path) -> None:
    found = write_medix(folder, tmp_path)
    assert [(path.relative_to(tmp_path).as_posix(), n) for path, n in found] == [
        ("base/base.jsonl", 4), ("tuned/tuned.jsonl", 4)
    ]  # fmt: skip


def test_places_that_cannot_be_written_and_folders_without_results(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserFacing, match="can't be written"):
        write_csv(folder, tmp_path / "file" / "x.csv")
    with pytest.raises(UserFacing, match="no results"):
        write_csv(tmp_path, tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists() and not (tmp_path / ".x.csv.new").exists()
