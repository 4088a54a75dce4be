"""The append-only file of lines: what a cut, a kill, a full disk and two writers leave of it."""

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.bench.store import jsonl
from workbench.bench.store.jsonl import JsonLines
from workbench.errors import UserFacing

BATCHES, SIZE = 60, 5  # the size is the writer's
WRITER = """
import sys
from pathlib import Path
from workbench.bench.store.jsonl import JsonLines

lines, who, batches = JsonLines(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
number = 0
while batches < 0 or number < batches:
    lines.append({"who": who, "batch": number, "part": part, "text": "x" * 3000} for part in range(5))
    number += 1
"""


@pytest.fixture
def lines(tmp_path: Path) -> JsonLines:
    return JsonLines(tmp_path / "made" / "lines.jsonl")


def found(lines: JsonLines) -> list[dict]:
    return [record for _, record in lines.objects()]


def test_records_come_back_with_their_numbers(lines: JsonLines) -> None:
    assert found(lines) == [] and list(lines.parsed(dict, what="x")) == []
    lines.append([{"a": 'q\n"b" 右\u2028\ud800'}, {"b": (1, None)}])
    lines.append([])
    lines.append([{"c": 1.5}])
    assert list(lines.objects()) == [
        (1, {"a": 'q\n"b" 右\u2028\ud800'}),
        (2, {"b": [1, None]}),
        (3, {"c": 1.5}),
    ]
    assert lines.path.read_bytes().count(b"\n") == 3 and lines.unreadable == 0


def test_an_empty_file_holds_nothing_and_takes_lines(lines: JsonLines) -> None:
    lines.path.parent.mkdir()
    lines.path.touch()
    assert found(lines) == []
    lines.append([{"a": 1}])
    assert lines.path.read_bytes() == b'{"a": 1}\n'


@pytest.mark.parametrize("tail", [b'{"key": "k2", "item', b"\xe5\x8f", b"{", b'"' + b"x" * 200_000])
def test_a_torn_last_line_is_left_out_and_then_taken_off(lines: JsonLines, tail: bytes) -> None:
    lines.append([{"a": 1}])
    with lines.path.open("ab") as file:
        file.write(tail)
    assert found(lines) == [{"a": 1}] and lines.unreadable == 0
    lines.append([{"a": 2}])
    assert lines.path.read_bytes() == b'{"a": 1}\n{"a": 2}\n'


@pytest.mark.parametrize("length", [1, 70_000])
def test_a_last_line_that_lacks_only_its_newline_counts_and_is_ended(lines: JsonLines, length: int) -> None:
    lines.append([{"a": 1}, {"b": "x" * length}])
    lines.path.write_bytes(lines.path.read_bytes()[:-1])
    assert found(lines)[1] == {"b": "x" * length}
    lines.append([{"a": 2}])
    assert [sorted(record) for record in found(lines)] == [["a"], ["b"], ["a"]]


def test_an_unreadable_line_in_the_middle_is_passed_over_or_told(lines: JsonLines) -> None:
    lines.path.parent.mkdir()
    lines.path.write_bytes(b'{"a": 1}\n{broken\n\n[1]\n\xff\xfe\n{"a": 2}\n')
    assert list(lines.objects()) == [(1, {"a": 1}), (6, {"a": 2})] and lines.unreadable == 3
    with pytest.raises(UserFacing, match=r"^Line 2 of lines.jsonl is not a thing \(.*\). Mend it."):
        list(lines.parsed(lambda record: record["a"], what="a thing", hint="Mend it."))
    lines.path.write_bytes(b'{"a": 1}\n{"b": 1}\n')
    read = lines.parsed(lambda record: record["a"], what="a thing")
    assert next(read) == (1, 1)
    with pytest.raises(UserFacing, match=r"Line 2 of lines.jsonl is not a thing \('a'\)"):
        next(read)


def test_what_can_not_be_read_is_told_without_its_path(lines: JsonLines) -> None:
    with pytest.raises(UserFacing, match=r"lines.jsonl can't be read \(No such file") as raised:
        list(lines.raw())
    assert str(lines.path.parent) not in str(raised.value)


def test_a_compressed_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    packed = JsonLines(tmp_path / "lines.jsonl.gz")
    content = gzip.compress(b'{"a": 1}\n' * 500)
    packed.path.write_bytes(content)
    assert len(found(packed)) == 500
    packed.path.write_bytes(content[:-9])
    with pytest.raises(UserFacing, match=r"lines.jsonl.gz can't be read"):
        found(packed)


def test_numbers_that_json_lacks_are_refused_and_leave_nothing(lines: JsonLines) -> None:
    with pytest.raises(ValueError, match="JSON"):
        lines.append([{"a": 1}, {"a": float("nan")}])
    assert not lines.path.exists()
    lines.append([{"loss": float("nan")}], allow_nan=True)
    assert lines.path.read_text() == '{"loss": NaN}\n'


def test_a_batch_that_the_disk_refuses_halfway_leaves_nothing(
    lines: JsonLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines.append([{"a": 1}])

    def full(file: object, block: bytes) -> None:
        file.write(block[:5])  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(jsonl, "_write_all", full)
        with pytest.raises(OSError, match="No space left"):
            lines.append([{"a": 2}])
    assert lines.path.read_bytes() == b'{"a": 1}\n'


def test_without_locks_lines_are_still_added(lines: JsonLines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "fcntl", None)
    lines.append([{"a": 1}])
    lines.append([{"a": 2}])
    assert found(lines) == [{"a": 1}, {"a": 2}]


@pytest.fixture
def killed(lines: JsonLines) -> Iterator[subprocess.Popen]:
    """A writer that never ends by itself, already at work on the file."""
    lines.path.parent.mkdir()
    process = writer(lines, "killed", -1)
    try:
        while not lines.path.exists():
            assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def writer(lines: JsonLines, who: str, batches: int) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-B", "-c", WRITER, str(lines.path), who, str(batches)])


def test_a_writer_killed_beside_another_costs_at_most_its_own_batch(
    lines: JsonLines, killed: subprocess.Popen
) -> None:
    other = writer(lines, "other", BATCHES)
    while not any(record["who"] == "other" for record in found(lines)):  # both are at work now
        assert other.poll() is None and killed.poll() is None
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert other.wait() == 0
    lines.append([{"who": "last", "batch": 0, "part": 0}])
    records = found(lines)
    assert lines.unreadable == 0 and records[-1]["who"] == "last"
    places = [(record["batch"], record["part"]) for record in records if record["who"] == "other"]
    assert places == [(batch, part) for batch in range(BATCHES) for part in range(SIZE)]
    places = [(record["batch"], record["part"]) for record in records if record["who"] == "killed"]
    assert places == [divmod(number, SIZE) for number in range(len(places))] and places
    # A batch stands together: nobody's lines stand between its parts, and only a kill can shorten one.
    ends = [at for at, record in enumerate(records[:-1]) if record["part"] == SIZE - 1]
    assert all(len({records[at - back]["who"] for back in range(SIZE)}) == 1 for at in ends)
    assert json.loads(lines.path.read_bytes().splitlines()[0])["batch"] == 0
