"""A run that is killed, a disk that is full, a server that limits or dies: each goes on where it was."""

import errno
import io
import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bench.chat_fakes import Body, Fault, serving
from tests.bench.fakes import FakeModel, sees_side, sided_items
from tests.waiting import finished, until
from workbench.bench.asking.answering import fault_text
from workbench.bench.asking.runner import run_bench
from workbench.bench.store.results import RESULTS_FILE, ResultFile, known_keys, read_results
from workbench.cli import main
from workbench.errors import UserFacing
from workbench.models.served import ChatServer, EndpointDown, Patience, ServedModel

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_kill_9_loses_one_batch_at_most(tmp_path: Path) -> None:
    sided_items(tmp_path / "items", "LRLRLLRR")
    out, log = tmp_path / "out", tmp_path / "log"
    command = [sys.executable, "-m", "tests.bench.slow_run", str(tmp_path / "items"), str(out), str(log)]
    running = subprocess.Popen([*command, "9"], cwd=ROOT)
    try:
        until(lambda: log.is_file() and log.read_text().count("\n") >= 9, "three batches")
    finally:
        running.kill()  # SIGKILL
        running.wait()
    before = known_keys(out)
    asked = log.read_text().count("\n")
    assert (asked, len(before)) == (9, 6), "the batch in flight is lost and no other"
    assert finished([*command, "99"], cwd=ROOT).returncode == 0
    lines = (out / RESULTS_FILE).read_text().splitlines()
    whole = run_bench(
        sided_items(tmp_path / "items", "LRLRLLRR"), [FakeModel("tuned", sees_side)], tmp_path / "w"
    )
    assert len(lines) == len(known_keys(out)) == 16 and known_keys(out) == known_keys(whole)
    assert log.read_text().count("\n") == 16 + asked - len(before)


def test_a_full_disk_says_how_far_it_got_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, append, left = sided_items(tmp_path / "items"), ResultFile.append, [2]

    def fills_up(self: ResultFile, results: list) -> None:
        left[0] -= 1
        if left[0] < 0:
            with self.path.open("a") as file:
                file.write('{"key": "half a li')
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(self, results)

    monkeypatch.setattr(ResultFile, "append", fills_up)
    with pytest.raises(UserFacing, match=r"disk is full: 6 of 12 answers are kept.*Make room.*same command"):
        run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "out", batch_size=3)
    monkeypatch.undo()
    model = FakeModel("tuned", sees_side)
    lines = read_results(run_bench(items, [model], tmp_path / "out", batch_size=3))
    assert len(model.asked) == 6 and len(lines) == 12


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_really_is_full(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RESULTS_FILE).symlink_to("/dev/full")
    with pytest.raises(UserFacing, match="disk is full: 0 of 12"):
        run_bench(items, [FakeModel("tuned", sees_side)], tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_no_full_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserFacing, match="can't be written"):
        run_bench(sided_items(tmp_path / "items"), [FakeModel("a", sees_side)], tmp_path / "file" / "out")


def side_of(body: Body) -> str:
    data = body["messages"][0]["content"][0]["image_url"]["url"].partition(",")[2]
    pixels = np.array(Image.open(io.BytesIO(b64decode(data))))
    return "left" if pixels[0, 0, 0] > pixels[0, -1, 0] else "right"


def served(url: str, slept: list[float], **patience: float) -> ServedModel:
    server = ChatServer(url, "served", patience=Patience(**patience), sleep=slept.append)
    return ServedModel(server, name="served", concurrency=1)


def test_a_rate_limit_is_waited_for_then_ends_in_a_state_that_resumes(tmp_path: Path) -> None:
    items, slept, state = sided_items(tmp_path / "items"), [], {"answers": 5}

    def rule(body: Body) -> str | Fault:
        if state["answers"] <= 0:
            return Fault(429, headers={"retry-after": "2"})
        state["answers"] -= 1
        return side_of(body)

    with serving(rule) as fake:
        model = served(fake.url, slept, in_all=9.0)
        with pytest.raises(EndpointDown, match=r"429.*same command again"):
            run_bench(items, [model], tmp_path / "out", batch_size=2, mode="short")
        assert len(fake.requests) == 5 + 5  # the fifth wait of 2 s would be more than 9 s in all
        kept = len(read_results(tmp_path / "out"))
        assert kept == 4  # the batch in flight is lost, no more
        state["answers"] = 99
        lines = read_results(
            run_bench(items, [served(fake.url, slept)], tmp_path / "out", batch_size=2, mode="short")
        )
        assert len(fake.requests) == 10 + 12 - kept
    assert len(lines) == 12 and all(line.correct for line in lines)


def test_a_server_that_dies_ends_the_run_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items, slept = sided_items(tmp_path / "items"), []
    with serving(side_of) as fake:
        model = served(fake.url, slept, attempts=2)
        stop_after = iter(range(3))

        def dies(body: Body) -> str | Fault:
            return side_of(body) if next(stop_after, None) is not None else Fault(hang_up=True)

        fake.rule = dies
        with pytest.raises(EndpointDown, match="times in a row"):
            run_bench(items, [model], tmp_path / "out", batch_size=1, mode="short")
        lines = read_results(tmp_path / "out")
        assert sum(line.correct is True for line in lines) == 3
        assert all("no usable reply in 2 tries" in line.error for line in lines if line.error)
        fake.rule = side_of
        again = served(fake.url, slept)
        lines = read_results(run_bench(items, [again], tmp_path / "out", mode="short", retry_failed=True))
    assert [line.correct for line in lines] == [True] * 12
    with serving(side_of) as gone:
        url = gone.url
    code = main(
        ["bench", "run", "--items", str(tmp_path / "items"), "--endpoint", url, "--out", str(tmp_path / "o")]
    )
    assert code == 2 and "does not say which models" in capsys.readouterr().err


def test_a_poisoned_item_is_tried_twice_and_told(tmp_path: Path) -> None:
    tries = []

    def rule(question, image) -> str:
        if question.text.startswith("On") and image.pixels[0, 0, 0] > 100:
            tries.append(question.text)
            raise RuntimeError("nan in the logits")
        return sees_side(question, image)

    items = sided_items(tmp_path / "items", "LR")
    lines = read_results(run_bench(items, [FakeModel("a", rule)], tmp_path / "out"))
    (failed,) = [line for line in lines if line.error]
    assert failed.error == "RuntimeError: nan in the logits" and len(tries) == 2 and len(lines) == 4


def test_a_fault_of_a_file_is_told_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError) as fault:
        (tmp_path / "gone.png").read_bytes()
    assert fault_text(fault.value) == "FileNotFoundError: No such file or directory"
    assert fault_text(ValueError("odd")) == "ValueError: odd"
