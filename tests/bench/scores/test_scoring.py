"""The published formula with its vectors, and the short-answer metrics by hand."""

import math

import pytest

from workbench.bench.questions.units import UnitScore
from workbench.bench.scores.scoring import (
    accuracy,
    aggregate,
    aggregate_trace_score,
    axis_score,
    axis_scores,
    bleu1,
    corpus_bleu1,
    exact_match,
    majority_answer,
    majority_letter,
    question_majority,
    token_f1,
    trace_score,
)


def units(axis: str, *pairs: tuple[int, int]) -> list[UnitScore]:
    return [UnitScore(f"u{i}", axis, p, c) for i, (p, c) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("pairs", "presence", "correctness", "score"),
    [
        ([(2, 1)] * 3, 1, 1, 1),  # all clear and right
        ([(2, 1), (2, 1), (0, 0)], 2 / 3, 1, 2 / 3),  # one omitted
        ([(1, 1), (1, 1)], 0.5, 1, 0.5),  # vague but right
        ([(2, 1), (2, -1)], 1, 0.5, 0.5),  # one wrong
        ([(2, 0), (2, 1)], 1, 0.5, 0.5),  # engaged, correctness not applicable
        ([(0, 0), (0, 0)], 0, 0, 0),  # nothing engaged
    ],
)
def test_axis_score_vectors(
    pairs: list[tuple[int, int]], presence: float, correctness: float, score: float
) -> None:
    found = axis_score(units("perception", *pairs))
    assert (found.presence, found.correctness, found.score) == pytest.approx((presence, correctness, score))
    assert found.n_units == len(pairs)


def test_the_pelvis_example() -> None:
    found = axis_scores(
        units("perception", (2, 1), (2, 1), (0, 0))
        + units("knowledge", (2, 1))
        + units("rationale", (2, 1), (2, 1))
    )
    assert [found[a].score for a in ("perception", "knowledge", "rationale")] == pytest.approx([2 / 3, 1, 1])
    assert trace_score(found) == pytest.approx(0.889, abs=5e-4)


def test_an_axis_without_units_is_dropped() -> None:
    assert axis_score([]) is None
    found = axis_scores(units("knowledge", (2, 1)) + units("rationale", (1, 1)))
    assert list(found) == ["knowledge", "rationale"]
    assert trace_score(found) == 0.75
    assert trace_score({}) is None


@pytest.mark.parametrize(
    ("axes", "printed"),
    [((34.3, 34.5, 43.5), 37.4), ((65.2, 85.0, 83.1), 77.8), ((64.6, 69.6, 77.3), 70.5)],
)
def test_trace_score_is_the_mean_and_not_half_the_sum(axes: tuple[float, ...], printed: float) -> None:
    # n / 1000 units stated and right in each axis: the axis score is the printed one.
    scores = axis_scores(
        u
        for axis, value in zip(("perception", "knowledge", "rationale"), axes, strict=True)
        for u in units(axis, *[(2, 1)] * round(10 * value), *[(0, 0)] * (1000 - round(10 * value)))
    )
    assert 100 * trace_score(scores) == pytest.approx(printed, abs=0.05)


def test_macro_and_pooled_differ() -> None:
    long, short = units("perception", (2, 1), (2, 1), (2, -1), (0, 0)), units("perception", (1, 1))
    macro, pooled = aggregate([long, short]), aggregate([long, short], "pooled")
    # macro: presence (3/4 + 1/2) / 2, correctness (2/3 + 1) / 2, score (1/2 + 1/2) / 2
    assert macro["perception"].presence == pytest.approx(0.625)
    assert macro["perception"].correctness == pytest.approx(5 / 6)
    assert macro["perception"].score == pytest.approx(0.5)
    # pooled: presence 7/10, correctness 3/4
    assert pooled["perception"].score == pytest.approx(0.7 * 0.75)
    assert aggregate_trace_score([long, short]) == pytest.approx(0.5)
    assert aggregate_trace_score([long, short], "pooled") == pytest.approx(0.525)
    assert aggregate_trace_score([]) is None


def test_macro_leaves_out_traces_without_units_on_an_axis() -> None:
    found = aggregate([units("knowledge", (2, 1)), units("rationale", (0, 0)), []])
    assert found["knowledge"].score == 1.0 and found["rationale"].score == 0.0
    assert "perception" not in found


@pytest.mark.parametrize("verdict", [(0, 1), (0, -1), (3, 0), (2, 2), (-1, 0)])
def test_impossible_verdicts_are_refused(verdict: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        UnitScore("u1", "perception", *verdict)


def test_accuracy_leaves_failed_ones_out() -> None:
    assert accuracy([True, False, None, True]) == pytest.approx(2 / 3)
    assert accuracy([None]) is None


def test_exact_match_normalises() -> None:
    assert exact_match("The X-ray.", "xray")
    assert exact_match("Yes, it is", "yes")
    assert not exact_match("normal", "no")
    assert not exact_match("", "left lung")


def test_token_f1_counts_words_as_often_as_they_stand() -> None:
    # shared: left once, lung once; precision 2/3, recall 2/2
    assert token_f1("left left lung", "left lung") == pytest.approx(0.8)
    assert token_f1("right", "left lung") == 0.0
    assert token_f1("", "left") == 0.0
    assert token_f1("", "") == 1.0


def test_bleu1_by_hand() -> None:
    assert bleu1("left lung", "left lung") == 1.0
    assert bleu1("the left left", "left lung side") == pytest.approx(1 / 3)  # clipped to one "left"
    assert bleu1("No", "no fracture") == pytest.approx(math.exp(-1))  # brevity: 1 - 2/1
    assert bleu1("", "left") == 0.0


def test_corpus_bleu1_sums_before_dividing() -> None:
    # matched 1 + 2 of 1 + 4 words; 5 given against 4 expected: no penalty
    pairs = [("yes", "yes"), ("left upper lung zone", "left lung base")]
    assert corpus_bleu1(pairs) == pytest.approx(3 / 5)
    assert corpus_bleu1([]) == 0.0


def test_majority_baselines() -> None:
    letters = majority_letter(["B", "A", "B", "C"])
    assert letters.guess == "B" and letters.hits == (True, False, True, False)
    assert majority_letter(["B", "A"]).guess == "A"
    assert majority_letter([]).n == 0
    assert majority_answer(["Yes", "yes.", "no"]).hits == (True, True, False)


def test_question_majority_guesses_each_question_apart() -> None:
    pairs = [
        ("Is it normal?", "Yes"),
        ("is it normal", "no"),
        ("Is it normal?", "yes"),
        ("Which organ?", "liver"),
    ]
    assert question_majority(pairs).hits == (True, False, True, True)
