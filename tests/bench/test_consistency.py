"""Self-consistency over samples, against counts made by hand."""

import math

import pytest

from workbench.bench.consistency import Sample, consistency, item_votes, kept_as_labels

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


def test_the_threshold_keeps_confident_items() -> None:
    votes = [item_votes(samples) for samples in ([A, A, A, A], [B, B, B, A], [A, A, B, B], [NONE] * 4)]
    assert kept_as_labels(votes, 1.0) == (1, 1)
    assert kept_as_labels(votes, 0.75) == (2, 1)
    assert kept_as_labels(votes, 0.0) == (2, 1)  # a tie and an empty vote are never labels
