"""Result lines on disk: what is kept, what is mended, what is refused."""

import gzip
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from workbench.bench.store.result_files import result_files
from workbench.bench.store.results import (
    RESULTS_FILE,
    RUN_FILE,
    Result,
    ResultFile,
    has_results,
    iter_results,
    known_keys,
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


def test_a_conditions_sampling_stays_named_while_the_protocol_is_the_same(tmp_path: Path) -> None:
    first = run_record(conditions=("sampled",))
    first["models"]["tuned"] |= {"samples": 4, "sampling": {"temperature": 0.7}, "setup": "s"}
    second = run_record(conditions=("image",))
    second["models"]["tuned"] |= {"samples": 0, "sampling": None, "setup": "s"}
    merge_run(tmp_path, first)
    merge_run(tmp_path, second)
    found = read_run(tmp_path)["models"]["tuned"]
    assert (found["samples"], found["conditions"]) == (4, ["sampled", "image"])
    second["models"]["tuned"]["setup"] = "another"
    merge_run(tmp_path, second)
    found = read_run(tmp_path)["models"]["tuned"]
    assert (found["samples"], found["conditions"]) == (0, ["image"])


def test_lines_of_an_earlier_version_still_read(tmp_path: Path) -> None:
    old = {name: value for name, value in asdict(LINE).items() if name not in ("sample", "image", "setup")}
    (tmp_path / RESULTS_FILE).write_text(json.dumps(old) + "\n")
    (line,) = read_results(tmp_path)
    assert line == LINE and (line.sample, line.image) == (0, "")


def test_files_of_several_processes_are_one_run(tmp_path: Path) -> None:
    assert not has_results(tmp_path) and known_keys(tmp_path) == set()
    for process in (1, 0):
        ResultFile(tmp_path, process, 2).append([replace(LINE, key=f"p{process}")])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "results-00000-of-00002.jsonl", "results-00001-of-00002.jsonl",
    ]  # fmt: skip
    assert [line.key for line in iter_results(tmp_path)] == ["p0", "p1"] and has_results(tmp_path)
    (tmp_path / "results-copy.jsonl").write_text("not ours")
    assert len(read_results(tmp_path)) == 2


def test_a_compressed_file_is_read_and_never_written(tmp_path: Path) -> None:
    ResultFile(tmp_path).append([LINE, replace(LINE, key="k2")])
    path = tmp_path / RESULTS_FILE
    packed = path.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    before = packed.read_bytes()
    ResultFile(tmp_path).append([replace(LINE, answer="other"), replace(LINE, key="k3")])
    assert [line.key for line in read_results(tmp_path)] == ["k1", "k2", "k3"]
    assert read_results(tmp_path)[0].answer == "left" and packed.read_bytes() == before
    packed.write_bytes(before[:-12])
    with pytest.raises(UserFacing, match="can't be read"):
        read_results(tmp_path)


def test_the_number_of_processes_that_wrote_last_comes_last(tmp_path: Path) -> None:
    ResultFile(tmp_path, 0, 2).append([replace(LINE, key="two")])
    ResultFile(tmp_path, 0, 1).append([replace(LINE, key="one")])
    for name, second in (("results.jsonl", 50), ("results-00000-of-00002.jsonl", 90)):
        os.utime(tmp_path / name, (second, second))
    assert [line.key for line in read_results(tmp_path)] == ["one", "two"]
    os.utime(tmp_path / "results.jsonl", (99, 99))
    assert [path.name for path in result_files(tmp_path)][-1] == "results.jsonl"


def test_known_keys_with_and_without_the_failed(tmp_path: Path) -> None:
    failed = replace(LINE, correct=None, error="no")
    ResultFile(tmp_path, 0, 2).append([failed, replace(failed, key="k2")])
    ResultFile(tmp_path, 1, 2).append([LINE])
    assert known_keys(tmp_path) == {"k1", "k2"} and known_keys(tmp_path, retry_failed=True) == {"k1"}
    assert [(line.key, line.error) for line in read_results(tmp_path)] == [("k1", None), ("k2", "no")]
