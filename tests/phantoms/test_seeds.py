"""When two pictures count as one drawing: worked out by hand on ten by ten pixels."""

import numpy as np
import pytest

from workbench.phantoms.seeds import same_drawing

PICTURE = np.full((10, 10, 1), 100, np.uint8)


def changed(*levels: int) -> np.ndarray:
    """The picture with its first pixels changed by so many grey levels each."""
    other = PICTURE.astype(int)
    other[0, : len(levels), 0] += levels
    return other.astype(np.uint8)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (PICTURE, True),
        (changed(1), True),  # 1 of 100 values
        (changed(-1), True),
        (changed(1, -1), False),  # 2 of 100
        (changed(2), False),
        (PICTURE[:9], False),
        (PICTURE[:, :, [0, 0, 0]], False),
    ],
)
def test_one_grey_level_in_one_value_of_a_hundred(other: np.ndarray, same: bool) -> None:
    assert same_drawing(PICTURE, other) is same
    assert same_drawing(other, PICTURE) is same


def test_the_ends_of_the_scale_do_not_wrap_around() -> None:
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert not same_drawing(black, white) and same_drawing(white, white)
