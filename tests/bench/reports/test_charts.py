"""Figures: order, heights, whiskers, baselines, escaping; published figures look different."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from workbench.bench.asking.runner import run_bench
from workbench.bench.reports.build import build_report
from workbench.bench.reports.charts import axis_figure, difference_figure, published_figure
from workbench.bench.reports.model import Report
from workbench.bench.reports.published import PKR_TABLE, load_published, published_table


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("bench")
    models = [FakeModel("<b>base</b>", first_option), FakeModel("tuned", sees_side)]
    items = sided_items(path / "items", "LLRRRR")
    return build_report(run_bench(items, models, path / "out", conditions=("image", "blank")))


def test_bars_in_the_order_p_r_trace_accuracy(report: Report) -> None:
    figure = axis_figure(report)
    base, tuned = (trace for trace in figure.data if trace.type == "bar")
    heads = [tick.split("<br>n =")[0].replace("<br>", " ") for tick in tuned.x]
    assert heads == ["Perception", "Rationale", "Trace score", "Answer accuracy"]  # no knowledge units here
    assert all("n = 12" in tick and "6 images" in tick for tick in tuned.x)
    assert list(tuned.y) == [100.0] * 4
    assert list(base.y) == pytest.approx([0, 0, 0, 100 * 4 / 12])
    assert tuple(figure.layout.yaxis.range) == (0, 100)


def test_the_crosses_of_blank_images_have_interval_and_n(report: Report) -> None:
    crosses = [trace for trace in axis_figure(report).data if "blank image" in (trace.name or "")]
    assert len(crosses) == 2
    assert all("n = 12" in trace.customdata[0] and " to " in trace.customdata[0] for trace in crosses)


def test_whiskers_are_the_interval_on_both_sides(report: Report) -> None:
    tuned = axis_figure(report).data[1]
    number = report.accuracy["tuned"]["image"].overall
    assert tuned.error_y.symmetric is False
    assert tuned.error_y.array[-1] == 0.0  # all right: nothing above 100 %
    assert tuned.error_y.arrayminus[-1] == pytest.approx(100 * (1 - number.low)) and number.low < 0.7


def test_models_differ_by_lightness_and_axes_by_hue(report: Report) -> None:
    base, tuned = (trace for trace in axis_figure(report).data if trace.type == "bar")
    assert len(set(tuned.marker.color[:3])) == 3
    for light, dark in zip(base.marker.color, tuned.marker.color, strict=True):
        assert brightness(light) > brightness(dark) + 60


def brightness(colour: str) -> float:
    return sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) / 3


def test_baseline_line_and_blank_marks(report: Report) -> None:
    figure = axis_figure(report)
    (line,) = figure.layout.shapes
    assert line.y0 == line.y1 == pytest.approx(100 * 8 / 12) and line.x0 < 3 < line.x1
    assert any("most frequent letter: 66.7" in trace.name for trace in figure.data)
    crosses = [trace for trace in figure.data if trace.name.endswith("blank image")]
    assert [trace.y[0] for trace in crosses] == pytest.approx([100 * 4 / 12] * 2)


def test_names_of_models_are_escaped(report: Report) -> None:
    names = [trace.name for trace in axis_figure(report).data] + [
        trace.name for trace in difference_figure(report).data
    ]
    assert any("&lt;b&gt;base" in name for name in names) and not any("<b>" in name for name in names)


def test_forest_plot(report: Report) -> None:
    figure = difference_figure(report)
    (rows,) = figure.data
    assert list(rows.x) == pytest.approx([100, 100, 100, 100 * 8 / 12])
    # 8 questions on 4 images: 2 / 2⁴, so nothing is shown although the interval leaves zero out.
    assert rows.text[-1].startswith("+66.7, p = 0.125") and rows.marker.symbol[-1] == "circle-open"
    assert rows.y[-1].endswith("n = 12<br>6 images") and "sign flips by image" in rows.customdata[-1]
    surer = replace(report, differences=tuple(replace(row, p=0.01) for row in report.differences))
    assert difference_figure(surer).data[0].marker.symbol[-1] == "circle"
    assert any(shape.x0 == shape.x1 == 0 for shape in figure.layout.shapes)
    assert rows.error_x.arrayminus[-1] > 0


def test_nothing_to_compare_is_an_empty_plot(report: Report) -> None:
    assert len(difference_figure(replace(report, differences=())).data) == 0
    assert len(axis_figure(report, "shuffled_options").data) == 0


def test_published_bars_look_different_and_name_their_source() -> None:
    table = published_table(PKR_TABLE)
    figure = published_figure(table)
    assert all(trace.marker.pattern.shape == "/" for trace in figure.data)
    assert all(trace.error_y.array is None for trace in figure.data)
    title = figure.layout.title.text
    assert "Published by its authors, not measured here" in title and table.source in title
    assert list(figure.data[2].y) == [34.3, 34.5, 43.5, 37.4, 47.1]
    assert figure.data[2].text[0] == "34.3"


def test_every_published_table_can_be_drawn() -> None:
    for table in load_published():
        figure = published_figure(table)
        assert len(figure.data) == len(table.rows)
        assert ("Re-evaluated by others" in figure.layout.title.text) == (table.origin == "re-evaluated")


def test_figures_survive_a_page(report: Report, tmp_path: Path) -> None:
    published = published_figure(published_table(PKR_TABLE))
    for figure in (axis_figure(report), difference_figure(report), published):
        assert figure.to_json()
