import numpy as np
import pytest

from workbench.explain.metrics.fills import fill_picture, removable, without


def test_the_mean_colour_by_hand():
    picture = np.zeros((2, 4, 3), np.uint8)
    picture[:, 2:] = (200, 100, 8)
    assert (fill_picture(picture, "mean") == (100, 50, 4)).all()


@pytest.mark.parametrize("size", [(40, 60), (600, 300)])
def test_the_blur_keeps_large_areas_and_loses_a_small_spot(size):
    height, width = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2 :] = 200
    middle = height // 2
    side = max(1, width // 60)
    picture[middle : middle + side, :side] = 255
    soft = fill_picture(picture, "blur").astype(int)
    assert soft.shape == picture.shape
    assert soft[:, 0].max() < 20
    assert soft[:, -1].min() > 180
    assert np.abs(np.diff(soft[middle, :, 0])).max() < 0.1 * 255


def test_a_flat_picture_stays_as_it_is():
    flat = np.full((30, 50, 3), 77, np.uint8)
    assert (fill_picture(flat, "blur") == flat).all()
    assert (fill_picture(flat, "mean") == flat).all()


def test_an_unknown_fill_is_refused():
    with pytest.raises(ValueError, match="no fill"):
        fill_picture(np.zeros((2, 2, 3), np.uint8), "white")


def test_only_removed_patches_change_and_the_picture_is_not_touched():
    picture, fill = np.zeros((3, 5, 3), np.uint8), np.full((3, 5, 3), 9, np.uint8)
    boxes = np.array([[0, 0, 2.4, 3], [2.4, 0, 5, 1.5], [5, 0, 5, 3]], np.float32)
    changed = without(picture, fill, boxes, np.array([False, True, True]))
    # centres right of 2.4 begin at column 2; centres above 1.5 are row 0 only
    expected = np.zeros((3, 5), int)
    expected[0, 2:] = 9
    assert (changed[..., 0] == expected).all()
    assert (picture == 0).all()


def test_padding_and_patches_below_a_pixel_can_not_be_removed():
    boxes = np.array([[0, 0, 4, 4], [4, 0, 4, 4], [0.6, 0.6, 1.4, 1.4], [4, 4, 8, 8]], np.float32)
    assert removable(boxes, (4, 4)).tolist() == [0]
