"""Faults become sentences; visitors' words never reach the log."""

import logging
import re

import pytest

from workbench.errors import UserFacing
from workbench.ui.boundary import guarded, sentence_for


def test_a_user_facing_fault_is_shown_as_it_is() -> None:
    assert sentence_for(UserFacing("No picture.", "Add one.")) == {
        "message": "No picture.",
        "hint": "Add one.",
    }


def test_anything_else_gets_a_reference_that_is_in_the_log_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = "Jane Doe"
    try:
        raise RuntimeError(words)
    except RuntimeError as fault:
        with caplog.at_level(logging.ERROR):
            said = sentence_for(fault)
    reference = re.search(r"reference ([0-9a-f]{8})", said["hint"]).group(1)
    assert reference in caplog.text and "RuntimeError" in caplog.text
    assert words not in caplog.text + said["message"] + said["hint"]


def test_a_guarded_function_clears_the_notice_or_fills_it() -> None:
    @guarded("notice")
    def half(number: int) -> dict:
        if number % 2:
            raise UserFacing("Odd.")
        return {"result": number // 2}

    assert half(4) == {"notice": None, "result": 2}
    assert half(3) == {"notice": {"message": "Odd.", "hint": ""}}


def test_a_guarded_generator_keeps_what_came_before_the_fault_and_passes_closing_on() -> None:
    closed = []

    @guarded("notice")
    def count():
        try:
            yield {"n": 1}
            raise UserFacing("Enough.")
        finally:
            closed.append(True)

    assert list(count()) == [{"notice": None, "n": 1}, {"notice": {"message": "Enough.", "hint": ""}}]
    stream = count()
    next(stream)
    stream.close()
    assert closed == [True, True]
