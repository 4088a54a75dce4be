"""`ask`, `explain` and `bench` over a chat server, from the command line; where keys go and stay."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench.chat_fakes import Body, Fault, Stream, delta, said, serving, token
from tests.bench.questions.importers.samples import write_table
from workbench.bench.judging.log import JUDGEMENTS_FILE
from workbench.cli import main
from workbench.imaging import from_array
from workbench.imaging.overlay import encode_png

TRACE = "<think>It is on the left.</think><answer>left</answer>"


def traced(body: Body) -> Stream:
    words = [
        token(word, -0.5)
        for word in ("<think>", "It is", " on the left.", "</think>", "<answer>", "left", "</answer>")
    ]
    return Stream([*(delta(word["token"], tokens=[word]) for word in words), delta(None, "stop")])


@pytest.fixture
def picture(tmp_path: Path) -> str:
    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encode_png(from_array(pixels).pixels))
    return str(tmp_path / "a.png")


def items(folder: Path, count: int = 3) -> str:
    row = {"question": "Which side?", "options": "left|right", "answer": "A"}
    return str(
        write_table(folder / "ward.csv", *(row | {"question": f"Which side, {n}?"} for n in range(count)))
    )


def test_ask_gives_the_trace_and_the_servers_tokens(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(traced) as fake:
        assert main(["ask", picture, "Which side?", "--endpoint", f"{fake.url}#m", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["text"] == TRACE and record["trace"]["answer"] == "left" and record["finish"] == "stop"
    assert record["served_at"] == fake.url.split("/")[2]
    assert record["tokens"][1] == {"id": None, "text": "It is", "logprob": -0.5, "image_share": None}
    (step,) = record["trace"]["steps"]
    assert (step["token_start"], step["token_end"]) == (1, 3)


def test_ask_without_log_probs_gives_none(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda body: TRACE) as fake:
        assert main(["ask", picture, "Which side?", "--model", f"{fake.url}#m", "--json"]) == 0
    tokens = json.loads(capsys.readouterr().out)["tokens"]
    assert {(entry["id"], entry["logprob"]) for entry in tokens} == {(None, None)}


@pytest.mark.parametrize(
    "flags",
    [[], ["--method", "all"], ["--method", "occlusion", "--trust"], ["--method", "text_occlusion"]],
)
def test_explain_answers_and_refuses_the_map(
    picture: str, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(traced) as fake:
        assert main(["explain", picture, "Which side?", "--endpoint", f"{fake.url}#m", "--json", *flags]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["meta"]["text"] == TRACE
    for row in record.get("methods", [record]):
        assert "the weights are elsewhere" in row["refused"] and (row.get("hint") or row["meta"]["hint"])


def test_faults_of_ask_are_sentences_with_a_code(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["ask", picture, "Which side?", "--json", "--tries", "1"]
    with serving(lambda body: Fault(500, b"oops")) as fake:
        assert main([*ask, "--endpoint", f"{fake.url}#m"]) == 2
        fault = json.loads(capsys.readouterr().err)
        assert "in 1 try: 500, oops" in fault["error"] and "doctor" not in fault["hint"]
        for flags, words in (
            (["--endpoint", "nowhere"], "no address"),
            (["--endpoint", f"{fake.url}#m", "--model", "base"], "two models"),
            (["--endpoint", f"{fake.url}#m", "--timeout", "soon"], "timeout"),
        ):
            assert main([*ask, *flags]) == 2
            assert words in json.loads(capsys.readouterr().err)["error"]
    assert main([*ask, "--endpoint", f"{fake.url}#m"]) == 2
    assert "can't be reached" in capsys.readouterr().err


def test_a_cut_answer_is_kept_with_a_note(picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda body: Stream([delta("<think>It is on")], cut=True)) as fake:
        assert main(["ask", picture, "Which side?", "--endpoint", f"{fake.url}#m", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["finish"] == "cut" and "Note: The answer is cut" in captured.err


def test_a_run_in_which_everything_failed_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["bench", "run", "--items", items(tmp_path), "--format", "plain", "--out", str(tmp_path / "out")]
    broken = {"now": True}
    with serving(lambda body: Fault(400, b'{"error": "no"}') if broken["now"] else TRACE) as fake:
        flags = ["--endpoint", f"{fake.url}#m", "--json"]
        assert main([*run, *flags]) == 1
        assert "m, image: 3 failed. Most often: The server" in capsys.readouterr().err
        broken["now"] = False
        assert main([*run, *flags]) == 1  # what failed is not asked again unasked
        assert main([*run, *flags, "--retry-failed"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["counts"]["m"]["image"]["failed"] == 0


def test_a_cut_answer_of_a_run_is_a_failed_line_that_keeps_its_text(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serving(lambda body: Stream([delta("<think>It is on")], cut=True)) as fake:
        flags = ["--endpoint", f"{fake.url}#m", "--tries", "1", "--out", str(out)]
        assert main(["bench", "run", "--items", items(tmp_path, 1), "--format", "plain", *flags]) == 1
    (line,) = map(json.loads, (out / "results.jsonl").read_text().splitlines())
    assert line["text"] == "<think>It is on" and line["finish"] == "cut" and "is cut" in line["error"]


def test_each_server_gets_its_own_key_and_no_file_holds_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {name: f"sk-{name}-0123456789" for name in ("model", "judge")}
    for name, key in keys.items():
        (tmp_path / f"{name}.key").write_text(key)
    unit = {"unit_id": "u1", "topic": "side", "claim": "It is left."}
    (tmp_path / "own.jsonl").write_text(
        "".join(
            json.dumps({"question": f"Which side, {n}?", "answer": "left", "perception": [unit]}) + "\n"
            for n in range(3)
        )
    )
    out, asked = tmp_path / "out", iter(range(99))

    def echoes(body: Body) -> str | Fault:
        key = keys["model"].encode()
        return Fault(400, b"bad key " + key) if next(asked) > 2 else TRACE

    with serving(echoes) as fake, serving(lambda body: '{"presence": 2, "correctness": 1}') as grader:
        flags = ["--endpoint", f"{fake.url}#m", "--judge", f"{grader.url}#j", "--out", str(out)]
        run = ["bench", "run", "--items", str(tmp_path / "own.jsonl"), "--format", "plain", *flags]
        assert main([*run, "--key-file", str(tmp_path / "model.key")]) == 2
        assert "One key was given for 2 servers" in capsys.readouterr().err and not fake.keys + grader.keys
        named = [
            f"{server.url}={tmp_path / name}.key" for server, name in ((fake, "model"), (grader, "judge"))
        ]
        assert (
            main(
                [
                    *run,
                    "--key-file",
                    named[0],
                    "--key-file",
                    named[1],
                    "--condition",
                    "image",
                    "--condition",
                    "short_prompt",
                ]
            )
            == 0
        )
        assert set(fake.keys) == {f"Bearer {keys['model']}"} and set(grader.keys) == {
            f"Bearer {keys['judge']}"
        }
    said_here = capsys.readouterr()
    everything = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    everything += [said_here.out.encode(), said_here.err.encode()]
    assert b"[key]" in b"".join(everything)  # the server did repeat it
    assert not any(key.encode() in content for content in everything for key in keys.values())


def test_a_judges_unusable_replies_are_asked_again_when_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, vague = str(tmp_path / "out"), {"now": True}

    def grades(body: Body) -> str:
        return "I can't say." if vague["now"] else '{"score": 1}'

    with serving(lambda body: TRACE) as fake, serving(grades) as grader:
        flags = ["--endpoint", f"{fake.url}#m", "--out", out]
        assert main(["bench", "run", "--items", items(tmp_path), "--format", "plain", *flags]) == 0
        judge = ["bench", "judge", out, "--judge", f"{grader.url}#j", "--json"]
        capsys.readouterr()
        assert main(judge) == 1 and json.loads(capsys.readouterr().out)["unsettled"] == 3
        vague["now"] = False
        asked = len(grader.requests)
        assert main(judge) == 1 and len(grader.requests) == asked
        capsys.readouterr()
        assert main([*judge, "--retry-failed"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["new"], found["unsettled"], len(grader.requests)) == (3, 0, asked + 3)
        assert grader.requests[-1]["seed"] == 3 and "score" in said(grader.requests[-1])
        assert main([*judge, "--retry-failed"]) == 0 and len(grader.requests) == asked + 3
    assert len((tmp_path / "out" / JUDGEMENTS_FILE).read_text().splitlines()) == 6
