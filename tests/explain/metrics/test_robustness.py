import numpy as np
import pytest

from workbench.explain import Refusal
from workbench.explain.metrics import ROBUSTNESS, infidelity, sensitivity_max
from workbench.explain.metrics.robustness import random_removals

BOXES = np.array([[x, y, x + 4, y + 4] for y in (0, 4) for x in range(0, 24, 4)], np.float32)
WORTH = np.array([0, 0, 1, 0, 8, 0, 0, 2, 0, 0, 4, 0], np.float64)


def _picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (8, 24, 3), dtype=np.uint8)


def additive(pictures) -> np.ndarray:
    whole, boxes = _picture(), BOXES.astype(int)
    return np.array(
        [
            sum(
                w
                for w, (a, b, c, d) in zip(WORTH, boxes, strict=True)
                if (p[b:d, a:c] == whole[b:d, a:c]).all()
            )
            for p in pictures
        ]
    )


@pytest.mark.parametrize("scale", [1.0, 0.01, 300.0])
def test_the_true_map_foretells_every_removal_in_any_unit(scale):
    found = infidelity(additive, _picture(), WORTH * scale, BOXES)
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.unexplained == pytest.approx(0, abs=1e-6)
    assert found.n == 24


def test_a_wrong_map_by_its_definition():
    values = np.array([1.0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    found = infidelity(additive, _picture(), values, BOXES, samples=40, seed=3)
    drawn = random_removals(12, 40, np.random.default_rng(3))
    told, real = drawn @ values, drawn @ WORTH
    beta = told @ real / (told @ told)
    assert found.value == pytest.approx(((beta * told - real) ** 2).mean())
    assert found.unexplained == pytest.approx(found.value / (real**2).mean())


def test_a_map_turned_round_says_nothing():
    found = infidelity(additive, _picture(), -WORTH, BOXES)
    assert found.unexplained == 1


def test_no_effect_leaves_no_share_and_one_patch_is_refused():
    found = infidelity(lambda pictures: np.zeros(len(pictures)), _picture(), WORTH, BOXES)
    assert (found.value, found.unexplained) == (0, None)
    with pytest.raises(ValueError, match="two patches"):
        infidelity(additive, _picture(), np.ones(1), BOXES[:1])


def test_random_removals_are_never_all_or_none():
    generator = np.random.default_rng(0)
    assert set(random_removals(2, 50, generator).sum(1)) == {1}
    assert set(random_removals(6, 200, generator).sum(1)) == {1, 2, 3}


def test_sensitivity_by_hand():
    calls = []

    def explain(picture):
        calls.append(picture)
        return np.array([3.0, 4.0]) if len(calls) == 1 else np.array([3.0, 4.0 + len(calls)])

    flat = np.full((4, 4, 3), 128, np.uint8)
    found = sensitivity_max(explain, flat, noises=3)
    assert len(calls) == 4
    assert (calls[0] == flat).all()
    away = [np.abs(picture.astype(int) - 128).max() for picture in calls[1:]]
    assert max(away) <= 6 and min(away) > 0  # 0.02 of 255 is 5.1 grey levels
    assert found.value == pytest.approx(4 / 5)  # the last map is 4 away, the first has the length 5
    assert found.n == 3


def test_a_map_that_does_not_move_has_no_sensitivity_and_a_refusal_is_handed_on():
    flat = np.full((4, 4, 3), 128, np.uint8)
    assert sensitivity_max(lambda _: np.ones(5), flat, noises=2).value == 0
    refused = sensitivity_max(lambda _: Refusal("no gradients"), flat, noises=2)
    assert refused == Refusal("no gradients")


def test_lower_is_better_for_all():
    assert {metric.direction for metric in ROBUSTNESS} == {"lower"}
