"""A hub whose commit changes under a benchmark, and hub ids on the command line."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.hub.server import Hub, Repository
from tests.tiny import save_tiny
from workbench.bench.store.results import read_results
from workbench.cli import main

NAME = "someone/model"
ITEMS = 3


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same architecture twice, with other weights."""
    place = tmp_path_factory.mktemp("made")
    return [save_tiny(place / str(seed), seed=seed) for seed in (0, 1)]


@pytest.fixture
def repository(hub: Hub, checkpoints: list[Path]) -> Repository:
    return hub.repository(NAME, checkpoints[0])


@pytest.fixture
def items(tmp_path: Path) -> Path:
    folder = tmp_path / "items"
    folder.mkdir()
    lines = []
    for number in range(ITEMS):
        Image.new("RGB", (48, 48), (60 * number,) * 3).save(folder / f"{number}.png")
        line = {"item_id": str(number), "question": f"Question {number}?", "options": ["yes", "no"]}
        lines.append(line | {"answer": "yes", "image_path": f"{number}.png"})
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder / "items.jsonl"


def bench(items: Path, out: Path, *more: str, model: str = NAME) -> list[str]:
    command = ["bench", "run", "--items", str(items), "--model", model, "--out", str(out), "--device", "cpu"]
    assert main([*command, "--max-new-tokens", "4", "--json", *more]) == 0
    return [line.revision for line in read_results(out)]


def report(out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict, str]:
    """The report of a folder as JSON and as text."""
    capsys.readouterr()
    assert main(["bench", "report", str(out), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert main(["bench", "report", str(out)]) == 0
    return record, capsys.readouterr().out


def test_a_commit_that_changes_half_way_is_asked_from_the_start(
    repository: Repository, checkpoints: list[Path], items: Path, tmp_path: Path, capsys
) -> None:
    out, first = tmp_path / "out", repository.refs["main"]
    assert bench(items, out, "--limit", "2") == [first] * 2
    second = repository.commit(checkpoints[1])
    assert sorted(bench(items, out)) == sorted([first] * 2 + [second] * ITEMS)
    record, text = report(out, capsys)
    assert record["stale_lines"] == 2 and "2 answers of an earlier model or protocol were left out" in text
    assert second in json.dumps(record) and first not in json.dumps(record)
    assert second in text and first not in text
    assert bench(items, out).count(second) == ITEMS  # nothing is asked twice


def test_two_commits_of_one_repository_can_be_compared(
    repository: Repository, checkpoints: list[Path], items: Path, tmp_path: Path, capsys
) -> None:
    first, second = repository.refs["main"], repository.commit(checkpoints[1])
    found = bench(items, tmp_path / "out", "--model", f"{NAME}@{first}")
    assert sorted(found) == sorted([first] * ITEMS + [second] * ITEMS)
    record, _ = report(tmp_path / "out", capsys)
    assert record["stale_lines"] == 0


def test_answers_on_the_command_line_name_the_commit(
    repository: Repository, checkpoints: list[Path], items: Path, capsys
) -> None:
    first = repository.refs["main"]
    repository.commit(checkpoints[1])
    picture = str(items.parent / "1.png")
    for command in (["ask"], ["explain", "--span", "all"]):
        asked = [*command, picture, "Is there a nodule?", "--model", f"{NAME}@{first}", "--device", "cpu"]
        assert main([*asked, "--max-new-tokens", "4", "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert record.get("meta", record)["revision"] == first


def test_faults_on_the_command_line_are_sentences(
    repository: Repository, checkpoints: list[Path], items: Path, tmp_path: Path, capsys
) -> None:
    picture, copy = str(items.parent / "1.png"), shutil.copytree(checkpoints[0], tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"x" * 100)
    wanted = {
        "no/such": "that you may read", f"{NAME}@v9": "no revision 'v9'", str(copy): "model.safetensors",
    }  # fmt: skip
    commands = (
        ["ask", picture, "What?"],
        ["bench", "run", "--items", str(items), "--out", str(tmp_path / "out")],
    )
    for ref, said in wanted.items():
        for command in commands:
            assert main([*command, "--model", ref, "--device", "cpu", "--json"]) == 2
            fault = json.loads(capsys.readouterr().err)
            assert said in fault["error"] and fault["hint"]
