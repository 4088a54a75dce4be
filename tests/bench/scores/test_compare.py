"""Two sides of the same questions: paired numbers by hand, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.report_fakes import GREEDY, line, number, scored, write_run
from workbench.bench.scores.compare import Side, compare_runs, verdict
from workbench.bench.scores.measure import MetricGap
from workbench.bench.scores.numbers import Paired
from workbench.bench.store.results import Result
from workbench.errors import UserFacing


def run(folder: Path, says: str, **other: object) -> Path:
    told = {"l": "left", "r": "right"}
    return write_run(folder, [line(f"i{n}", told[letter], **other) for n, letter in enumerate(says)])


def test_two_conditions_of_one_folder(tmp_path: Path) -> None:
    every = [line(f"i{n}", "left", axes=scored(0.75)) for n in range(12)]
    every += [
        line(f"i{n}", "right" if n < 8 else "left", condition="blank", axes=scored(0.25 if n < 6 else 0.75))
        for n in range(11)
    ]
    folder = write_run(tmp_path, every)
    found = compare_runs(Side(folder, "m", "blank"), Side(folder, "m", "image"))
    assert [getattr(found, name) for name in ("n_shared", "n_images", "n_only_first", "n_only_second")] == [
        11,
        11,
        0,
        1,
    ]
    rows = {row.metric: row for row in found.rows}
    assert list(rows) == ["perception", "trace_score", "accuracy"]
    accuracy = rows["accuracy"]
    assert (accuracy.win, accuracy.tie, accuracy.loss) == (8, 3, 0)
    assert (accuracy.first_value, accuracy.second_value) == (3 / 11, 1.0)
    assert accuracy.value == pytest.approx(8 / 11) and accuracy.p == pytest.approx(2 / 2**8)
    assert accuracy.verdict == "second higher" and accuracy.test == "exact McNemar"
    perception = rows["perception"]
    assert (perception.win, perception.tie, perception.loss) == (6, 5, 0)
    assert perception.value == pytest.approx(6 * 0.5 / 11)
    assert perception.p_holm == perception.p and perception.verdict == "second higher"
    assert [row.field for row in found.protocol_differences] == ["condition"]


def test_two_folders_and_the_other_way_round(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one", "llllrrrr"), run(tmp_path / "two", "lllrlrrr", revision="2")
    text = (two / "run.json").read_text().replace('"revision": "1"', '"revision": "2"')
    (two / "run.json").write_text(text)
    found = compare_runs(Side(one, "m"), Side(two, "m"))
    (row,) = found.rows
    assert (row.win, row.tie, row.loss) == (1, 6, 1)
    assert (row.value, row.p, row.verdict) == (0.0, 1.0, "no difference shown")
    assert [entry.text for entry in found.protocol_differences] == ["revision: 1 against 2"]
    back = compare_runs(Side(two, "m"), Side(one, "m")).rows[0]
    assert (back.low, back.high) == pytest.approx((-row.high, -row.low))


def test_failed_items_are_not_answered_by_both(tmp_path: Path) -> None:
    failed = line("i1", None, correct=None, error="no")
    one = write_run(tmp_path / "one", [line("i0", "left"), failed, line("i2", "left")])
    two = run(tmp_path / "two", "lll")
    found = compare_runs(Side(one, "m"), Side(two, "m"))
    assert [getattr(found, name) for name in ("n_shared", "n_only_first", "n_only_second")] == [2, 0, 1]
    assert (found.first.n, found.rows[0].n) == (2, 2)
    with pytest.raises(UserFacing, match="holds no answers"):
        compare_runs(Side(write_run(tmp_path / "none", [failed]), "m"), Side(two, "m"))


def test_protocol_differences_are_named(tmp_path: Path) -> None:
    one = run(tmp_path / "one", "ll")
    every = [line("i0", "left", options=(), decoding={**GREEDY, "max_new_tokens": 64}, mode="short"),
             line("i1", "left", decoding={**GREEDY, "max_new_tokens": 64}, mode="short")]  # fmt: skip
    changed = {"decoding": {**GREEDY, "max_new_tokens": 64}, "mode": "short", "dtype": "float32"}
    two = write_run(tmp_path / "two", every, models={"m": changed})
    found = {row.field: row for row in compare_runs(Side(one, "m"), Side(two, "m")).protocol_differences}
    assert set(found) == {"prompt mode", "decoding: max_new_tokens", "number format", "options shown"}
    assert found["options shown"].second == "on 1 of 2 questions"
    assert found["number format"].text == "number format: not stated against float32"


def test_a_verdict_needs_interval_and_p() -> None:
    gap = Paired(**vars(number(0.1, 0.01, 0.2)), p=0.04, test="t")
    row = MetricGap(**vars(gap), metric="perception", p_holm=None)
    assert verdict(gap) == verdict(row) == "second higher"
    assert verdict(replace(row, value=-0.1, low=-0.2, high=-0.01)) == "first higher"
    assert verdict(replace(row, p_holm=0.06)) == "no difference shown"
    assert verdict(replace(row, low=-0.01)) == "no difference shown"
    bare = replace(row, low=None, high=None)
    assert verdict(bare) == verdict(replace(gap, low=None, high=None)) == "no interval"
    assert verdict(replace(bare, metric="accuracy", p=0.002)) == "second higher"
    assert verdict(replace(bare, metric="accuracy", p=0.2)) == "no difference shown"
    assert verdict(replace(bare, value=0.0)) == "no difference shown"


@pytest.mark.parametrize(
    ("images", "p", "said"),
    [(5, 2 / 2**5, "no claim on fewer than 6 images"), (6, 2 / 2**6, "second higher")],
)
def test_few_images_that_all_differ_one_way(tmp_path: Path, images: int, p: float, said: str) -> None:
    def asked(score: float, model: str) -> list[Result]:
        """Four questions an image: that they agree is no further evidence."""
        return [
            line(f"{n}-{part}", "left", model, axes=scored(score * (1 + n) / 10), image_group=f"image {n}")
            for n in range(images)
            for part in range(4)
        ]

    folder = write_run(tmp_path, asked(0.5, "a") + asked(1.0, "b"))
    rows = {row.metric: row for row in compare_runs(Side(folder, "a"), Side(folder, "b")).rows}
    for metric in ("perception", "trace_score"):
        row = rows[metric]
        assert (row.n, row.n_clusters, row.win) == (4 * images, images, 4 * images)
        assert (row.p, row.test, row.verdict) == (p, "exact sign flips by image", said) and row.low > 0


def test_refusals(tmp_path: Path) -> None:
    one = run(tmp_path / "one", "ll")
    apart = write_run(tmp_path / "apart", [line("x", "left")])
    with pytest.raises(UserFacing, match="no question in common"):
        compare_runs(Side(one, "m"), Side(apart, "m"))
    for place, change in enumerate(({"question": "How many?"}, {"gold": "right"}, {"image_group": "other"})):
        other = write_run(tmp_path / f"other{place}", [line("i0", "left", **change), line("i1", "left")])
        with pytest.raises(UserFacing, match="1 of 2 shared ids name another question or picture"):
            compare_runs(Side(one, "m"), Side(other, "m"))
    with pytest.raises(UserFacing, match="holds no answers of 'gone' under 'image'"):
        compare_runs(Side(one, "gone"), Side(one, "m"))
    with pytest.raises(UserFacing, match="can't be paired"):
        compare_runs(Side(one, "m", "sampled"), Side(one, "m"))
    with pytest.raises(UserFacing, match="no results"):
        compare_runs(Side(tmp_path / "nowhere", "m"), Side(one, "m"))
