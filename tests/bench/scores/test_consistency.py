"""Self-consistency over samples, against counts made by hand."""

import math
from pathlib import Path

import pytest

from tests.bench.report_fakes import line, write_run
from workbench.bench.reports.build import build_report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.scores.consistency import Sample, consistency, item_votes, self_consistency
from workbench.bench.store.results import Result

A, B, NONE = Sample("A", True), Sample("B", False), Sample(None, False)
RECOVERED = Sample("A", True, recovered=True)


def test_votes_of_one_item() -> None:
    votes = item_votes([B, A, A, NONE])
    assert votes.votes == {"A": 2, "B": 1} and list(votes.votes) == ["A", "B"]
    assert (votes.majority, votes.tied, votes.majority_correct) == ("A", False, True)
    assert votes.agreement == 0.5  # the invalid sample is one of the four
    assert (votes.n_samples, votes.n_invalid, votes.n_recovered) == (4, 1, 0)


def test_a_tie_takes_the_first_letter_and_says_so() -> None:
    votes = item_votes([B, B, A, A])
    assert (votes.majority, votes.tied, votes.agreement) == ("A", True, 0.5)


def test_no_valid_sample_has_no_majority() -> None:
    votes = item_votes([NONE, NONE])
    assert (votes.votes, votes.majority, votes.tied, votes.agreement) == ({}, None, False, 0.0)
    assert not votes.majority_correct
    with pytest.raises(ValueError, match="without samples"):
        item_votes([])


def test_mean_and_sd_over_passes() -> None:
    items = {
        "one": [A, A, A, RECOVERED],
        "two": [A, B, NONE, A],
        "three": [B, B, B, A],
        "four": [NONE, NONE, NONE, NONE],
    }
    found = consistency(items)
    assert (found.n_items, found.n_samples) == (4, 4)
    assert found.passes == (0.5, 0.25, 0.25, 0.75)
    assert found.mean == pytest.approx(7 / 16)
    # deviations 1/16, -3/16, -3/16, 5/16: squares sum to 44/256, over 3
    assert found.sd == pytest.approx(math.sqrt(44 / 256 / 3))
    assert found.majority_accuracy == 0.5  # one, two; three is wrong, four has none
    assert found.agreement == pytest.approx((1 + 0.5 + 0.75 + 0) / 4)
    assert found.unanimous == 0.25
    assert found.recovery_rate == pytest.approx(1 / 16) and found.invalid_rate == pytest.approx(5 / 16)
    assert found.accuracy_without_recovered == pytest.approx(6 / 16)


def test_one_pass_has_no_spread_and_uneven_passes_are_refused() -> None:
    assert consistency({"one": [A], "two": [B]}).sd is None
    assert consistency({}) is None
    with pytest.raises(ValueError, match="different numbers"):
        consistency({"one": [A], "two": [B, A]})


def test_a_sample_without_answer_is_never_right() -> None:
    assert consistency({"one": [Sample(None, True)]}).mean == 0.0


def drawn(item: str, says: str, **other: object) -> list[Result]:
    """Sampled lines: l left (right), r right (wrong), - no answer."""
    told = {"l": "left", "r": "right", "-": None}
    return [
        line(item, told[letter], condition="sampled", sample=number, **other)
        for number, letter in enumerate(says)
    ]


def test_self_consistency_of_result_lines() -> None:
    items = {
        "a": drawn("a", "llll"),
        "b": drawn("b", "lr-l"),
        "c": drawn("c", "rrrl", parse_status="recovered"),
        "d": drawn("d", "----"),
        "short": drawn("short", "lll"),
        "failed": [*drawn("failed", "lll"), line("failed", None, condition="sampled", error="broken")],
    }
    found = self_consistency(items, "how")
    assert (found.n_items, found.n_samples, found.left_out) == (4, 4, 2)
    # Right per pass: a b / a / a / a b c.
    assert found.passes == (0.5, 0.25, 0.25, 0.75)
    assert found.sd == pytest.approx(math.sqrt(44 / 256 / 3))
    assert found.mean.value == pytest.approx(7 / 16) and found.mean.n == 4
    assert found.majority_accuracy.value == 0.5
    assert found.agreement.value == pytest.approx((1 + 0.5 + 0.75 + 0) / 4)
    assert found.unanimous.value == 0.25
    assert (found.recovery_rate.value, found.recovery_rate.n) == (4 / 16, 16)
    assert found.invalid_rate.value == 5 / 16 and found.invalid_rate.n_clusters == 4
    assert [(row.votes, row.n, row.right) for row in found.histogram] == [
        (4, 1, 1), (3, 1, 0), (2, 1, 1), (1, 0, 0), (0, 1, 0),
    ]  # fmt: skip
    assert found.agreement.protocol.startswith("how; ")


def test_no_whole_item_has_no_self_consistency() -> None:
    assert self_consistency({}, "how") is None
    assert self_consistency({"a": [line("a", None, condition="sampled", error="broken")]}, "how") is None


def test_sampled_lines_stay_out_of_the_scores(tmp_path: Path) -> None:
    every = [line("a", "right"), line("b", "left"), *drawn("a", "ll"), *drawn("b", "lr")]
    report = build_report(write_run(tmp_path, every))
    assert report.conditions == ("image",) and list(report.accuracy["m"]) == ["image"]
    assert report.accuracy["m"]["image"].overall.value == 0.5
    found = report.self_consistency["m"]
    assert found.mean.value == 0.75 and "temperature 0.6" in found.mean.protocol
    assert found.n_tied == 1


def test_a_report_of_samples_alone(tmp_path: Path) -> None:
    report = build_report(write_run(tmp_path, drawn("a", "lr")))
    assert report.accuracy == {} and report.n_items == 1
    assert report.self_consistency["m"].mean.value == 0.5
    assert "Several samples" in bench_table_text(report)
