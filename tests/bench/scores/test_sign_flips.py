"""Sign flips by image: small cases counted by hand, large ones beside the exact binomial test."""

import numpy as np
import pytest

from workbench.bench.scores.numbers import paired_p
from workbench.bench.scores.sign_flips import DRAWS, SignFlips, sign_flips
from workbench.bench.scores.statistics import mcnemar_exact


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.5, 0.25, 1.0], 2 / 8),  # only all + and all - are as far
        ([3.0, -1.0, 2.0], 4 / 8),  # found 4; totals ±6 and ±4 of ±6, ±4, ±2, 0 are as far
        ([1.0, 1.0, 1.0, 1.0, 1.0], 2 / 32),
        (
            [0.2, 0.4, 0.1, 0.3, 0.7],
            2 / 32,
        ),  # five that all differ one way
        ([1.0, 0.0, 0.0], 2 / 2),  # images without a difference have no say
        ([0.0, 0.0], 1.0),
        ([0.1, 0.2, -0.3], 1.0),  # the mean is 0 but for rounding
    ],
)
def test_few_images_by_hand(differences: list[float], p: float) -> None:
    images = [f"image {place}" for place in range(len(differences))]
    assert sign_flips(differences, images) == SignFlips(p, "exact sign flips by image")
    assert sign_flips([-value for value in differences], images).p == p


def test_questions_on_one_image_turn_together() -> None:
    images = [name for name in "abcde" for _ in range(4)]
    assert sign_flips([0.5] * 20, images).p == 2 / 32
    # Sums by image 2, 1, -1: found 2; of the totals ±4, ±2, ±2, 0 six of eight are as far.
    assert sign_flips([1.0, 1.0, 0.5, 0.5, -1.0], list("aabbc")).p == 6 / 8
    # An image whose own questions cancel has no say.
    assert sign_flips([1.0, -1.0, 0.5, 0.5], list("aabc")).p == 2 / 4


def test_a_test_needs_two_images() -> None:
    assert sign_flips([1.0, 1.0], ["one", "one"]) is None
    assert paired_p([], []) == (None, "no test: fewer than two images")
    with pytest.raises(ValueError):
        sign_flips([1.0], ["a", "b"])


@pytest.mark.parametrize(("losses", "wins"), [(0, 5), (1, 9), (6, 8)])
def test_equals_mcnemar_with_one_question_an_image(losses: int, wins: int) -> None:
    differences = [-1.0] * losses + [1.0] * wins + [0.0] * 3
    images = [str(place) for place in range(len(differences))]
    assert sign_flips(differences, images).p == pytest.approx(mcnemar_exact(losses, wins))
    assert paired_p(differences, images, "exact McNemar") == (mcnemar_exact(losses, wins), "exact McNemar")
    p, test = paired_p(differences, images)
    assert p == pytest.approx(mcnemar_exact(losses, wins)) and test == "exact sign flips by image"


def test_several_questions_an_image_are_not_that_many_results() -> None:
    gaps, images = [1.0] * 20, [str(place // 4) for place in range(20)]
    p, test = paired_p(gaps, images, "exact McNemar")
    assert (p, test) == (2 / 32, "exact sign flips by image") and mcnemar_exact(0, 20) < 1e-5


def test_many_images_are_drawn_and_say_so() -> None:
    images = [str(place) for place in range(40)]
    assert sign_flips([0.25] * 40, images) == SignFlips(1 / (DRAWS + 1), "sign flips by image, 9,999 drawn")
    mixed = [-1.0] * 14 + [1.0] * 26
    assert sign_flips(mixed, images).p == pytest.approx(mcnemar_exact(14, 26), abs=0.02)
    assert sign_flips(mixed, images) == sign_flips(mixed[::-1], images)


def test_thousands_of_images_get_fewer_draws() -> None:
    rng = np.random.default_rng(0)
    found = sign_flips(rng.normal(0.0, 1.0, 30_000).tolist(), [str(place) for place in range(30_000)])
    assert found.test == "sign flips by image, 999 drawn" and 0 < found.p <= 1
