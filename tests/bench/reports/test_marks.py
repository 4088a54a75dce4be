"""Tags, contradictions, tasks and judged accuracy in a report, with numbers worked out by hand."""

import json
from pathlib import Path

import pytest

from tests.bench.report_fakes import line, write_run
from workbench.bench.judging.verdicts import VERDICTS_FILE
from workbench.bench.reports.build import build_report
from workbench.bench.reports.html import html_report
from workbench.bench.reports.model import Report
from workbench.bench.reports.stored import open_report
from workbench.bench.reports.text import bench_table_text


def text(tag: str, concluded: str, answer: str) -> str:
    return (
        f"{tag}<think>A spot. Therefore the spot is on the {concluded} side.</think><answer>{answer}</answer>"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        line("a", "left", text=text("<CT_SCAN>", "left", "left"), task="one"),
        line("b", "left", text=text("<X_RAY>", "right", "left"), task="one"),
        line("c", "right", text=text("<CT>", "right", "right"), task="one"),
        line("d", "left", text=text("<CT_SCAN>", "left", "left"), task="two", modality="thermography"),
        line("e", "right", text="right", task="two", answer_type="open"),
        line("f", "left", error="no answer", task="two", correct=None),
        line("a", "left", text=text("<X_RAY>", "left", "left"), task="one", condition="blank"),
    ]
    return write_run(tmp_path / "run", lines)


def judge(folder: Path, scores: dict[str, int | None]) -> None:
    rows = [
        {"key": f"{item}-m-image-0-1", "judge": "llm:j", "protocol": "p", "score": score, "agreement": 1.0}
        for item, score in scores.items()
    ]
    (folder / VERDICTS_FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_tags_are_counted_over_pictures_whose_kind_is_known(folder: Path) -> None:
    report = build_report(folder)
    found = report.modality_tags["m"]["image"]
    assert (found.right.n, found.right.value) == (3, pytest.approx(1 / 3))
    assert found.states == {"agrees": 1, "differs": 1, "no tag": 1, "not known": 1, "unknown tag": 1}
    blank = report.modality_tags["m"]["blank"]
    assert (blank.right.n, blank.states) == (0, {"not known": 1})


def test_contradictions_are_counted_over_answers_with_reasoning(folder: Path) -> None:
    found = build_report(folder).contradictions["m"]["image"]
    assert (found.n, found.value) == (4, pytest.approx(1 / 4))


def test_the_mean_over_tasks_is_not_the_mean_over_answers(folder: Path) -> None:
    report = build_report(folder)
    found = report.by_task["m"]["image"]
    assert {name: (task.n, task.value) for name, task in found.tasks.items()} == {
        "one": (3, pytest.approx(2 / 3)),
        "two": (2, pytest.approx(1 / 2)),
    }
    # Variances of the shares: (2·(1/3)² + (2/3)²) / 3² · 3/2 = 1/9, and 2·(1/2)² / 2² · 2 = 1/4.
    spread = 1.959964 * (1 / 9 + 1 / 4) ** 0.5 / 2
    assert (found.mean.value, found.mean.n) == (pytest.approx(7 / 12), 5)
    assert (found.mean.low, found.mean.high) == (pytest.approx(max(0, 7 / 12 - spread)), 1.0)
    assert "2 tasks, unweighted" in found.mean.protocol


def test_judged_accuracy_by_kind_and_task_with_a_third_state(folder: Path) -> None:
    judge(folder, {"a": 1, "b": 0, "c": None, "e": 1})
    found = build_report(folder).judged["llm:j"]["m"]["image"]
    assert (found.accuracy.overall.n, found.accuracy.overall.value) == (3, pytest.approx(2 / 3))
    assert (found.accuracy.open.n, found.accuracy.open.value) == (1, 1)
    assert (found.unparsed, found.unjudged) == (1, 1)
    assert {name: task.value for name, task in found.by_task.tasks.items()} == {"one": 0.5, "two": 1.0}
    assert found.by_task.mean.value == pytest.approx(0.75) and found.by_task.mean.low is None
    assert "blank" not in build_report(folder).judged["llm:j"]["m"]


def test_new_verdicts_make_a_stored_report_anew(folder: Path) -> None:
    assert open_report(folder).judged == {}
    judge(folder, {"a": 1})
    assert open_report(folder).judged["llm:j"]["m"]["image"].accuracy.overall.n == 1


def test_text_page_and_json_tell_of_it(folder: Path) -> None:
    judge(folder, {"a": 1, "b": 0, "c": None, "e": 1})
    report = build_report(folder)
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report
    table = bench_table_text(report)
    assert "mean over tasks" in table and "contradicts itself" in table and "Judged accuracy" in table
    page = html_report(folder)
    assert "Judged accuracy" in page and "Modality tag right" in page
    assert "Contradiction: Step 2 concludes “right”, the answer is “left”." in page
    assert "the picture is of the kind “CT”" in page
