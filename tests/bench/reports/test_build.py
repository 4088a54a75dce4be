"""The report of a run whose every number can be worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from tests.bench.report_fakes import line, write_run
from workbench.bench.asking.runner import run_bench
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.scores.statistics import wilson
from workbench.bench.store.results import RESULTS_FILE
from workbench.errors import UserFacing

CONDITIONS = ("image", "blank", "shuffled_options")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base says the first option, tuned is right; 6 pictures, 2 questions each, gold left 4 and right 8."""
    path = tmp_path_factory.mktemp("bench")
    items = sided_items(path / "items", "LLRRRR")
    models = [FakeModel("base", first_option), FakeModel("tuned", sees_side)]
    return run_bench(items, models, path / "out", conditions=CONDITIONS)


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return build_report(folder)


def test_accuracy_by_model_and_condition(report: Report) -> None:
    found = {
        model: {condition: numbers.overall.value for condition, numbers in conditions.items()}
        for model, conditions in report.accuracy.items()
    }
    # Blank: both say left. Shuffled: the first option is now "right".
    assert found["base"] == pytest.approx({"image": 4 / 12, "blank": 4 / 12, "shuffled_options": 8 / 12})
    assert found["tuned"] == pytest.approx({"image": 1.0, "blank": 4 / 12, "shuffled_options": 1.0})
    number = report.accuracy["tuned"]["image"].overall
    assert (number.n, number.n_clusters, number.origin) == (12, 6, "measured")
    assert (number.low, number.high) == (wilson(6, 6).low, 1.0)
    assert report.accuracy["tuned"]["image"].open.value is None


def test_axes_and_trace_score(report: Report) -> None:
    tuned, base = report.axes["tuned"]["image"], report.axes["base"]["image"]
    for axis in ("perception", "rationale"):
        assert [tuned.of(axis).of(part).value for part in ("presence", "correctness", "score")] == [1, 1, 1]
        assert base.of(axis).score.value == 0.0  # it gives no reasoning
    assert tuned.knowledge.score.value is None  # no units
    assert tuned.trace_score.value == 1.0 and tuned.trace_score.n == 12
    # On blank pictures "left" is told: right in 4 of 12 traces, present in all.
    blank = report.axes["tuned"]["blank"].perception
    assert (blank.presence.value, blank.score.value) == pytest.approx((1.0, 4 / 12))
    pooled = report.axes_pooled["tuned"]["blank"]
    assert pooled.perception.correctness == pytest.approx(4 / 12)
    assert pooled.trace_score == pytest.approx(4 / 12)


def test_baselines(report: Report) -> None:
    found = {name: numbers.overall.value for name, numbers in report.baselines.items()}
    assert found["majority_letter"] == pytest.approx(8 / 12)
    assert found["majority_answer"] == pytest.approx(8 / 12)
    assert found["question_majority_generous"] == pytest.approx(8 / 12)


def test_differences_are_paired_and_tested(report: Report) -> None:
    rows = {row.metric: row for row in report.differences if row.condition == "image"}
    assert "knowledge" not in rows
    accuracy = rows["accuracy"]
    assert (accuracy.first, accuracy.second, accuracy.n) == ("base", "tuned", 12)
    assert accuracy.value == pytest.approx(8 / 12) and accuracy.low > 0
    assert accuracy.table.only_second == 8 and accuracy.table.only_first == 0
    assert accuracy.p == 2 / 2**4  # the 8 lie on 4 images, two on each
    assert rows["perception"].p_holm == pytest.approx(2 * rows["perception"].p)
    assert accuracy.p_holm is None


def test_image_effect_and_shuffling(report: Report) -> None:
    assert report.image_effect["tuned"].value == pytest.approx(8 / 12)
    assert report.image_effect["base"].value == 0.0 and report.image_effect["base"].p == 1.0
    assert report.shuffle_consistency["tuned"].value == 1.0
    assert report.shuffle_consistency["base"].value == 0.0


def test_slices_add_up(report: Report) -> None:
    by_modality = {part.value: part for part in report.slices["modality"]}
    assert {name: part.n for name, part in by_modality.items()} == {"X-ray": 6, "CT": 6}
    base = {name: part.accuracy["base"]["image"].overall.value for name, part in by_modality.items()}
    assert base == pytest.approx({"X-ray": 4 / 6, "CT": 0.0})


def test_counts_and_counted_leftovers(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "LR")
    (tmp_path / "items" / "1.png").unlink()
    (tmp_path / "items" / "1.png").write_text("no picture")
    out = run_bench(items, [FakeModel("m", lambda question, image: "neither of them")], tmp_path / "out")
    report = build_report(out)
    counts = report.counts["m"]["image"]
    assert (counts.n, counts.failed, counts.invalid) == (4, 2, 2)
    number = report.accuracy["m"]["image"].overall
    assert (number.value, number.n) == (0.0, 2)  # invalid is wrong, failed is left out
    assert report.differences == ()


def test_lines_of_an_earlier_revision_do_not_count(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "RR")
    out = run_bench(items, [FakeModel("m", first_option, "old")], tmp_path / "out")
    run_bench(items, [FakeModel("m", sees_side, "new")], out)
    report = build_report(out)
    assert report.accuracy["m"]["image"].overall.value == 1.0
    assert report.stale_lines == 4 and report.n_items == 4


def test_the_report_is_plain_json_and_repeats(folder: Path, report: Report) -> None:
    assert Report.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report
    assert build_report(folder) == report


def test_the_order_of_the_lines_plays_no_part(tmp_path: Path, folder: Path, report: Report) -> None:
    (tmp_path / "run.json").write_text((folder / "run.json").read_text())
    lines = (folder / RESULTS_FILE).read_text().splitlines()
    (tmp_path / RESULTS_FILE).write_text("\n".join(lines[::-1]) + "\n")
    again = build_report(tmp_path)
    for key in ("accuracy", "axes", "differences", "baselines"):
        assert getattr(again, key) == getattr(report, key), key


def test_every_number_has_its_origin_n_and_method(report: Report) -> None:
    def numbers(part: Any) -> list[dict[str, Any]]:
        if isinstance(part, dict):
            own = [part] if {"value", "low"} <= set(part) else []
            return own + [found for child in part.values() for found in numbers(child)]
        return [found for child in part for found in numbers(child)] if isinstance(part, list) else []

    found = numbers(report.to_json())
    assert len(found) > 50
    for number in found:
        assert number["origin"] == "measured" and number["n"] >= 0
        assert number["method"] and number["protocol"]


def test_table_for_the_terminal(report: Report) -> None:
    text = bench_table_text(report)
    assert "12 questions on 6 images" in text and "majority letter" in text
    row = next(line for line in text.splitlines() if line.startswith("tuned, image ") and "100.0" in line)
    assert "100.0 [61.0, 100.0]" in row
    assert all(name in text for name in ("perception", "knowledge", "rationale", "trace score"))
    assert max(map(len, text.splitlines())) < 240


def test_composite_reward_by_model_and_condition(tmp_path: Path) -> None:
    thinking = "<thinking>The left half is bright.</thinking>"
    lines = [
        line("a", "left", text=f"<CT_SCAN>{thinking}<answer>left</answer>"),  # every part
        line("b", "right", text=f"<X_RAY>{thinking}<answer>upper lobe</answer>"),  # the format alone
        line("c", "right", modality="thermography", text=f"{thinking}<answer>left</answer>"),  # no tag known
        line("d", None, error="broken"),
    ]
    found = build_report(write_run(tmp_path, lines)).composite["m"]["image"]
    parts = {name: (number.value, number.n) for name, number in found.components.items()}
    assert parts == {"llm": (2 / 3, 3), "embed": (2 / 3, 3), "modality": (0.5, 2), "format": (1.0, 3)}
    assert found.total.value == pytest.approx((1.0 + 0.1) / 2) and found.total.n == 2
    assert found.weights == pytest.approx(
        {"llm": 0.9 * 0.575, "embed": 0.9 * 0.375, "modality": 0.9 * 0.05, "format": 0.1}
    )


def test_table_for_the_terminal_has_the_new_sections(tmp_path: Path) -> None:
    conditions = ("image", "shuffled_image", "short_prompt", "sampled")
    lines = [line(f"i{n}", "left", condition=name) for n in range(4) for name in conditions]
    text = bench_table_text(build_report(write_run(tmp_path, lines)))
    for part in (
        "Caution: Only 4 images", "m: change with another patient's picture", "macro-F1, closed",
        "reasoning asked for - answer only", "Several samples", "4 x 1",
    ):  # fmt: skip
        assert part in text, part
    assert text.index("Caution:") < text.index("Answer accuracy")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserFacing):
        build_report(tmp_path)
