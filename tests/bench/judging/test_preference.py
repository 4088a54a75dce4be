"""Pairwise preference by a served judge: both orders, ties, position bias, intervals by hand."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.chat_fakes import Body, Fault, Rule, said, serving
from workbench.bench.judging.log import JudgeLog
from workbench.bench.judging.preference import (
    Pair,
    prefer,
    read_preferences,
    response_of,
    run_preference,
    summarise,
)
from workbench.bench.judging.served_judge import LLMJudge
from workbench.bench.scores.statistics import wilson
from workbench.bench.store.results import Result
from workbench.errors import UserFacing
from workbench.models.served import ChatServer, EndpointDown, Patience


def line(item: str, model: str, side: str, **fields: object) -> Result:
    text = f"<CT_SCAN><think>The image shows a spot on the {side} side.</think><answer>{side}</answer>"
    known = {
        "key": f"{model}-{item}", "item_id": item, "model": model, "condition": "image",
        "question": f"Which side is it in {item}?", "gold": "left", "answer": side, "correct": side == "left",
        "axes": None, "seconds": 0.1, "text": text, "options": ("left", "right"), "gold_letter": "A",
        "image_group": f"image-{item}",
    }  # fmt: skip
    return Result(**{**known, **fields})


def judge_for(url: str, protocol: str = "single", folder: Path | None = None) -> LLMJudge:
    server = ChatServer(url, "grader", patience=Patience(attempts=2), sleep=lambda seconds: None)
    return LLMJudge(server, protocol, JudgeLog(folder))  # type: ignore[arg-type]


def shown(body: Body) -> tuple[str, str]:
    found = re.findall(r"BEGIN response (?:one|two)\n.*?spot on the (\w+)", said(body), re.DOTALL)
    return found[0], found[1]


def honest(body: Body) -> str:
    return f'Because. {{"preferred": {-1 if shown(body)[0] == "left" else 1}}}'


def always(choice: int) -> Rule:
    return lambda body: f'{{"preferred": {choice}}}'


BASE = [line(str(i), "base", "right") for i in range(4)]
TUNED = [line(str(i), "tuned", "left") for i in range(4)]


def test_a_judge_that_reads_prefers_the_right_side_in_both_orders() -> None:
    with serving(honest) as fake:
        pairs, missing = prefer(BASE, TUNED, judge_for(fake.url))
        bodies = fake.requests
    assert [pair.outcome for pair in pairs] == ["second"] * 4 and missing == {}
    assert {pair.choices for pair in pairs} == {(1, 1)}
    assert sorted(shown(body) for body in bodies) == [("left", "right")] * 4 + [("right", "left")] * 4
    text = said(bodies[0])
    assert "base" not in text and "tuned" not in text and "<think>" not in text and "CT_SCAN" not in text
    assert "A. left" in text and "Answer: left" in text


def test_a_judge_that_takes_the_first_shown_decides_nothing() -> None:
    with serving(always(-1)) as fake:
        pairs, _ = prefer(BASE, TUNED, judge_for(fake.url))
    found = summarise(pairs, "p")
    assert (found["win"], found["tie"], found["loss"]) == (0, 4, 0)
    assert found["position_bias"] == {
        "n": 4, "inconsistent": 4, "share": 1.0, "shown_first": 4, "shown_last": 0
    }  # fmt: skip
    assert found["win_rate"]["value"] is None and found["win_rate"]["p"] is None
    with serving(always(1)) as fake:
        pairs, _ = prefer(BASE, TUNED, judge_for(fake.url))
    assert summarise(pairs, "p")["position_bias"]["shown_last"] == 4


def test_the_summary_by_hand() -> None:
    choices = [(1, 1)] * 6 + [(-1, -1)] * 2 + [(0, 0), (1, 0), (-1, 1), (1, None)]
    pairs = [Pair(str(i), f"image-{i}", choice) for i, choice in enumerate(choices)]
    found = summarise([*pairs, Pair("x", "image-x", (0, 0), identical=True)], "p")
    assert (found["n"], found["win"], found["loss"], found["tie"]) == (12, 6, 2, 4)
    assert (found["unsettled"], found["identical"]) == (1, 1)
    rate, bounds = found["win_rate"], wilson(6, 8)
    assert rate["value"] == 0.75 and rate["n"] == 8
    assert (rate["low"], rate["high"]) == pytest.approx((bounds.low, bounds.high))
    # exact sign test: 2 · (1 + 8 + 28) / 2⁸
    assert rate["p"] == pytest.approx(74 / 256)
    assert found["net"]["value"] == pytest.approx(4 / 12) and found["net"]["low"] < 4 / 12
    assert found["position_bias"] == {
        "n": 11, "inconsistent": 2, "share": pytest.approx(2 / 11), "shown_first": 1, "shown_last": 0
    }  # fmt: skip
    empty = summarise([], "p")
    assert empty["n"] == 0 and empty["net"]["value"] is None and empty["position_bias"]["share"] is None


def test_identical_responses_are_a_tie_without_asking() -> None:
    with serving(always(1)) as fake:
        pairs, _ = prefer(BASE[:1], [replace(BASE[0], model="tuned")], judge_for(fake.url))
        assert fake.requests == []
    assert pairs[0].identical and pairs[0].outcome == "tie"


def test_two_votes_that_differ_are_a_tie() -> None:
    replies = {0: '{"preferred": -1}', 1: '{"preferred": 1}', 2: "no verdict"}
    with serving(lambda body: replies[body["seed"]]) as fake:
        pairs, _ = prefer(BASE[:1], TUNED[:1], judge_for(fake.url, "votes"))
        assert len(fake.requests) == 6
    assert pairs[0].choices == (0, 0)


def test_unpaired_and_refused_items_are_counted() -> None:
    def rule(body: Body) -> str | Fault:
        return Fault(422) if "in 3?" in said(body) else honest(body)

    failed = replace(TUNED[0], error="no answer")
    with serving(rule) as fake:
        pairs, missing = prefer(BASE, [failed, *TUNED[1:]], judge_for(fake.url))
    assert [pair.item_id for pair in pairs] == ["1", "2"]
    assert missing == {"answered by one model only": 1, "refused by the server": 1}
    with serving(honest) as fake, pytest.raises(UserFacing, match="in common"):
        prefer(BASE[:1], TUNED[1:], judge_for(fake.url))
    with serving(honest) as fake, pytest.raises(UserFacing, match="not asked the same"):
        prefer(BASE[:1], [replace(TUNED[0], question="Else?")], judge_for(fake.url))


def test_a_stopped_judging_goes_on_from_its_record_and_is_summarised(tmp_path: Path) -> None:
    left = 3

    def rule(body: Body) -> str | Fault:
        nonlocal left
        left -= 1
        return honest(body) if left >= 0 else Fault(401)

    lines = [*BASE, *TUNED, line("0", "tuned", "left", condition="blank")]
    with serving(rule) as fake:
        with pytest.raises(EndpointDown):
            run_preference(
                tmp_path, lines, ("base", "tuned"), condition="image",
                judge=judge_for(fake.url, folder=tmp_path), concurrency=1,
            )  # fmt: skip
        assert read_preferences(tmp_path) == []
        left, before = 99, len(fake.requests)
        judge = judge_for(fake.url, folder=tmp_path)
        found = run_preference(tmp_path, lines, ("base", "tuned"), condition="image", judge=judge)
        assert len(fake.requests) == before + 5
        assert run_preference(tmp_path, lines, ("base", "tuned"), condition="image", judge=judge) == found
        with pytest.raises(UserFacing, match="no 'image' lines of 'nobody'"):
            run_preference(tmp_path, lines, ("base", "nobody"), condition="image", judge=judge)
    assert (
        found["win"] == 4 and found["pairs"][0]["outcome"] == "second" and "both orders" in found["protocol"]
    )
    (kept,) = read_preferences(tmp_path)
    assert kept["judge"] == judge.id and "pairs" not in kept and kept["origin"] == "measured"


def test_a_response_shows_reasoning_and_answer_alone() -> None:
    assert response_of(BASE[0]) == "The image shows a spot on the right side.\nAnswer: right"
    assert response_of(replace(BASE[0], text="", answer=None)) == "Answer: none given"
