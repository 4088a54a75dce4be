"""Votes out of replies, and verdicts out of votes."""

import pytest

from workbench.bench.judging.votes import read_vote, settle

UNIT = {"presence": range(0, 3), "correctness": range(-1, 2)}
SCORE = {"score": range(0, 2)}


@pytest.mark.parametrize(
    ("reply", "vote"),
    [
        ('It is stated. {"presence": 2, "correctness": 1}', (2, 1)),
        ('```json\n{\n"presence": 1,\n"correctness": -1\n}\n```', (1, -1)),
        ('{"presence": "2", "correctness": 1.0}', (2, 1)),
        ('First {"presence": 0, "correctness": 0}, no: {"presence": 2, "correctness": 0}', (2, 0)),
        ('<think>{"presence": 2, "correctness": 1}</think>{"presence": 0, "correctness": 0}', (0, 0)),
        ('<think>maybe {"presence": 2, "correctness": 1}', None),
        ('{"presence": 3, "correctness": 1}', None),
        ('{"presence": 2}', None),
        ('{"presence": 2, "correctness": 0.5}', None),
        ('{"presence": true, "correctness": 1}', None),
        ('{"presence": 2, "correctness": null}', None),
        ('{"presence": NaN, "correctness": Infinity}', None),
        ("presence 2, correctness 1", None),
        ("{broken}", None),
        ("", None),
    ],
)
def test_a_vote_is_read_or_it_is_none(reply: str, vote: tuple[int, ...] | None) -> None:
    assert read_vote(reply, UNIT) == vote


def test_three_votes_settle_on_the_majority() -> None:
    verdict = settle([(1,), (0,), (1,)], ["a", "b", "c"])
    assert verdict.value == (1,) and verdict.agreement == pytest.approx(2 / 3)
    assert settle([(2, 1), (2, -1), (0, 0)], "abc").value == (2, 0)


def test_votes_that_are_missing_count_against_agreement_and_may_leave_no_verdict() -> None:
    # MediX-R1 counts a verdict as right with two ones of three: one 1 and one 0 are not enough
    assert settle([(1,), None, (0,)], "abc").value == (0,)
    two = settle([(1,), None, (1,)], "abc")
    assert two.value == (1,) and two.agreement == pytest.approx(2 / 3)
    none = settle([(1,), None, None], "abc")
    assert none.value is None and none.agreement == 0.0
    assert settle([None], ["x"]).value is None
