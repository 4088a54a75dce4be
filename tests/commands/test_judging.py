"""`bench judge|agreement|preference|export|compare` from arguments to text, with a real local server."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bench.chat_fakes import Body, said, serving
from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from workbench.bench.asking.runner import run_bench
from workbench.bench.judging.served_judge import PROTOCOLS as JUDGE_PROTOCOLS
from workbench.bench.reports import export
from workbench.bench.store.results import RESULTS_FILE, RUN_FILE
from workbench.commands import judging
from workbench.commands.outcome import Outcome
from workbench.errors import UserFacing
from workbench.settings import Settings

Command = Callable[..., Outcome]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    models = [FakeModel("base", first_option), FakeModel("tuned", sees_side)]
    return run_bench(sided_items(tmp_path / "items", "LRR"), models, tmp_path / "out")


def leaf(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    made = actions.add_parser(name, help=summary)
    made.add_argument("--json", action="store_true")
    return made


def command(*words: object) -> Outcome:
    parser = argparse.ArgumentParser()
    judging.add_arguments(parser.add_subparsers(dest="action", required=True), leaf)
    args = parser.parse_args([str(word) for word in words])
    assert args.module == "judging"
    return judging.run(args, Settings())


def grade(body: Body) -> str:
    """Answers: only "left" is right. Pairs: the response with reasoning is better."""
    text = said(body)
    if "BEGIN given answer" in text:
        return json.dumps({"score": int(text.split("BEGIN given answer\n")[1].startswith("left"))})
    one = text.split("BEGIN response one")[1].split("END response one")[0]
    two = text.split("BEGIN response two")[1].split("END response two")[0]
    reasons = ("spot on" in one, "spot on" in two)
    return json.dumps({"preferred": 0 if reasons[0] == reasons[1] else -1 if reasons[0] else 1})


def test_choices_are_those_of_the_rooms() -> None:
    assert judging.FORMATS == export.FORMATS and judging.PROTOCOLS == JUDGE_PROTOCOLS


def test_judging_stored_answers_and_their_agreement(out: Path) -> None:
    before = (out / RESULTS_FILE).read_bytes()
    with pytest.raises(UserFacing, match="No judge has judged"):
        command("agreement", out)
    with serving(grade) as fake:
        told = command("judge", out, "--judge", f"{fake.url}#grader")
        assert "12 answers, 12 judged now, 0 before; 0 without" in told.text
        # 3 pictures, 2 questions each: "left" or "right" is said of the same question and gold
        again = json.loads(command("judge", out, "--judge", f"{fake.url}#grader", "--json").text)
        assert (again["n"], again["new"], again["known"]) == (12, 0, 12)
        some = command("judge", out, "--judge", fake.url, "--model", "base", "--judge-protocol", "votes")
        assert "6 answers" in some.text
        with pytest.raises(UserFacing, match="no such answers"):
            command("judge", out, "--judge", fake.url, "--condition", "blank")
    assert (out / RESULTS_FILE).read_bytes() == before
    found = json.loads(command("agreement", out, "--json").text)
    # base says left always, tuned is right: by the rules 2 + 6 right of 12, by the judge 6 + 2 lefts
    assert found["judges"]["answer resolution (rules)"] == {"right": pytest.approx(8 / 12), "n": 12}
    judged = found["judges"]["llm:grader/single/prompt-1"]
    assert judged == {"right": pytest.approx(8 / 12), "n": 12}
    pair = found["pairs"][0]
    # same verdict where it is left and right: base 2, tuned 2
    assert (pair["n"], pair["observed"]) == (12, pytest.approx(4 / 12))
    text = command("agreement", out).text
    assert "same verdict on 33.3 % of 12 answers" in text and "Krippendorff's alpha" in text


def test_preference_between_two_models(out: Path) -> None:
    with serving(grade) as fake:
        told = command("preference", out, "--first", "base", "--second", "tuned", "--judge", f"{fake.url}#g")
        assert "tuned against base, image: 6 won, 0 tied, 0 lost of 6 pairs on 3 images" in told.text
        assert (
            "Won 100.0 % [" in told.text
            and "p 0.25 (exact sign flips by image)" in told.text
            and "Position bias: 0 of 6" in told.text
        )
        with pytest.raises(UserFacing, match="are the same"):
            command("preference", out, "--first", "base", "--second", "base", "--judge", fake.url)


def test_lines_of_an_earlier_model_are_not_judged_nor_counted(out: Path) -> None:
    lines = [json.loads(line) for line in (out / RESULTS_FILE).read_text().splitlines()]
    old = [line | {"key": f"old-{line['key']}", "revision": "0"} for line in lines[:6]]
    old += [old[0] | {"key": "gone", "item_id": "gone", "model": model} for model in ("base", "tuned")]
    with (out / RESULTS_FILE).open("a") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in old)
    with serving(grade) as fake:
        assert "12 answers, 12 judged now" in command("judge", out, "--judge", f"{fake.url}#grader").text
        told = command("preference", out, "--first", "base", "--second", "tuned", "--judge", f"{fake.url}#g")
        assert "6 won, 0 tied, 0 lost of 6 pairs" in told.text
    found = json.loads(command("agreement", out, "--json").text)
    assert found["judges"]["answer resolution (rules)"]["n"] == found["n_alpha"] == 12


def test_a_judge_does_not_judge_itself(out: Path) -> None:
    with serving(grade) as fake:
        run = json.loads((out / RUN_FILE).read_text())
        run["models"]["base"]["label"] = f"grader at {fake.url}"
        (out / RUN_FILE).write_text(json.dumps(run))
        with pytest.raises(UserFacing, match="one of the models"):
            command("judge", out, "--judge", f"{fake.url}#grader")
        assert "6 answers" in command("judge", out, "--judge", f"{fake.url}#grader", "--model", "tuned").text
        with pytest.raises(UserFacing, match="at-once"):
            command("judge", out, "--judge", fake.url, "--at-once", "0")
        with pytest.raises(UserFacing, match="judges reasoning"):
            command("judge", out, "--judge", "rubric-rules-2")


def test_exports_by_the_end_of_the_name(out: Path, tmp_path: Path) -> None:
    assert command("export", out, "--to", tmp_path / "x.csv").text == f"{tmp_path / 'x.csv'}: 12 lines"
    assert "12 lines" in command("export", out, "--to", tmp_path / "x.JSONL").text
    assert command("export", out, "--to", tmp_path / "x.html").text == str(tmp_path / "x.html")
    assert (tmp_path / "x.html").read_text().startswith("<!doctype html>")
    made = json.loads(command("export", out, "--to", tmp_path / "m", "--format", "medix", "--json").text)
    assert list(made["files"].values()) == [6, 6]
    with pytest.raises(UserFacing, match="format"):
        command("export", out, "--to", tmp_path / "x.xlsx")


def test_two_sides_compared(out: Path) -> None:
    text = command("compare", f"{out}#base", f"{out}#tuned").text
    assert "6 questions on 3 images answered by both; only first 0, only second 0" in text
    assert "accuracy, second - first in points: 66.7" in text and "second better 4, same 2, worse 0" in text
    found = json.loads(command("compare", f"{out}#base#image", f"{out}#tuned", "--json").text)
    assert found["n_shared"] == 6 and found["second"]["model"] == "tuned"
    with pytest.raises(UserFacing, match="holds 2 models: base, tuned"):
        command("compare", out, out)
    with pytest.raises(UserFacing, match="too many parts"):
        command("compare", f"{out}#a#b#c", out)
    with pytest.raises(UserFacing, match="no results"):
        command("compare", f"{out}x", out)
