"""Regions in original pixels, their controls, and the image tokens that read them."""

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.explain.interventions.regions import (
    box_region,
    control_regions,
    covered,
    joined,
    mask_region,
    polygon_region,
    region_tokens,
    stroke_region,
)

SIZE = (60, 40)


def test_a_box_holds_the_pixels_whose_centres_lie_in_it() -> None:
    region = box_region(SIZE, (10, 5, 20, 15))
    assert region.area == 100 and region.box == (10, 5, 20, 15)
    assert region.mask[5:15, 10:20].all()
    assert box_region(SIZE, (20, 15, 10, 5)).box == (10, 5, 20, 15)  # drawn from below
    assert box_region(SIZE, (10.4, 0, 11.6, 1)).box == (10, 0, 12, 1)
    assert box_region(SIZE, (-5, -5, 3, 3)).box == (0, 0, 3, 3)  # the part inside


@pytest.mark.parametrize(
    "box",
    [(5, 5, 5, 20), (5, 5, 5.2, 5.3), (70, 5, 90, 9), (-9, 0, -1, 9), (1, 2, 3), (1, 2, float("nan"), 4),
     (None, 1, 2, 3)],
)  # fmt: skip
def test_boxes_without_pixels_are_refused_with_a_hint(box) -> None:
    with pytest.raises(UserFacing) as fault:
        box_region(SIZE, box)
    assert fault.value.hint


def test_a_polygon_with_a_known_area() -> None:
    square = polygon_region(SIZE, [(10, 10), (30, 10), (30, 30), (10, 30)])
    assert abs(square.area - 400) <= 41  # OpenCV counts the border line to the inside
    triangle = polygon_region((100, 100), [(0, 0), (80, 0), (0, 80)])
    assert abs(triangle.area - 3200) < 130
    assert triangle.mask[10, 10] and not triangle.mask[79, 79]


@pytest.mark.parametrize("points", [[], [(1, 1), (5, 5)], [(70, 70), (80, 70), (80, 90)], [(1, 1, 1)] * 3])
def test_polygons_without_area_are_refused(points) -> None:
    with pytest.raises(UserFacing):
        polygon_region(SIZE, points)


def test_a_stroke_is_as_wide_as_its_brush() -> None:
    stroke = stroke_region(SIZE, [(10, 20), (50, 20)], 4)
    assert abs(int(stroke.mask[:, 30].sum()) - 8) <= 1
    assert stroke_region(SIZE, [(10, 20)], 4).area > 20  # a single dab
    with pytest.raises(UserFacing):
        stroke_region(SIZE, [(200, 200)], 3)


def test_masks_are_taken_as_they_are_and_joined() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[3, 4] = 255
    assert mask_region(SIZE, mask).area == 1
    assert joined([mask_region(SIZE, mask), box_region(SIZE, (10, 5, 20, 15))]).area == 101
    with pytest.raises(UserFacing):
        mask_region(SIZE, np.zeros((40, 60)))
    with pytest.raises(UserFacing):
        joined([])
    with pytest.raises(ValueError):
        mask_region(SIZE, np.ones((60, 40)))


@pytest.mark.parametrize("seed", range(5))
def test_controls_have_the_same_shape_and_share_no_pixel(seed) -> None:
    region = polygon_region((100, 80), [(20, 20), (50, 20), (20, 50)])
    controls = control_regions(region, 3, seed)
    assert len(controls.regions) == 3 and controls.note == ""
    for control in controls.regions:
        assert control.area == region.area
        assert not (control.mask & region.mask).any()
        x0, y0, x1, y1 = control.box
        a, b, c, d = region.box
        assert np.array_equal(control.mask[y0:y1, x0:x1], region.mask[b:d, a:c])
    again = control_regions(region, 3, seed)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(controls.regions, again.regions, strict=True))


def test_places_differ_between_seeds() -> None:
    region = box_region((100, 80), (40, 30, 50, 40))
    assert len({control_regions(region, 1, seed).regions[0].box for seed in range(8)}) > 4


def test_a_region_without_free_place_says_so() -> None:
    most = control_regions(box_region((100, 80), (1, 1, 99, 79)))
    assert most.regions == () and "too large" in most.note
    half = control_regions(box_region((100, 80), (0, 0, 60, 80)))
    assert len(half.regions) == 1 and half.regions[0].box == (40, 0, 100, 80)
    assert "overlaps 33%" in half.note  # 20 of its 60 columns


def test_cover_is_exact_for_fractional_boxes() -> None:
    mask = np.zeros((40, 60), bool)
    mask[5:15, 10:20] = True
    boxes = np.array([[10, 5, 20, 15], [15, 5, 25, 15], [10.5, 5, 11.0, 6], [19.5, 5, 20.5, 6], [3, 3, 3, 9]])
    assert covered(mask, boxes) == pytest.approx([1, 0.5, 1, 0.5, 0])


def test_tokens_of_a_region() -> None:
    boxes = np.array([[x, y, x + 10, y + 10] for y in (0, 10) for x in (0, 10, 20)] + [[0, 0, 0, 0]], float)
    size = (30, 20)
    assert region_tokens(box_region(size, (10, 0, 20, 10)), boxes).tolist() == [1]
    assert region_tokens(box_region(size, (7, 0, 23, 10)), boxes).tolist() == [0, 1, 2]  # 30 % of the outer
    assert region_tokens(box_region(size, (8, 0, 22, 10)), boxes).tolist() == [1]  # 20 % of the outer
    assert region_tokens(box_region(size, (12, 2, 14, 3)), boxes).tolist() == [1]  # smaller than a patch
    with pytest.raises(UserFacing):
        region_tokens(box_region((60, 40), (40, 30, 50, 40)), boxes)
