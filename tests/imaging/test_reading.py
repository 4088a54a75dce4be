"""The strongest zone of a map in words, with hand-computed shares."""

import numpy as np
import pytest

from workbench.imaging.reading import region_in_words, zone_sums


def _thirds(width: float, height: float) -> np.ndarray:
    """Nine boxes, row by row."""
    corners = [(column * width, row * height) for row in range(3) for column in range(3)]
    return np.array([[x, y, x + width, y + height] for x, y in corners], np.float32)


def test_a_patch_in_two_zones_is_divided_by_area():
    sums = zone_sums(np.array([6.0]), np.array([[0, 0, 45, 30]], np.float32), (90, 90))
    assert sums.tolist() == pytest.approx([4, 2, 0, 0, 0, 0, 0, 0, 0])


def test_zones_are_thirds_of_a_picture_that_is_not_square():
    sums = zone_sums(np.array([8.0]), np.array([[50, 5, 70, 15]], np.float32), (90, 30))
    # x: 10 of 20 pixels in the central third (30..60); y: 5 of 10 pixels in the upper one (0..10).
    assert sums.tolist() == pytest.approx([0, 2, 2, 0, 2, 2, 0, 0, 0])


def test_empty_boxes_count_nowhere():
    boxes = np.array([[10, 10, 10, 40], [90, 0, 80, 10], [60, 60, 90, 90]], np.float32)
    assert zone_sums(np.array([9.0, 9.0, 1.0]), boxes, (90, 90)).tolist() == pytest.approx([0] * 8 + [1])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, 1, 1, 1, 1, 1, 4, 0, 0.5], "left lower zone of the picture, 38 % of the image evidence"),
        ([0, 0, 3.0, 0, 0, 0, 1.0, 0, 0], "right upper zone of the picture, 75 % of the image evidence"),
        ([0, 0, 0, 0, 0, 2.0, 0, 0, 0], "right middle zone of the picture, 100 % of the image evidence"),
        ([0, 0, 0, 0, 1.0, 0, 0, 0, 0], "centre of the picture, 100 % of the image evidence"),
        ([1.0] * 9, "spread over the picture without a clear place"),
        ([0.0] * 9, "no region stands out"),
    ],
)
def test_a_map_in_words(values, words):
    assert region_in_words(np.array(values, float), _thirds(30, 20), (90, 60)) == words


def test_only_the_positive_part_of_a_signed_map_counts():
    values = np.array([-5.0, 1.0, 0, 0, 0, 0, 0, 0, 0])
    assert region_in_words(values, _thirds(30, 20), (90, 60)).startswith("central upper zone")
    assert region_in_words(-np.abs(values), _thirds(30, 20), (90, 60)) == "no region stands out"


def test_a_map_of_padding_alone_has_no_region():
    assert region_in_words(np.ones(2), np.zeros((2, 4)), (90, 60)) == "no region stands out"


@pytest.mark.parametrize("values", [np.ones(8), np.array([np.nan] * 9)])
def test_maps_that_do_not_fit_are_refused(values):
    with pytest.raises(ValueError, match="match|finite"):
        region_in_words(values, _thirds(30, 20), (90, 60))
