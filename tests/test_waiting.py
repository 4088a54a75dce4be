"""Waiting ends with the condition, or says why it never will."""

import sys

import pytest

from tests.waiting import finished, until


def test_a_condition_is_looked_at_until_it_is_true() -> None:
    answers = iter([False, False, True])
    until(lambda: next(answers), "the third answer")
    assert next(answers, None) is None


def test_what_can_not_come_any_more_is_told() -> None:
    with pytest.raises(AssertionError, match="waiting for the page: it ended"):
        until(lambda: False, "the page", lambda: "it ended")


def test_a_command_runs_to_its_end() -> None:
    done = finished([sys.executable, "-c", "import sys; print('out'); sys.exit(3)"])
    assert (done.returncode, done.stdout) == (3, "out\n")
