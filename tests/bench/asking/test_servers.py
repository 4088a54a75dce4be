"""`bench run` with a foreign layout, an endpoint and a judging model, from the command line."""

import json
from pathlib import Path

import pytest

from tests.bench.chat_fakes import Body, Fault, said, serving
from tests.bench.questions.importers.samples import draw, write_table
from workbench.bench.judging.log import JUDGEMENTS_FILE
from workbench.bench.store.results import RESULTS_FILE
from workbench.cli import main


def items(folder: Path) -> Path:
    draw(folder / "images" / "a.png")
    row = {"image": "a.png", "question": "Which side?", "options": "left|right", "answer": "A"}
    return write_table(folder / "ward.csv", row, row | {"image": "gone.png"}, row | {"answer": "B"})


def test_a_run_over_a_server(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    key.write_text("s3cret\n")
    with serving(lambda body: "<think>It is left.</think><answer>left</answer>") as fake:
        flags = ["--format", "plain", "--endpoint", fake.url, "--key-file", str(key)]
        assert main(["bench", "run", "--items", str(items(tmp_path)), "--out", str(out), *flags]) == 0
        assert fake.keys == ["Bearer s3cret"] * 2
    captured = capsys.readouterr()
    assert "left out 1 row: the image file is missing (row 2)" in captured.err and "served" in captured.out
    lines = [json.loads(line) for line in (out / RESULTS_FILE).read_text().splitlines()]
    assert [line["correct"] for line in lines] == [True, False]
    assert "s3cret" not in (out / RESULTS_FILE).read_text() + (out / "run.json").read_text()


def test_a_judging_model_keeps_its_record_in_the_results_folder(tmp_path: Path) -> None:
    unit = {"unit_id": "u1", "topic": "side", "claim": "It is left."}
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"question": "Which side?", "answer": "left", "perception": [unit]}))

    def rule(body: Body) -> str:
        return (
            '{"presence": 2, "correctness": 1}' if "grade" in said(body) else "<think>It is left.</think>left"
        )

    with serving(rule) as fake:
        flags = ["--format", "plain", "--endpoint", f"{fake.url}#a", "--out", str(tmp_path / "out")]
        judge = ["--judge", f"{fake.url}#b", "--judge-protocol", "votes"]
        assert main(["bench", "run", "--items", str(path), *flags, *judge, "--json"]) == 0
    (line,) = map(json.loads, (tmp_path / "out" / RESULTS_FILE).read_text().splitlines())
    assert line["axes"]["trace_score"] == 1.0 and line["judge"] == "llm:b/votes/prompt-1"
    assert len(json.loads((tmp_path / "out" / JUDGEMENTS_FILE).read_text())["replies"]) == 3


def test_bad_input_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run = ["bench", "run", "--items", str(items(tmp_path)), "--out", str(tmp_path / "out")]
    with serving(lambda body: Fault(500)) as fake:
        address = f"{fake.url}#a"
        for flags, words in (
            ([], "--model or --endpoint"),
            (["--endpoint", "nowhere", "--format", "plain"], "no address"),
            (["--endpoint", address, "--format", "paint"], "no layout 'paint'"),
            (["--endpoint", address, "--format", "plain", "--judge", address], "one of the models"),
            (["--endpoint", address, "--format", "plain", "--judge", "me"], "no judge 'me'"),
            (["--endpoint", address, "--format", "plain", "--key-file", str(tmp_path)], "can't be read"),
        ):
            assert main([*run, *flags]) == 2
            assert words in capsys.readouterr().err
    assert main([*run, "--endpoint", fake.url, "--format", "plain"]) == 2  # the server is gone
    assert "does not say which models" in capsys.readouterr().err and not (tmp_path / "out").exists()
