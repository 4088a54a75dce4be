"""Every warning against numbers made by hand, and silence where there is nothing to warn of."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.report_fakes import line, scored, write_run
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report
from workbench.bench.reports.warnings import FEW_IMAGES, warnings_of
from workbench.bench.scores.baselines import Letters
from workbench.bench.store.results import RUN_FILE

LEFT, RIGHT = "left", "right"


def report_of(folder: Path, lines: list[Any], **run: Any) -> Report:
    return build_report(write_run(folder, lines, **run))


def found(report: Report, part: str) -> list[tuple[str, str]]:
    """(level, text) of the warnings that hold these words."""
    return [(one.level, one.text) for one in warnings_of(report) if part in one.text]


def half_and_half(n: int, right: int, condition: str = "image", **other: Any) -> list[Any]:
    """n lines, the gold answer left and right in turn, the first `right` of them answered rightly."""
    return [
        line(
            f"i{i}",
            (LEFT, RIGHT)[i % 2 == (i < right)],
            condition=condition,
            gold=(LEFT, RIGHT)[i % 2],
            **other,
        )
        for i in range(n)
    ]


def test_what_survives_a_blank_image(tmp_path: Path) -> None:
    lines = half_and_half(120, 100) + half_and_half(120, 81, "blank")
    report = report_of(tmp_path, lines)
    text = (
        "81 % of this score survives a blank image: M is right on 100 of 120 questions with the picture and "
        "on 81 with a blank one."
    )
    assert found(report, "survives") == [("warning", text)]
    assert report.warnings == tuple(warnings_of(report))


@pytest.mark.parametrize(("left", "level"), [(80, "warning"), (79, "caution"), (50, "caution"), (49, "note")])
def test_levels_of_what_survives(tmp_path: Path, left: int, level: str) -> None:
    report = report_of(tmp_path, half_and_half(120, 100) + half_and_half(120, left, "shuffled_image"))
    ((given, text),) = found(report, "survives another patient's picture")
    assert given == level and f"and on {left} with another patient's." in text
    assert text.endswith("Some of the other pictures have the same right answer (their modality, say).")


def test_nothing_right_has_nothing_to_survive(tmp_path: Path) -> None:
    report = report_of(tmp_path, half_and_half(4, 0) + half_and_half(4, 2, "blank"))
    assert found(report, "survives") == []


def test_all_survives_and_no_difference_is_shown(tmp_path: Path) -> None:
    report = report_of(tmp_path, half_and_half(6, 5) + half_and_half(6, 6, "blank"))
    ((level, text),) = found(report, "All of this score survives a blank image")
    assert level == "warning" and text.endswith("No difference shown.")


def test_answers_that_another_picture_does_not_change(tmp_path: Path) -> None:
    report = report_of(tmp_path, half_and_half(20, 18) + half_and_half(20, 16, "shuffled_image"))
    told = "Only 10 % of the answers of M change when another patient's picture is shown (n = 20)."
    assert found(report, "only 10 %") == [] and found(report, "Only 10 % of the answers of M change") == [
        ("warning", f"{told} Some of the other pictures have the same right answer (their modality, say).")
    ]


def test_a_guess_that_is_not_beaten(tmp_path: Path) -> None:
    # 26 of 40 right is 65 % [49.5, 77.9]: above one half, but not beyond doubt.
    report = report_of(tmp_path / "in doubt", half_and_half(40, 26))
    (level, text), *_ = found(report, "always giving the most frequent letter")
    assert level == "caution"
    assert text == (
        "M (65 % [50, 78]) is not shown to beat always giving the most frequent letter (50 %), all questions "
        "(n = 40)."
    )
    report = report_of(tmp_path / "below", half_and_half(40, 19))
    assert {level for level, _ in found(report, "is not shown to beat always giving")} == {"warning"}
    report = report_of(tmp_path / "above", half_and_half(40, 27))  # 67.5 % [52.0, 79.9]
    assert found(report, "is not shown to beat always giving") == []


def test_a_guess_is_compared_on_its_own_questions_only(tmp_path: Path) -> None:
    wrong = {"options": (), "gold": "mass", "answer_type": "open"}
    lines = half_and_half(10, 4) + [line(f"o{i}", "mass", **wrong) for i in range(10)]
    (_, text), *_ = found(report_of(tmp_path, lines), "most frequent letter")
    assert "closed questions (n = 10)" in text and text.startswith("M (40 %")


def test_skewed_letters(tmp_path: Path) -> None:
    skewed = [line(f"i{i}", LEFT, gold=LEFT if i < 77 else RIGHT) for i in range(100)]
    report = report_of(tmp_path / "skewed", skewed)
    assert report.letters == Letters(100, {"A": 77, "B": 23}, {"A": 0.5, "B": 0.5})
    ((level, text),) = found(report, "The right answer is A")
    assert level == "caution" and "in 77 % of 100 questions with options (50 % if" in text
    report = report_of(tmp_path / "even", half_and_half(100, 50))
    assert found(report, "The right answer is") == []


def test_letters_with_unlike_numbers_of_options(tmp_path: Path) -> None:
    four = ("a", "b", "c", "d")
    lines = [line("x", LEFT), *(line(f"i{i}", "a", options=four, gold="a") for i in range(3))]
    letters = report_of(tmp_path, lines).letters
    # A and B: (1 · 1/2 + 3 · 1/4) / 4; C and D: 3 · 1/4 / 4
    assert letters.expected == pytest.approx({"A": 5 / 16, "B": 5 / 16, "C": 3 / 16, "D": 3 / 16})
    assert letters.counts == {"A": 4}


def test_few_images(tmp_path: Path) -> None:
    few = report_of(tmp_path / "few", half_and_half(FEW_IMAGES - 1, 60))
    assert found(few, "Only 99 images (fewer than 100)")[0][0] == "caution"
    enough = report_of(tmp_path / "enough", half_and_half(FEW_IMAGES, 60))
    assert found(enough, "fewer than") == []
    shared = report_of(tmp_path / "shared", half_and_half(FEW_IMAGES, 60, image_group="one"))
    assert found(shared, "100 questions share 1 images")[0][0] == "note"


def test_answers_that_can_not_be_read_and_failures(tmp_path: Path) -> None:
    lines = half_and_half(8, 8) + [line("u", None), line("v", None), line("f", None, correct=None, error="x")]
    report = report_of(tmp_path, lines)
    assert found(report, "can't be read") == [
        ("warning", "20 % of the answers of M can't be read as an answer (2 of 10) and count as wrong.")
    ]
    assert found(report, "failed") == [("caution", "1 of 11 questions failed for M and are in no score.")]


def test_choices_that_the_order_of_options_changes(tmp_path: Path) -> None:
    lines = half_and_half(20, 20) + half_and_half(20, 16, "shuffled_options")
    ((level, text),) = found(report_of(tmp_path / "some", lines), "another order")
    assert level == "caution" and "does not keep its choice in 20 % of 20 questions" in text
    lines = half_and_half(20, 20) + half_and_half(20, 19, "shuffled_options")
    assert found(report_of(tmp_path / "few", lines), "another order") == []


def test_badly_calibrated(tmp_path: Path) -> None:
    sure = {"probability": {"answer": 0.95}}
    report = report_of(tmp_path / "sure", half_and_half(20, 16, **sure))  # right 80 times in 100
    ((level, text),) = found(report, "ECE")
    assert level == "caution" and "off by 15 points on average (ECE, n = 20)" in text
    report = report_of(tmp_path / "surer", half_and_half(20, 14, **sure))
    assert found(report, "off by 25 points")[0][0] == "warning"
    report = report_of(tmp_path / "fair", half_and_half(20, 19, **sure))
    assert found(report, "ECE") == []


def test_protocol_judge_and_what_was_left_out(tmp_path: Path) -> None:
    lines = half_and_half(4, 4, axes=scored(0.5)) + half_and_half(4, 4, model="n", mode="short")
    lines += [line("old", LEFT, revision="0")]
    folder = write_run(tmp_path, lines, models={"n": {"mode": "short"}})
    run = folder / "run.json"
    run.write_text(run.read_text().replace('"dropped": {}', '"dropped": {"image missing": 3}'))
    report = build_report(folder)
    ((level, text),) = found(report, "were not asked in the same way")
    assert level == "warning" and "M: trace prompt" in text and "N: short prompt" in text
    assert found(report, "judged by rules (rubric-rules-2)")[0][0] == "note"
    assert found(report, "3 questions were left out: image missing.")[0][0] == "note"
    assert found(report, "1 answers of an earlier model")[0][0] == "note"
    levels = [one.level for one in report.warnings]
    assert levels == sorted(levels, key=("warning", "caution", "note").index)


def test_other_groupings_of_the_same_items(tmp_path: Path) -> None:
    lines = half_and_half(4, 4) + half_and_half(4, 4, model="n", image_group="all")
    ((level, text),) = found(report_of(tmp_path, lines), "several image groups")
    assert level == "caution" and text.startswith("4 questions")


def test_a_stopped_run_and_one_of_fewer_questions(tmp_path: Path) -> None:
    folder = write_run(tmp_path, half_and_half(10, 5))
    run = json.loads((folder / RUN_FILE).read_text())
    for asked, part in (
        (12, "M was asked 10 of 12 questions so far"),
        (8, "run asked 8 questions; answers on 10"),
    ):
        (folder / RUN_FILE).write_text(json.dumps(run | {"items": run["items"] | {"n": asked}}))
        assert [level for level, _ in found(build_report(folder), part)] == ["caution"]
    (folder / RUN_FILE).write_text(json.dumps(run | {"items": run["items"] | {"n": 10}}))
    report = build_report(folder)
    assert found(report, "questions so far") == found(report, "The latest run") == []


def test_no_difference_shown(tmp_path: Path) -> None:
    lines = half_and_half(40, 20) + half_and_half(40, 22, model="n")
    ((level, text),) = found(report_of(tmp_path / "close", lines), "No difference shown in answer accuracy")
    assert level == "note" and "between M and N: +5.0 points [" in text
    assert text.endswith("n = 40 on 40 images.")
    # 5 of 20 more right, none fewer: the interval leaves out zero, but McNemar's p is 2 / 2⁵ = 0.06.
    report = report_of(tmp_path / "p", half_and_half(20, 10) + half_and_half(20, 15, model="n"))
    (row,) = report.differences
    assert row.low > 0 and row.p == 0.0625 and len(found(report, "No difference shown")) == 1
    lines = half_and_half(40, 10) + half_and_half(40, 38, model="n")
    assert found(report_of(tmp_path / "far", lines), "No difference shown") == []
