"""Radar and reliability figures: the numbers in them are those of the report, and nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from tests.bench.report_fakes import bare_report, number
from workbench.bench.asking.runner import run_bench
from workbench.bench.reports.build import build_report
from workbench.bench.reports.figures import RADAR_CAPTION, radar_figure, reliability_figure
from workbench.bench.reports.model import ItemsFacts, ModelFacts, Report
from workbench.bench.scores.calibration import Bin, Calibration
from workbench.bench.scores.measure import AxisNumbers, TraceNumbers
from workbench.bench.scores.numbers import ByKind, Number


def around(value: float | None, n: int = 10) -> Number:
    """A number with an interval of ten points on both sides."""
    return number(value, *(None, None) if value is None else (value - 0.1, value + 0.1), n=n)


def by_kind(value: float) -> ByKind:
    return ByKind(around(value), around(None), around(None))


def axes(*values: float | None) -> TraceNumbers:
    nothing = around(None)
    found = [AxisNumbers(nothing, nothing, around(value)) for value in values]
    return TraceNumbers(*found, trace_score=nothing)


def written() -> Report:
    curve = (
        Bin(low=0.5, high=0.6, n=4, confidence=0.55, accuracy=0.25),
        Bin(low=0.9, high=1.0, n=16, confidence=0.95, accuracy=0.75),
    )
    whole = (Bin(low=0.0, high=0.1, n=20, confidence=0.02, accuracy=0.65),)
    # ECE by hand: 4/20 · |0.25 − 0.55| + 16/20 · |0.75 − 0.95| = 0.06 + 0.16 = 0.22
    return bare_report(
        items=ItemsFacts("x"),
        models=(ModelFacts("base", "<i>Base</i>", "p"), ModelFacts("tuned", "Tuned", "p")),
        accuracy={model: {"image": by_kind(value)} for model, value in (("base", 0.25), ("tuned", 0.65))},
        axes={"base": {"image": axes(0.1, 0.2, None)}, "tuned": {"image": axes(0.5, 0.625, 0.75)}},
        calibration={
            "base": {"image": {}},
            "tuned": {
                "image": {
                    "answer": Calibration(**vars(around(0.22, 20)), curve=curve),
                    "text": Calibration(**vars(around(0.63, 20)), curve=whole),
                }
            },
        },
    )


def test_radar_has_the_scores_on_its_spokes_and_closes() -> None:
    base, tuned = radar_figure(written()).data
    assert list(tuned.theta) == ["Perception", "Knowledge", "Rationale", "Answer accuracy", "Perception"]
    assert list(tuned.r) == [50.0, 62.5, 75.0, 65.0, 50.0]
    assert list(base.r) == [10.0, 20.0, None, 25.0, 10.0]  # not measured is a gap, not a zero
    assert base.connectgaps is False and base.name == "&lt;i&gt;Base&lt;/i&gt;"
    assert tuned.customdata[1] == "(52.5 to 72.5; Wilson), n = 10" and base.customdata[2] == ""


def test_radar_warns_of_areas_and_starts_at_zero() -> None:
    figure = radar_figure(written())
    assert RADAR_CAPTION in figure.layout.title.text and "area" in RADAR_CAPTION
    assert tuple(figure.layout.polar.radialaxis.range) == (0, 100)
    assert all(trace.fill is None for trace in figure.data)


def test_radar_says_what_it_is_of_and_of_how_many() -> None:
    assert "x: 20 questions on 20 images" in radar_figure(written()).layout.title.text


def test_radar_of_two_spokes_is_empty() -> None:
    report = replace(written(), axes={m: {"image": axes(0.5, None, None)} for m in ("base", "tuned")})
    assert len(radar_figure(report).data) == 0
    assert len(radar_figure(written(), "blank").data) == 0


def test_reliability_has_a_point_a_bin_with_its_n() -> None:
    diagonal, answer, text = reliability_figure(written()).data
    assert list(diagonal.x) == list(diagonal.y) == [0, 100]
    assert list(answer.x) == pytest.approx([55, 95]) and list(answer.y) == [25.0, 75.0]
    assert list(answer.text) == ["4", "16"]
    assert "ECE 22.0 points (n = 20)" in answer.name and answer.name.startswith("Tuned, ")
    assert answer.customdata[0] == "stated 50 to 60 %"
    assert (answer.marker.size[1] / answer.marker.size[0]) ** 2 == pytest.approx(20 / 5)  # 26² : 13² = 16 : 4
    assert text.visible == "legendonly" and text.line.dash == "dot"


def test_without_probabilities_the_reliability_figure_is_empty() -> None:
    assert len(reliability_figure(replace(written(), calibration={})).data) == 0
    assert len(reliability_figure(written(), "blank").data) == 0


def test_both_draw_a_report_that_was_run(tmp_path: Path) -> None:
    models = [FakeModel("base", first_option), FakeModel("tuned", sees_side)]
    report = build_report(run_bench(sided_items(tmp_path / "items", "LLRRRR"), models, tmp_path / "out"))
    base, tuned = radar_figure(report).data
    assert list(tuned.r) == [100.0] * 4 and base.r[2] == pytest.approx(100 * 4 / 12)
    for curve in reliability_figure(report).data[1:]:
        n = int(re.search(r"n = (\d+)", curve.name)[1])
        assert sum(int(text) for text in curve.text) == n == 12
    assert radar_figure(report).to_json() and reliability_figure(report).to_json()
