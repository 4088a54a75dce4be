"""Image sensitivity, effects of another picture and of the prompt, counted by hand."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.report_fakes import line, write_run
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report


def lines_of(condition: str, says: str, **other: Any) -> list[Any]:
    """One line an item: l left (right), r right (wrong), - no answer."""
    told = {"l": "left", "r": "right", "-": None}
    return [line(f"i{n}", told[letter], condition=condition, **other) for n, letter in enumerate(says)]


@pytest.fixture
def report(tmp_path: Path) -> dict[str, Any]:
    every = [
        *lines_of("image", "llllr-rl"),
        *lines_of("shuffled_image", "llrrr-lr"),
        *lines_of("shuffled_options", "llrrr-ll"),
        *lines_of("short_prompt", "lrrrr-rr"),
    ]
    return build_report(write_run(tmp_path, every))


def test_share_of_answers_that_another_picture_changes(report: Report) -> None:
    found = report.image_sensitivity["m"]
    # Changed: the third, fourth, seventh and eighth of eight; no answer twice is no change.
    assert (found.value, found.n) == (4 / 8, 8)
    assert found.low < 0.5 < found.high and found.method == "Wilson"


def test_accuracy_left_with_another_picture(report: Report) -> None:
    found = report.shuffled_image_effect["m"]
    # With its own 5 of 8 right, with another's 3: both right 2, only with another's 1, only with its own 3.
    assert found.value == pytest.approx(2 / 8)
    assert (found.table.both_right, found.table.only_first, found.table.only_second) == (2, 1, 3)
    assert found.p == pytest.approx(2 * (1 + 4) / 2**4)
    assert report.image_effect == {}


def test_choices_kept_in_another_order(report: Report) -> None:
    # Kept: 1, 2, 5 and 8; no answer twice is not kept.
    assert report.shuffle_consistency["m"].value == 4 / 8


def test_what_asking_for_reasoning_changes(report: Report) -> None:
    found = report.prompt_effect["m"]
    assert (found.first, found.second) == ("short_prompt", "image")
    assert found.value == pytest.approx(5 / 8 - 1 / 8)
    assert found.protocol.startswith("first: short prompt") and "second: trace prompt" in found.protocol
    assert report.accuracy["m"]["short_prompt"].overall.protocol.startswith("short prompt")


def test_failed_items_and_open_answers(tmp_path: Path) -> None:
    other = {"options": (), "gold": "a mass", "answer_type": "open"}
    every = [
        line("a", "A mass.", **other),
        line("a", "mass", condition="shuffled_image", **other),  # the same words once normalised
        line("b", "mass", **other),
        line("b", "fluid", condition="shuffled_image", **other),
        line("c", "mass", **other),
        line("c", None, condition="shuffled_image", error="broken", **other),
    ]
    report = build_report(write_run(tmp_path, every))
    assert (report.image_sensitivity["m"].value, report.image_sensitivity["m"].n) == (1 / 2, 2)
    assert report.prompt_effect == {}
