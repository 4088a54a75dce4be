"""Calibration error against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bench.report_fakes import bare_report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.scores.calibration import (
    RESAMPLES,
    _bootstrap,
    calibration_error,
    calibration_of,
    confidences,
    reliability,
)
from workbench.bench.store.results import Result
from workbench.models.answer import Answer
from workbench.traces import parse_trace


def test_error_by_hand() -> None:
    # bin (0.8, 0.9]: two of 0.9, one right -> |0.5 - 0.9| = 0.4, weight 2/4
    # bin (0.5, 0.6]: two of 0.6, both right -> |1 - 0.6| = 0.4, weight 2/4
    assert calibration_error([0.9, 0.9, 0.6, 0.6], [True, False, True, True]) == pytest.approx(0.4)
    # bin (0.9, 1]: 1.0 right, 0.95 wrong -> |0.5 - 0.975| * 2/3; bin (0.2, 0.3]: 0.25 wrong -> 0.25 * 1/3
    assert calibration_error([1.0, 0.95, 0.25], [True, False, False]) == pytest.approx((0.95 + 0.25) / 3)


def test_certain_and_right_is_calibrated() -> None:
    assert calibration_error([1.0, 1.0, 0.0], [True, True, False]) == 0


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(ValueError):
        calibration_error([], [])
    with pytest.raises(ValueError):
        calibration_error([0.5], [True, False])


def test_reliability_leaves_empty_bins_out_and_edges_go_below() -> None:
    rows = reliability([0.0, 0.1, 0.11, 1.0], [False, True, True, True])
    assert [(row.low, row.n) for row in rows] == [(0.0, 2), (0.1, 1), (0.9, 1)]
    assert rows[0].accuracy == 0.5 and rows[0].confidence == pytest.approx(0.05)


def test_confidences_of_the_answer_and_of_the_text() -> None:
    text = "<think>It is big.</think><answer>yes</answer>"
    cuts = ["<think>", "It is big.", "</think>", "<answer>", "yes", "</answer>"]
    ends = [sum(map(len, cuts[: n + 1])) for n in range(len(cuts))]
    offsets = tuple(zip([0, *ends[:-1]], ends, strict=True))
    logprobs = (-0.1, -0.2, 0.0, 0.0, -0.5, -0.05)
    found = confidences(Answer(tuple(range(6)), text, offsets, logprobs, "stop"), parse_trace(text))
    assert found["answer"] == pytest.approx(2.718281828**-0.5)
    assert found["text"] == pytest.approx(2.718281828**-0.85)
    assert confidences(Answer(), parse_trace("")) == {}


def test_report_part_counts_by_image_and_skips_failures() -> None:
    line = Result("k", "i", "tuned", "image", "q", "yes", "yes", True, None, 0.1, image_group="a")
    lines = [
        replace(line, probability={"answer": 0.9, "text": 0.5}),
        replace(line, correct=False, image_group="b", probability={"answer": 0.9}),
        replace(line, correct=None, error="lost"),
    ]
    found = calibration_of(lines, "greedy")
    assert found["answer"].value == pytest.approx(0.4) and found["answer"].n == 2
    assert found["answer"].low <= 0.4 <= found["answer"].high
    assert found["text"].n == 1 and found["text"].low is None
    report = bare_report(calibration={"tuned": {"image": found}, "base": {"image": {}}})
    *_, head, row = bench_table_text(report).splitlines()
    assert head.split("  ")[0] == "Calibration error (ECE)" and row.split() == [
        "tuned,",
        "image",
        "0.400",
        "0.500",
    ]


def test_interval_is_that_of_resampling_whole_images() -> None:
    rng = np.random.default_rng(3)
    p, hit = rng.random(30), (rng.random(30) < 0.5).astype(float)
    clusters = [str(number // 3) for number in range(30)]
    draws, found = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        rows = np.concatenate([3 * image + np.arange(3) for image in draws.integers(10, size=10)])
        found.append(calibration_error(p[rows], hit[rows]))
    assert _bootstrap(p, hit, clusters) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])))
