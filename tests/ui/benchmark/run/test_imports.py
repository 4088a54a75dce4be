"""Results that others made: read when they are results, else a sentence, and nothing left behind."""

import gzip
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.ui.results import write_results
from workbench.errors import UserFacing
from workbench.ui.benchmark.run import imports
from workbench.ui.benchmark.run.imports import import_results
from workbench.ui.benchmark.tables import read_report


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("made") / "theirs")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "visitor" / "imports"
    folder.mkdir(parents=True)
    return folder


def files_of(folder: Path) -> list[tuple[str, Path]]:
    return [(path.name, path) for path in sorted(folder.iterdir())]


def zipped(path: Path, entries: dict[str, bytes]) -> list[tuple[str, Path]]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return [(path.name, path)]


def lines_of(good: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (good / "results.jsonl").read_text().splitlines()]


def refused(files: list[tuple[str, Path]], into: Path, words: str) -> None:
    with pytest.raises(UserFacing, match=words) as raised:
        import_results(files, into)
    assert str(into) not in str(raised.value)
    assert list(into.iterdir()) == [] and list(into.parent.iterdir()) == [into]


def test_files_are_taken_and_make_the_same_report(good: Path, into: Path) -> None:
    folder = import_results(files_of(good), into)
    assert folder == into / "phantoms"  # the name of the items in run.json
    ours, theirs = read_report(folder), read_report(good)
    assert ours.accuracy["tuned"]["image"].overall == theirs.accuracy["tuned"]["image"].overall
    assert import_results(files_of(good), into).name == "phantoms-2"


def test_a_zip_of_a_folder_is_taken_and_only_known_names_are_read(
    good: Path, into: Path, tmp_path: Path
) -> None:
    entries = {f"theirs/{path.name}": path.read_bytes() for path in good.iterdir()}
    packed = gzip.compress(entries.pop("theirs/results.jsonl"))
    entries |= {"theirs/results-00000-of-00001.jsonl.gz": packed, "theirs/report.json": b"{}", "x.sh": b"rm"}
    folder = import_results(zipped(tmp_path / "theirs.zip", entries), into)
    assert sorted(path.name for path in folder.iterdir()) == ["results-00000-of-00001.jsonl", "run.json"]
    lines = (folder / "results-00000-of-00001.jsonl").read_bytes()
    assert lines == (good / "results.jsonl").read_bytes()


@pytest.mark.parametrize(
    "name", ["../results.jsonl", "/results.jsonl", "a/../../results.jsonl", "..\\run.json"]
)
def test_a_path_out_of_the_zip_is_refused(good: Path, into: Path, tmp_path: Path, name: str) -> None:
    content = (good / "results.jsonl").read_bytes()
    refused(zipped(tmp_path / "x.zip", {"results.jsonl": content, name: content}), into, "leads out of it")


def test_a_link_in_the_zip_is_refused(into: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    link = zipfile.ZipInfo("results.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused([(path.name, path)], into, "leads out of it")


def test_sizes_are_counted_not_believed(
    good: Path, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (good / "results.jsonl").read_bytes()
    monkeypatch.setattr(imports, "MOST_BYTES", len(content) - 1)
    refused(zipped(tmp_path / "x.zip", {"results.jsonl": content}), into, "larger than")
    bomb = gzip.compress(content)
    assert len(bomb) < len(content) - 1
    refused(zipped(tmp_path / "y.zip", {"results.jsonl.gz": bomb}), into, "larger than")
    monkeypatch.setattr(imports, "MOST_ENTRIES", 2)
    refused(zipped(tmp_path / "z.zip", {str(n): b"" for n in range(3)}), into, "holds 3 entries")


def test_too_many_lines_or_models_are_refused(
    good: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_LINES", 39)
    refused(files_of(good), into, "more than 39 lines")
    monkeypatch.setattr(imports, "MOST_LINES", 40)
    assert import_results(files_of(good), into).is_dir()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({}, "no results"),
        ({"results.jsonl": b""}, "no results"),
        ({"notes.txt": b"hello"}, "no results"),
        ({"a/results.jsonl": b"", "b/results.jsonl": b""}, "several folders"),
        ({"results.jsonl": b"", "results.jsonl.gz": gzip.compress(b"")}, "there twice"),
        ({"results.jsonl.gz": b"not packed"}, "can't be unpacked"),
        ({"run.json": b"{"}, "run.json is not JSON"),
        ({"run.json": b"[]"}, "not a JSON object"),
    ],
)
def test_other_zips_are_told_in_words(
    into: Path, tmp_path: Path, entries: dict[str, bytes], words: str
) -> None:
    refused(zipped(tmp_path / "x.zip", entries), into, words)


def test_what_is_no_zip_and_no_result_is_told_in_words(into: Path, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"PK no zip")
    refused([("x.zip", path)], into, "zip can't be unpacked")
    refused([("table.csv", path)], into, "'table.csv' is not a file of results")
    refused([("../../results.sh", path)], into, "'results.sh' is not")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"correct": "yes"}, "correct"),
        ({"seconds": "long"}, "seconds"),
        ({"seconds": float("nan")}, "infinite or not a number"),
        ({"condition": "<b>upside down</b>"}, "no condition"),
        ({"options": "ABC"}, "options"),
        ({"axes": {"perception": {"presence": 1}}}, "perception"),
        ({"axes": {"beauty": {}}}, "beauty"),
        ({"axes": {"trace_score": "high"}}, "trace_score is not a number"),
        ({"axes": {"trace_score": 1.5}}, "not between 0 and 1"),
        (
            {"axes": {"perception": {"presence": 1e308, "correctness": 0, "score": 0, "n_units": 1}}},
            "not between 0 and 1",
        ),
        ({"probability": {"answer": float("nan")}}, "not between 0 and 1"),
        ({"units": [{"unit_id": "u1"}]}, "axis"),
        ({"probability": {"answer": None}}, "probability"),
        ({"model": None}, "model"),
    ],
)
def test_a_line_that_is_not_a_result_is_named_by_its_number(
    good: Path, into: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    lines = lines_of(good)
    lines[2] |= change
    path = tmp_path / "changed"
    path.write_text("\n".join(map(json.dumps, lines)))
    refused([("results.jsonl", path)], into, rf"Line 3 of results.jsonl is not a result: .*{words}")


def test_a_line_that_is_no_json_is_named_and_not_quoted(good: Path, into: Path, tmp_path: Path) -> None:
    path = tmp_path / "changed"
    path.write_text((good / "results.jsonl").read_text() + "secret of a patient\n")
    refused([("results.jsonl", path)], into, r"Line 41 of results.jsonl is not a result: (?!.*secret)")


def test_lines_that_make_no_report_together_are_refused(good: Path, into: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.write_text('{"models": ["base"], "items": {"name": "x"}}')
    refused([("results.jsonl", good / "results.jsonl"), ("run.json", run)], into, "no report can be made")


@pytest.mark.parametrize(
    "content",
    [
        b'{"models": {"another": {"label": "x"}}, "items": {"name": "x"}}',  # every line is of another model
        json.dumps({"items": {"name": "x"}}).encode("utf-16"),
        b"[" * 100_000,
    ],
)
def test_a_run_file_that_does_not_fit_is_told_without_a_path(
    good: Path, into: Path, tmp_path: Path, content: bytes
) -> None:
    run = tmp_path / "run"
    run.write_bytes(content)
    refused([("results.jsonl", good / "results.jsonl"), ("run.json", run)], into, "run.json")


def test_a_deep_line_is_refused_and_a_deep_half_line_left_out(good: Path, into: Path, tmp_path: Path) -> None:
    path, deep = tmp_path / "lines", b"[" * 100_000
    content = (good / "results.jsonl").read_bytes()
    path.write_bytes(content + deep + b"\n")
    refused([("results.jsonl", path)], into, "Line 41")
    path.write_bytes(content + deep)
    assert import_results([("results.jsonl", path)], into).is_dir()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packings_that_need_much_memory_are_refused(
    good: Path, into: Path, tmp_path: Path, method: int
) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.write(good / "results.jsonl", "results.jsonl")
    refused([(path.name, path)], into, "unusual way")
