import numpy as np
import pytest

from workbench.explain.metrics.correlation import rank_correlation


def _by_hand(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of mean ranks, in plain loops."""
    ranks = [
        np.array([(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values])
        for values in (first, second)
    ]
    a, b = (each - each.mean() for each in ranks)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def test_rank_correlation_by_hand():
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 400, 401])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5)
    tied = rank_correlation(np.array([0.0, 5, 5, 9]), np.array([1.0, 2, 3, 4]))
    assert tied == pytest.approx(4.5 / np.sqrt(4.5 * 5))


@pytest.mark.parametrize("kinds", [3, 40, 10_000])
def test_ties_share_their_mean_rank(kinds):
    rng = np.random.default_rng(kinds)
    first, second = (rng.integers(0, kinds, 144).astype(np.float32) for _ in range(2))
    assert rank_correlation(first, second) == pytest.approx(_by_hand(first, second), abs=1e-12)
    assert rank_correlation(first, first + second / kinds) == pytest.approx(
        _by_hand(first, first + second / kinds), abs=1e-12
    )


def test_a_constant_map_has_no_order():
    assert rank_correlation(np.ones(3), np.array([1.0, 2, 3])) is None
    assert rank_correlation(np.array([1.0, 2, 3]), np.full(3, 0.1, np.float32)) is None
    assert rank_correlation(np.array([4.0]), np.array([5.0])) is None
    assert rank_correlation(np.array([]), np.array([])) is None


def test_maps_of_different_lengths_are_no_pair():
    with pytest.raises(ValueError, match="compared"):
        rank_correlation(np.ones(3), np.ones(4))
