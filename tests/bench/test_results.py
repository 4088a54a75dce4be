"""Result lines on disk: what is kept, what is mended, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.bench.results import (
    RESULTS_FILE,
    RUN_FILE,
    Result,
    ResultFile,
    merge_run,
    read_results,
    read_run,
)
from workbench.errors import UserFacing

LINE = Result("k1", "i1", "tuned", "image", "Which side?", "left", "left", True, None, 0.5)


def run_record(mode: str = "trace", conditions: tuple[str, ...] = ("image",), name: str = "set") -> dict:
    described = {"revision": "1", "mode": mode, "decoding": {}, "judge": "j", "conditions": list(conditions)}
    return {"items": {"name": name}, "models": {"tuned": described}}


def test_lines_come_back_as_they_were(tmp_path: Path) -> None:
    lines = [
        replace(LINE, options=("left", "right"), units=({"unit_id": "u1"},), text='a\n"b" 右\u2028'),
        replace(LINE, key="k2", correct=None, answer=None, error="no"),
    ]
    ResultFile(tmp_path).append(lines)
    assert read_results(tmp_path) == lines
    assert (tmp_path / RESULTS_FILE).read_bytes().count(b"\n") == 2


def test_one_key_counts_once_and_success_beats_failure(tmp_path: Path) -> None:
    failed = replace(LINE, correct=None, error="no")
    ResultFile(tmp_path).append([failed, LINE, replace(LINE, answer="right")])
    assert read_results(tmp_path) == [LINE]


@pytest.mark.parametrize("tail", [b'{"key": "k2", "item', b"\xe5\x8f", b"{"])
def test_a_half_written_last_line_is_ignored_and_taken_off(tmp_path: Path, tail: bytes) -> None:
    ResultFile(tmp_path).append([LINE])
    path = tmp_path / RESULTS_FILE
    path.write_bytes(path.read_bytes() + tail)
    assert read_results(tmp_path) == [LINE]
    ResultFile(tmp_path).append([replace(LINE, key="k2")])
    assert [line.key for line in read_results(tmp_path)] == ["k1", "k2"]


def test_a_whole_last_line_without_newline_is_kept(tmp_path: Path) -> None:
    ResultFile(tmp_path).append([LINE])
    path = tmp_path / RESULTS_FILE
    path.write_bytes(path.read_bytes().rstrip())
    ResultFile(tmp_path).append([replace(LINE, key="k2")])
    assert [line.key for line in read_results(tmp_path)] == ["k1", "k2"]


def test_a_broken_line_in_the_middle_is_told_with_its_number(tmp_path: Path) -> None:
    (tmp_path / RESULTS_FILE).write_text(
        json.dumps(vars(LINE)) + "\n{broken\n" + json.dumps(vars(LINE)) + "\n"
    )
    with pytest.raises(UserFacing, match="Line 2"):
        read_results(tmp_path)
    (tmp_path / RESULTS_FILE).write_text('{"key": "k"}\n')
    with pytest.raises(UserFacing, match="fields are missing"):
        read_results(tmp_path)


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="no results"):
        read_results(tmp_path)
    assert read_run(tmp_path) == {}


def test_invalid_is_an_answer_that_names_nothing() -> None:
    asked = replace(LINE, options=("left", "right"))
    assert replace(asked, answer_letter=None).invalid and not replace(asked, answer_letter="A").invalid
    assert replace(LINE, answer=" ").invalid and not LINE.invalid
    assert not replace(asked, answer=None, error="no").invalid


def test_runs_of_one_protocol_add_their_conditions(tmp_path: Path) -> None:
    merge_run(tmp_path, run_record())
    merge_run(tmp_path, run_record(conditions=("blank",)))
    assert read_run(tmp_path)["models"]["tuned"]["conditions"] == ["image", "blank"]
    merge_run(tmp_path, run_record(mode="short"))
    assert read_run(tmp_path)["models"]["tuned"]["conditions"] == ["image"]


def test_results_of_other_items_are_not_mixed(tmp_path: Path) -> None:
    merge_run(tmp_path, run_record())
    with pytest.raises(UserFacing, match="another folder"):
        merge_run(tmp_path, run_record(name="other"))
    (tmp_path / RUN_FILE).write_text("{")
    with pytest.raises(UserFacing, match="not JSON"):
        read_run(tmp_path)
