"""Intervals and tests against values worked out by hand."""

import numpy as np
import pytest

from workbench.bench.scores.statistics import (
    _KEPT_CELLS,
    RESAMPLES,
    PairedCounts,
    _blocks,
    bootstrap_interval,
    bootstrap_means,
    holm,
    mcnemar_exact,
    paired_counts,
    proportion_interval,
    wilson,
)


def test_wilson_of_a_known_table() -> None:
    # 8 of 10 at z = 1.96: centre (0.8 + 0.19208) / 1.38416, half 1.96 / 1.38416 * sqrt(0.016 + 0.009604)
    found = wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.49016, 0.94332), abs=1e-4)
    # OpenMedReason's test size, 1,150 items: 78.5 % → 76.0 to 80.8.
    found = wilson(903, 1150)
    assert (round(100 * found.low, 1), round(100 * found.high, 1)) == (76.1, 80.8)


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 0) is None
    none, all_ = wilson(0, 5), wilson(5, 5)
    assert none.low == 0.0 and none.high == pytest.approx(1.96**2 / (5 + 1.96**2), abs=1e-4)
    assert all_.high == 1.0 and all_.low == pytest.approx(1 - none.high)
    with pytest.raises(ValueError):
        wilson(6, 5)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        (0, 0, 1.0),
        (0, 1, 1.0),  # 2 · (1/2)
        (0, 5, 0.0625),  # 2 · 1/32
        (1, 9, 22 / 1024),  # 2 · (1 + 10) / 1024
        (3, 3, 1.0),  # twice the tail is above 1
    ],
)
def test_mcnemar_by_hand(first: int, second: int, p: float) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(p)
    assert mcnemar_exact(second, first) == pytest.approx(p)


def test_mcnemar_of_thousands_is_finite() -> None:
    assert 0 < mcnemar_exact(2400, 2600) < 0.01
    assert mcnemar_exact(0, 5000) == 0.0  # below the smallest float, not an error


def test_paired_counts_are_the_four_cells() -> None:
    first = [True, True, False, False, False, False]
    second = [True, False, True, True, True, False]
    assert paired_counts(first, second) == PairedCounts(1, 1, 3, 1)
    with pytest.raises(ValueError):
        paired_counts([True], [])


def test_bootstrap_resamples_whole_images() -> None:
    # Two images of two equal answers each: every resample is all 1, all 0 or half; nothing in between.
    means = bootstrap_means([1, 1, 0, 0], ["a", "a", "b", "b"], resamples=4000)
    assert set(means) == {0.0, 0.5, 1.0}
    assert np.mean(means == 0.5) == pytest.approx(0.5, abs=0.03)


def test_one_answer_an_image_equals_the_plain_bootstrap() -> None:
    values = [0.1, 0.9, 0.4, 0.7, 0.2, 0.6]
    found = bootstrap_interval(values, [f"image {i}" for i in range(6)])
    rng = np.random.default_rng(3)
    plain = np.array(values)[rng.integers(0, 6, (200_000, 6))].mean(axis=1)
    low, high = np.percentile(plain, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_clustering_widens_the_interval_of_copied_answers() -> None:
    values = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    single = bootstrap_interval(values, list("abcdefgh"))
    copied = bootstrap_interval(values * 4, list("abcdefgh") * 4)
    wrong = bootstrap_interval(values * 4, [str(i) for i in range(32)])
    assert (copied.low, copied.high) == (single.low, single.high)
    assert wrong.high - wrong.low < 0.7 * (copied.high - copied.low)


def test_order_and_names_play_no_part() -> None:
    rng = np.random.default_rng(0)
    values, clusters = rng.normal(size=60).tolist(), [f"i{k}" for k in rng.integers(0, 20, 60)]
    order = rng.permutation(60)
    shuffled = bootstrap_interval([values[i] for i in order], [clusters[i] for i in order])
    renamed = bootstrap_interval(values, [f"other {name[::-1]}" for name in clusters])
    assert bootstrap_interval(values, clusters) == shuffled == renamed


def test_blocks_do_not_change_the_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = _blocks(5, 100, seed=1)
    monkeypatch.setattr("workbench.bench.scores.statistics._BLOCK_CELLS", 35)
    blocks = list(_blocks(5, 100, seed=1))
    assert len(blocks) == 15 and np.array_equal(whole, np.concatenate(blocks))
    assert whole.shape == (100, 5) and (whole.sum(axis=1) == 5).all()


def test_draws_that_are_not_kept_give_the_same_means(monkeypatch: pytest.MonkeyPatch) -> None:
    values, clusters = [0.0, 1.0, 0.5, 0.25], list("abcd")
    kept = bootstrap_means(values, clusters, resamples=500)
    monkeypatch.setattr("workbench.bench.scores.statistics._KEPT_CELLS", 0)
    assert np.allclose(kept, bootstrap_means(values, clusters, resamples=500), rtol=1e-12)


def test_degenerate_intervals() -> None:
    assert bootstrap_interval([0.2, 0.8], ["one", "one"]) is None
    assert bootstrap_interval([], []) is None
    with pytest.raises(ValueError):
        bootstrap_means([], [])


def test_interval_of_a_proportion_chooses_its_method() -> None:
    assert proportion_interval([], []) is None
    single = proportion_interval([True, True, False], list("abc"))
    assert single == wilson(2, 3)
    all_right = proportion_interval([True] * 6, list("aabbcc"))
    assert (all_right.low, all_right.high) == (wilson(3, 3).low, 1.0)
    mixed = proportion_interval([True, False, True, True], list("aabb"))
    assert mixed.method.startswith("bootstrap by image")
    one_image = proportion_interval([True, False, True], list("aaa"))
    assert one_image.low <= 2 / 3 <= one_image.high


def test_holm_by_hand() -> None:
    # sorted .01 .03 .04 → ·3 = .03, ·2 = .06, ·1 = .04 raised to .06
    found = holm({"p": 0.04, "k": 0.01, "r": 0.03})
    assert found == pytest.approx({"p": 0.06, "k": 0.03, "r": 0.06})


def test_holm_leaves_missing_ones_out() -> None:
    assert holm({"p": 0.02, "k": None, "r": 0.9}) == {"p": 0.04, "k": None, "r": 0.9}
    assert holm({"p": 0.7, "k": 0.8}) == {"p": 1.0, "k": 1.0}


def test_many_equal_clusters_are_drawn_together_from_the_same_distribution() -> None:
    count = _KEPT_CELLS // RESAMPLES + 1
    hits = [float(number % 4 == 0) for number in range(count)]
    means = bootstrap_means(hits, [str(number) for number in range(count)])
    share = sum(hits) / count
    # The bootstrap of a mean has the mean's own variance, p(1 - p)/n.
    assert len(means) == RESAMPLES and means.mean() == pytest.approx(share, abs=5e-4)
    assert means.std() == pytest.approx(np.sqrt(share * (1 - share) / count), rel=0.03)


def test_many_unlike_clusters_get_fewer_resamples_and_say_so() -> None:
    count = 5_000
    rng = np.random.default_rng(1)
    values, clusters = rng.random(count).tolist(), [str(number) for number in range(count)]
    found = bootstrap_interval(values, clusters)
    assert found.method == "bootstrap by image, 4,000 resamples, percentile"
    half = 1.96 * np.std(values) / np.sqrt(count)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)


def test_means_can_not_be_written_to() -> None:
    means = bootstrap_means([0.0, 1.0], ["a", "b"])
    with pytest.raises(ValueError, match="read-only"):
        means[0] = 2.0
