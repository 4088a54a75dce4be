"""Stored answers judged again: verdicts beside the lines, taken up after a stop, agreement with the rules."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.chat_fakes import Body, Fault, said, serving
from tests.bench.judging.test_preference import judge_for, line
from workbench.bench.judging.verdicts import (
    RESOLVED,
    VERDICTS_FILE,
    AnswerVerdict,
    judge_run,
    judges_agreement,
    read_verdicts,
)
from workbench.models.served import EndpointDown

LINES = [
    line("0", "base", "left"), line("1", "base", "right"), line("2", "base", "left"),
    replace(line("3", "base", "left"), error="no answer", correct=None),
]  # fmt: skip


def given(body: Body) -> str:
    return said(body).split("BEGIN given answer\n")[1].split("\n")[0]


def test_verdicts_are_stored_and_not_asked_for_again(tmp_path: Path) -> None:
    with serving(lambda body: f'{{"score": {int(given(body) == "left")}}}') as fake:
        found = judge_run(tmp_path, LINES, judge_for(fake.url))
        assert (found.n, found.new, found.known, found.unsettled, found.refused) == (3, 3, 0, 0, 0)
        again = judge_run(tmp_path, LINES, judge_for(fake.url))  # without the log of replies
        assert (again.n, again.new, again.known) == (3, 0, 3) and len(fake.requests) == 3
    verdicts = read_verdicts(tmp_path)[found.judge]
    assert {key: verdict.score for key, verdict in verdicts.items()} == {
        "base-0": 1, "base-1": 0, "base-2": 1
    }  # fmt: skip
    assert "grader" in verdicts["base-0"].protocol and verdicts["base-0"].agreement == 1.0


def test_refusals_and_replies_without_a_verdict(tmp_path: Path) -> None:
    def rule(body: Body) -> str | Fault:
        if "in 0?" in said(body):
            return Fault(422)
        return "I can't say." if "in 1?" in said(body) else '{"score": 1}'

    with serving(rule) as fake:
        found = judge_run(tmp_path, LINES, judge_for(fake.url))
        assert (found.n, found.new, found.unsettled, found.refused) == (3, 2, 1, 1)
        again = judge_run(tmp_path, LINES, judge_for(fake.url))
        assert (again.known, again.unsettled, again.refused) == (2, 1, 1) and len(fake.requests) == 4


def test_a_dead_judge_keeps_what_it_said(tmp_path: Path) -> None:
    left = 2

    def rule(body: Body) -> str | Fault:
        nonlocal left
        left -= 1
        return '{"score": 1}' if left >= 0 else Fault(401)

    with serving(rule) as fake:
        with pytest.raises(EndpointDown):
            judge_run(tmp_path, LINES, judge_for(fake.url), concurrency=1)
        assert sum(map(len, read_verdicts(tmp_path).values())) == 2
        with (tmp_path / VERDICTS_FILE).open("a") as stream:
            stream.write('{"key": "cut')
        left = 9
        assert judge_run(tmp_path, LINES, judge_for(fake.url)).new == 1
    assert sum(map(len, read_verdicts(tmp_path).values())) == 3


def test_agreement_of_three_judges_by_hand() -> None:
    def said_by(judge: str, *scores: int | None) -> dict[str, AnswerVerdict]:
        return {
            f"base-{i}": AnswerVerdict(f"base-{i}", judge, "p", score, 1.0) for i, score in enumerate(scores)
        }

    found = judges_agreement(LINES, {"a": said_by("a", 1, 0, 0), "b": said_by("b", 1, None)})
    # rules: right, wrong, right
    assert found.right == {RESOLVED: (pytest.approx(2 / 3), 3), "a": (pytest.approx(1 / 3), 3), "b": (1.0, 1)}
    pair = found.pairs[RESOLVED, "a"]
    # observed 2/3; chance 2/3 · 1/3 + 1/3 · 2/3 = 4/9; kappa (2/9) / (5/9)
    assert (pair.n, pair.observed, pair.kappa) == (3, pytest.approx(2 / 3), pytest.approx(0.4))
    assert found.pairs["a", "b"].n == 1 and found.pairs["a", "b"].left_out == 2
    # answers (1,1,1), (0,0), (1,0): 7 verdicts, four 1 and three 0; disagreement 2 of the last answer.
    # expected pairs 49 − 16 − 9 = 24; alpha = 1 − 6 · 2 / 24
    assert found.alpha == pytest.approx(0.5) and found.n_alpha == 3
