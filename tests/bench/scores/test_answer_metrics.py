"""Registered figures of an answer: their numbers by hand, and one that is added from outside."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.report_fakes import line, write_run
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.scores.answer_metrics import (
    ANSWER_METRICS,
    OVERLAP_CAVEAT,
    AnswerMetric,
    answer_scores,
    mean_over_answers,
)
from workbench.bench.scores.scoring import bleu1, exact_match
from workbench.bench.store.run_lines import answered


def test_every_figure_of_result_lines_by_hand() -> None:
    open_ = {"options": (), "answer_type": "open"}
    lines = [
        line("a", "left"),  # the option chosen is the answer
        line("b", "left", gold="right"),
        line("c", "right", answer="B", answer_letter="B", gold="right"),
        line("d", "no", gold="no fracture", **open_),
        line("e", None, gold="mass", **open_),
        line("f", None, gold="mass", error="broken", **open_),
    ]
    found = answer_scores(answered(lines), "how")
    assert found["token_f1"].value == pytest.approx((1 + 0 + 1 + 2 / 3 + 0) / 5)
    assert found["bleu1"].value == pytest.approx((1 + 0 + 1 + math.exp(-1) + 0) / 5)
    # corpus: matched 1 + 0 + 1 + 1 + 0, given 4, reference 1 + 1 + 1 + 2 + 1
    assert found["bleu1_corpus"].value == pytest.approx(math.exp(1 - 6 / 4) * 3 / 4)
    # left: given 2, gold 1, right 1 → 2/3; right: given 1, gold 2, right 1 → 2/3
    assert found["macro_f1"].value == pytest.approx(2 / 3)
    assert (found["macro_f1"].n, found["token_f1"].n, found["macro_f1"].method) == (
        3,
        5,
        "no interval",
    )
    assert answer_scores([], "how") == {}
    assert answer_scores(answered(lines[3:]), "how")["macro_f1"].value is None


@pytest.fixture
def short_answers() -> Iterator[AnswerMetric]:
    metric = AnswerMetric(
        "short",
        "short answers",
        "answers of one word",
        mean_over_answers(lambda given, gold: " " not in given),
    )
    yield ANSWER_METRICS.register(metric)
    ANSWER_METRICS.unregister("short")


def test_a_figure_from_outside_is_in_the_report_and_its_table(
    tmp_path: Path, short_answers: AnswerMetric
) -> None:
    before = [line("a", "left"), line("b", "left lung", options=(), gold="right lung")]
    report = build_report(write_run(tmp_path, before))
    assert report.text_scores["m"]["image"]["short"].value == 0.5
    assert short_answers.label in bench_table_text(report)
    ANSWER_METRICS.unregister("short")
    assert Report.from_json(report.to_json()) == report  # a stored report keeps what its maker had registered
    assert short_answers.label not in bench_table_text(report)
    ANSWER_METRICS.register(short_answers)


def test_every_figure_says_what_it_is() -> None:
    for metric in ANSWER_METRICS.values():
        assert metric.label and metric.meaning and metric.cost and metric.low < metric.high


def test_of_several_gold_answers_the_best_counts() -> None:
    """BLEU-1 of "axial" is 1 against "axial", exp(-1) against "axial plane"; of all, the nearest length."""
    open_ = {"options": (), "answer_type": "open", "answer_letter": None, "gold_letter": None}
    lines = [line("a", "axial", gold="axial plane", alternatives=("axial", "transverse"), **open_)]
    found = answer_scores(lines, "how")
    for name in ("bleu1", "bleu1_corpus", "exact_match", "token_f1", "token_precision", "token_recall"):
        assert found[name].value == 1
    assert (
        answer_scores([line("a", "axial", gold="axial plane", **open_)], "how")["token_recall"].value == 0.5
    )


def test_open_questions_have_a_table_with_its_caveat(tmp_path: Path) -> None:
    open_ = {"options": (), "answer_type": "open", "answer_letter": None, "gold_letter": None}
    write_run(tmp_path, [line("a", "left"), line("b", "no", gold="no fracture", **open_)])
    report = build_report(tmp_path)
    found = report.open_scores["m"]["image"]
    assert found["bleu1"].value == pytest.approx(math.exp(-1)) and found["bleu1"].n == 1
    text = bench_table_text(report)
    assert "Open questions" in text and "Word overlap is not meaning" in text


def test_the_caveat_states_true_figures() -> None:
    assert [f"{bleu1(text, 'no fracture'):.2f}" for text in ("no", "a fracture")] == ["0.37", "0.50"]
    assert not exact_match("no", "no fracture") and "0.37" in OVERLAP_CAVEAT and "0.50" in OVERLAP_CAVEAT
