"""Votes counted by hand."""

import itertools

import pytest

from workbench.traces.voting import majority_vote, read_answer
from workbench.training.rare.voting import label_quality


@pytest.mark.parametrize(
    ("answers", "label", "confidence", "agreement", "invalid"),
    [
        (["a", "a", "a", "b"], "a", 0.75, 0.75, 0),
        (["a", "a", None, None], "a", 0.5, 1.0, 0.5),
        (["a", None, "b", "a", "a", None, "c", "a"], "a", 0.5, 4 / 6, 0.25),
        (["a", "b", "b", "a"], None, 0.5, 0.5, 0),
        (["a", "b", None], None, 1 / 3, 0.5, 1 / 3),
        ([None, None], None, 0.0, 0.0, 1.0),
        (["xray", "xray.", "CT"], "xray", 2 / 3, 2 / 3, 0),
        (["two", "2", "3"], "2", 2 / 3, 2 / 3, 0),
    ],
)
def test_votes(answers, label, confidence, agreement, invalid):
    vote = majority_vote(answers)
    assert vote.label == label
    assert vote.confidence == pytest.approx(confidence)
    assert vote.agreement == pytest.approx(agreement)
    assert vote.invalid_rate == pytest.approx(invalid)


def test_the_order_of_the_samples_does_not_matter():
    answers = ["yes, on the left", "yes", "no", "Yes.", None]
    votes = [majority_vote(order) for order in itertools.permutations(answers)]
    assert {(vote.label.strip(".").casefold(), vote.histogram[0][1], vote.invalid) for vote in votes} == {
        ("yes", 3, 1)
    }
    assert len({vote.histogram for vote in votes}) == 1


def test_winners_are_the_samples_that_gave_the_label():
    assert majority_vote(["b", "a", None, "a"]).winners == (1, 3)
    assert majority_vote(["b", "a"]).winners == ()


@pytest.mark.parametrize(
    ("threshold", "kept"), [(0.0, "a"), (0.5, "a"), (0.75, "a"), (0.7501, None), (1.0, None)]
)
def test_a_label_is_kept_from_its_confidence_down(threshold, kept):
    assert majority_vote(["a", "a", "a", "b"]).kept(threshold) == kept


def test_a_tie_is_never_kept_and_neither_is_nothing():
    assert majority_vote(["a", "b"]).kept(0) is None
    assert majority_vote([None]).kept(0) is None
    with pytest.raises(ValueError):
        majority_vote([])


@pytest.mark.parametrize(
    ("text", "options", "answer"),
    [
        ("<think>The image shows it.</think><answer>B</answer>", ("mass", "infarct"), "infarct"),
        ("<think>The image shows it.</think><answer>Infarct.</answer>", ("mass", "infarct"), "infarct"),
        ("Step by step. The answer is A.", ("mass", "infarct"), "mass"),
        ("<think>It is a mass.</think><answer>cat</answer>", ("mass", "infarct"), None),
        ("<think>It goes on and on", ("mass", "infarct"), None),
        ("<think>Seen.</think><answer>left lung</answer>", (), "left lung"),
        ("", (), None),
        ("<think>Seen.</think><answer> . </answer>", (), None),
    ],
)
def test_reading_a_sample(text, options, answer):
    assert read_answer(text, options) == answer


def test_quality_against_the_gold():
    votes = [
        majority_vote(["a", "a", "a", "b"]),  # kept, right
        majority_vote(["b", "b", "b", "b"]),  # kept, wrong
        majority_vote(["a", "a", None, "b"]),  # right but not sure
        majority_vote(["a", "b", None, None]),  # tie
    ]
    quality = label_quality(votes, ["a"] * 4, 0.75)
    assert (quality.questions, quality.kept) == (4, 2)
    assert quality.label_precision == 0.5
    assert quality.recovery_rate == 0.25
    assert quality.raw_accuracy == 6 / 16
    assert quality.invalid_rate == 3 / 16
    assert quality.mean_agreement == pytest.approx((0.75 + 1 + 2 / 3 + 0.5) / 4)


def test_rates_without_anything_to_count_are_none():
    quality = label_quality([majority_vote([None])], ["a"], 0.5)
    assert quality.label_precision is None and quality.recovery_rate == 0.0
    assert label_quality([], [], 0.5).raw_accuracy is None
