"""The one-file report: what it says, that it is inert whatever models say, and where its marks stand."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.fakes import FakeModel, first_option, sees_side, sided_items
from tests.bench.report_fakes import number
from workbench.bench.asking.runner import run_bench
from workbench.bench.judging.log import append_line
from workbench.bench.judging.verdicts import VERDICTS_FILE
from workbench.bench.reports.build import build_report
from workbench.bench.reports.export import write_html
from workbench.bench.reports.html import html_report
from workbench.bench.reports.html_charts import HEIGHT, TOP, bar_groups, forests
from workbench.bench.reports.stored import open_report
from workbench.bench.scores.numbers import p_text, percent_text
from workbench.bench.store.results import RESULTS_FILE, RUN_FILE, ResultFile, read_results
from workbench.errors import UserFacing

HOSTILE = "<script>alert(1)</script>\"'><img src=http://x.example/a onerror=alert(2)>{{ 7*7 }}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html")
    models = [FakeModel("base", first_option), FakeModel("tuned", sees_side)]
    conditions = ("image", "blank", "shuffled_options")
    return run_bench(sided_items(path / "items", "LLRRRRRR"), models, path / "out", conditions=conditions)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return html_report(folder, items=3)


def test_it_tells_what_was_measured(page: str) -> None:
    for words in (
        "Not a medical device", "16 questions on 8 images", "always the most frequent letter", "rubric-rules",
        "The first 3 of 16 questions", "Which side is bright?", "<td>100.0 [67.6, 100.0]</td>",
    ):  # fmt: skip
        assert words in page
    # 12 of 16 more answers are right, on 6 images: 2 / 2⁶
    assert "+75.0" in page and "<td>0.031</td>" in page and "later higher" in page
    assert page.count("<article>") == 6 and page.count("<details>") == 3 + 1  # and the slice by modality
    assert "The image shows a bright spot on the left side." in page and "missing: &lt;thinking&gt;" in page


def test_it_needs_nothing_and_runs_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<img|<link|<iframe|\bon\w+=|src=|href=|url\(|@import", page)
    assert len(page) < 100_000


def test_no_place_on_this_machine_is_named(page: str, folder: Path) -> None:
    assert str(folder) not in page and str(folder.parent) not in page


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "LR")
    out = run_bench(items, [FakeModel(HOSTILE, first_option)], tmp_path / "out")
    lines = [
        replace(line, text=f"<think>{HOSTILE}</think><answer>{HOSTILE}</answer>", answer=HOSTILE,
                question=HOSTILE, modality=f"{HOSTILE}{number}", options=(HOSTILE, "b"), gold=HOSTILE)
        for number, line in enumerate(read_results(out))
    ]  # fmt: skip
    (out / RESULTS_FILE).unlink()
    ResultFile(out).append(lines)
    page = html_report(out)
    assert "<script" not in page and "<img" not in page and "{{ 7*7 }}" in page
    assert page.count("&lt;script&gt;") > 10


def test_a_report_without_lines_shows_its_scores(folder: Path, tmp_path: Path) -> None:
    report = build_report(folder)
    (tmp_path / "report.json").write_text(json.dumps(report.to_json()))
    page = html_report(tmp_path)
    assert "not its single answers" in page and "+75.0" in page and "<article>" not in page
    with pytest.raises(UserFacing):
        html_report(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["phantoms", "real", "photographs"])
def test_shipped_reports_render(name: str, repo_root: Path, tmp_path: Path) -> None:
    shipped = repo_root / "assets" / "bench" / "results" / name / "report.json"
    (tmp_path / "report.json").write_bytes(shipped.read_bytes())
    page = html_report(tmp_path)
    assert f"{json.loads(shipped.read_text())['n_items']} questions" in page


def test_judges_and_failures_are_shown(tmp_path: Path) -> None:
    out = run_bench(sided_items(tmp_path / "items", "LR"), [FakeModel("m", sees_side)], tmp_path / "out")
    lines = read_results(out)
    ResultFile(out).append(
        [replace(lines[0], key="again", item_id="other", error="out of memory", correct=None)]
    )
    for score, line in enumerate(lines):
        record = {
            "key": line.key,
            "judge": "grader",
            "protocol": "p",
            "score": int(score > 0),
            "agreement": 1.0,
        }
        append_line(out / VERDICTS_FILE, record)
    page = html_report(out)
    assert "Failed: out of memory" in page
    assert "answer resolution (rules) and grader" in page and "<td>75.0</td>" in page


def test_an_answer_is_shown_and_not_an_earlier_fault_or_model(tmp_path: Path) -> None:
    out = run_bench(sided_items(tmp_path / "items", "L"), [FakeModel("m", sees_side)], tmp_path / "out")
    lines = read_results(out)
    (out / RESULTS_FILE).unlink()
    fault = replace(lines[0], key="before", error="the picture could not be read", correct=None)
    old = replace(lines[0], key="old", revision="0", answer="right", correct=False)
    ResultFile(out).append([fault, old, *lines])
    for line in (old, *lines):
        record = {"key": line.key, "judge": "grader", "protocol": "p", "score": 1, "agreement": 1.0}
        append_line(out / VERDICTS_FILE, record)
    page = html_report(out)
    assert "could not be read" not in page and page.count("<article>") == 2
    assert "<td>100.0</td>" in page and "<td>66.7</td>" not in page  # of the judges' agreement


def test_bars_stand_where_their_numbers_say(folder: Path) -> None:
    groups = bar_groups(open_report(folder), "image")
    assert [group.name for group in groups] == ["Perception", "Rationale", "Trace score", "Answer accuracy"]
    base, tuned = groups[-1].bars
    # base is right on 4 of 16, tuned on all
    assert (tuned.y, tuned.height, tuned.high) == (TOP, HEIGHT, TOP)
    assert base.height == pytest.approx(HEIGHT / 4) and base.y == pytest.approx(TOP + HEIGHT * 3 / 4)
    assert base.value == "25" and base.colour != tuned.colour and base.x + base.width < tuned.x
    assert groups[-1].guess == pytest.approx(TOP + HEIGHT / 4)  # always B: 12 of 16
    assert [round(y - TOP - HEIGHT * 3 / 4, 6) for _, y, _ in groups[-1].crosses] == [0, 0]
    assert groups[-1].counts == "n 16, 8 images" and groups[0].guess is None


def test_differences_stand_on_one_scale(folder: Path) -> None:
    (forest,) = forests(open_report(folder), "image")
    assert forest.title == "tuned − base" and [row.name for row in forest.rows][0] == "Perception"
    assert forest.ticks[0][1] == "0" and forest.ticks[-1][1] == "+100"
    first, last = forest.ticks[0][0], forest.ticks[-1][0]
    accuracy = forest.rows[-1]
    assert first == forest.zero and accuracy.x == pytest.approx(first + (last - first) * 3 / 4)
    assert accuracy.shown and accuracy.low > forest.zero
    (blank,) = forests(open_report(folder), "blank")
    assert not any(row.shown for row in blank.rows if row.name == "Answer accuracy")


def test_words_for_numbers() -> None:
    found = number(0.626, 0.5, 0.7)
    assert percent_text(found) == "62.6 [50.0, 70.0]" and percent_text(found, interval=False) == "62.6"
    assert percent_text(found, signed=True) == "+62.6 [+50.0, +70.0]"
    assert percent_text(number(0.626)) == "62.6" and percent_text(None) == percent_text(number(None)) == "-"
    assert [p_text(p, none="-") for p in (None, 0.0004, 0.0123)] == ["-", "< 0.001", "0.012"]


def test_units_of_changed_items_are_not_shown(tmp_path: Path) -> None:
    items = sided_items(tmp_path / "items", "LR")
    out = run_bench(items, [FakeModel("m", sees_side)], tmp_path / "out")
    run = json.loads((out / RUN_FILE).read_text())
    run["items"]["source"] = str(items.path)
    (out / RUN_FILE).write_text(json.dumps(run))
    claim = "Therefore the side of the spot is left."
    assert claim in re.sub("<article>.*?</ol>", "", html_report(out), flags=re.DOTALL)
    records = [json.loads(line) for line in items.path.read_text().splitlines()]
    for record in records:
        record["question"] = record["question"].replace("?", " now?")
    items.path.write_text("\n".join(map(json.dumps, records)))
    assert claim not in re.sub("<article>.*?</ol>", "", html_report(out), flags=re.DOTALL)


def test_the_run_file_may_name_items_that_are_gone(folder: Path, tmp_path: Path) -> None:
    for name in (RESULTS_FILE, RUN_FILE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    run = json.loads((tmp_path / RUN_FILE).read_text())
    run["items"]["source"] = str(tmp_path / "gone.jsonl")
    (tmp_path / RUN_FILE).write_text(json.dumps(run))
    write_html(tmp_path, tmp_path / "made" / "report.html")
    assert "<td>u1 <span" in (tmp_path / "made" / "report.html").read_text(encoding="utf-8")
