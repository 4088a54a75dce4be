import numpy as np
import pytest

from workbench.explain.metrics.road import ROAD, road

WIDTH, HEIGHT = 20, 8  # 5 x 2 patches of 4 x 4 pixels
BOXES = np.array([[x, y, x + 4, y + 4] for y in (0, 4) for x in range(0, 20, 4)], np.float32)
WORTH = np.array([5, 0, 0, 1, 0, 0, 2, 0, 0, 0], np.float64)


def _picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def additive(pictures) -> np.ndarray:
    """Each patch that is as it was adds its worth, whatever else stands in a changed one."""
    whole = _picture()
    boxes = BOXES.astype(int)
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


def test_road_by_hand():
    found = road(additive, _picture(), WORTH.astype(np.float32), BOXES, fractions=(0.1, 0.2, 0.5))
    assert found.most.tolist() == [3, 1, 0]  # 5, then 2, then 1 is lost
    assert found.least.tolist() == [8, 8, 8]  # five of the patches worth nothing
    assert found.value == pytest.approx((5 + 7 + 8) / 3)
    assert found.n == 6
    assert ROAD.direction == "higher"


def test_the_inverse_map_has_the_opposite_value_and_a_random_one_about_none():
    values = WORTH.astype(np.float32)
    spread = values + np.linspace(0, 1e-3, 10, dtype=np.float32)  # no ties
    options = {"fractions": (0.2, 0.5, 0.8)}
    forward = road(additive, _picture(), spread, BOXES, **options).value
    assert road(additive, _picture(), -spread, BOXES, **options).value == pytest.approx(-forward)
    generator = np.random.default_rng(1)
    chance = [road(additive, _picture(), generator.random(10), BOXES, **options).value for _ in range(60)]
    assert abs(np.mean(chance)) < 0.2 * forward


def test_one_patch_and_wrong_fractions_are_refused():
    with pytest.raises(ValueError, match="two patches"):
        road(additive, _picture(), np.ones(1, np.float32), BOXES[:1])
    with pytest.raises(ValueError, match="fractions"):
        road(additive, _picture(), WORTH.astype(np.float32), BOXES, fractions=(1.5,))
