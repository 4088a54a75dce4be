"""Hand-computed figures on small maps, non-square pictures, padding, fractional and overlapping boxes."""

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.explain import Refusal
from workbench.explain.metrics import LOCALISATION, centre_prior, localise, region_mask
from workbench.explain.metrics.geometry import area_inside, cut
from workbench.explain.metrics.localisation import average_precision, energy_inside, iou_above, otsu, quantile

# A picture 6 wide and 4 high in 2 x 2 patches of 3 x 2 pixels, raster order.
BOXES = np.array([[0, 0, 3, 2], [3, 0, 6, 2], [0, 2, 3, 4], [3, 2, 6, 4]], np.float32)
REGION = region_mask((6, 4), np.array([[3, 0, 6, 3]]))  # all of patch 1, half of patch 3


def _figures(values, boxes=BOXES, region=REGION):
    return {score.name: score for score in localise(np.array(values, np.float32), boxes, region)}


def test_every_figure_by_hand_on_a_picture_that_is_not_square():
    found = _figures([1, 6, 1, 2])
    assert found["pointing"].value == 1
    assert found["energy"].value == pytest.approx((6 + 1) / 10)
    # 90 % of the area reaches up to the value 6, so nothing exceeds it
    assert found["iou_top"].value == 0
    # {1, 1, 2} against {6}: patch 1 (6 pixels) of a region of 9
    assert found["iou_otsu"].value == pytest.approx(6 / 9)
    # recall 6/9 at precision 1, then 9/9 at precision 9/12
    assert found["auprc"].value == pytest.approx(6 / 9 + 3 / 9 * 9 / 12)
    assert all(score.area_share == pytest.approx(9 / 24) for score in found.values())


def test_the_top_tenth_of_the_area_by_hand():
    boxes = np.array([[x, 0, x + 1, 2] for x in range(20)], np.float32)  # 20 columns, 20 x 2 pixels
    region = region_mask((20, 2), np.array([[19, 0, 20, 2], [0, 0, 1, 2]]))
    found = _figures(np.arange(20), boxes, region)
    assert found["iou_top"].value == pytest.approx(2 / 6)  # columns 18 and 19 against columns 0 and 19


def test_the_centre_prior_stands_beside_each_figure():
    boxes = np.array([[2 * x, 0, 2 * x + 2, 2] for x in range(3)], np.float32)  # three patches, 6 x 2
    middle = region_mask((6, 2), np.array([[2, 0, 4, 2]]))
    found = _figures([3, 0, 1], boxes, middle)
    assert (found["pointing"].value, found["pointing"].centre_prior) == (0, 1)
    beside = np.exp(-0.5 * (2 / 1.5) ** 2)  # 2 pixels away with a spread of a quarter of 6
    assert found["energy"].centre_prior == pytest.approx(1 / (1 + 2 * beside))
    assert found["energy"].value == 0
    assert found["auprc"].centre_prior == pytest.approx(1)
    # the map leaves the region for last: all of it enters among 3 patches, or 1 of 3 pixels
    assert found["auprc"].value == pytest.approx(1 / 3)


def test_the_prior_follows_the_sides_of_the_picture():
    prior = centre_prior(np.array([[0, 9, 2, 11], [19, 0, 21, 2], [5, 5, 5, 9]], np.float32), (40, 20))
    assert prior[0] == pytest.approx(np.exp(-0.5 * (19 / 10) ** 2))
    assert prior[1] == pytest.approx(np.exp(-0.5 * (9 / 5) ** 2))
    assert prior[2] == 0  # padding


def test_a_constant_map_scores_what_chance_scores():
    found = _figures([2, 2, 2, 2])
    share = REGION.mean()
    assert found["energy"].value == pytest.approx(share)
    assert found["auprc"].value == pytest.approx(share)
    assert found["pointing"].value == pytest.approx(1 / 4)  # patch 3 has its centre on the row below
    assert found["iou_top"].value == found["iou_otsu"].value == 0


def test_a_random_map_scores_about_chance_and_not_one():
    generator = np.random.default_rng(0)
    boxes = np.array([[x, y, x + 5, y + 5] for y in range(0, 50, 5) for x in range(0, 80, 5)], np.float32)
    region = region_mask((80, 50), np.array([[10, 10, 40, 30]]))
    rows = [_figures(generator.random(160), boxes, region) for _ in range(40)]
    for name in ("energy", "auprc", "pointing"):
        assert np.mean([row[name].value for row in rows]) == pytest.approx(region.mean(), abs=0.1)


def test_evidence_on_padding_counts_as_outside():
    boxes = np.array([[0, 0, 4, 4], [4, 0, 4, 4]], np.float32)  # the second patch is padding
    whole = np.ones((4, 4), bool)
    found = _figures([1, 3], boxes, whole)
    assert found["energy"].value == pytest.approx(0.25)
    assert found["pointing"].value == 0
    assert found["energy"].centre_prior == found["pointing"].centre_prior == 1


def test_negative_evidence_does_not_count():
    assert energy_inside(np.array([0.0, 0, 1, 3]), BOXES, REGION) == pytest.approx(1.5 / 4)
    assert _figures([-9, -9, 1, 3])["energy"].value == pytest.approx(1.5 / 4)
    assert isinstance(localise(np.array([-1, -1, 0, -1], np.float32), BOXES, REGION), Refusal)


def test_fractional_boxes_share_exact_areas():
    region = np.zeros((3, 5), bool)
    region[1, 2:4] = True
    boxes = np.array([[1.5, 0.5, 2.5, 1.5], [0, 0, 5, 3], [3.25, 1.25, 9, 9], [2, 1, 2, 1]], np.float32)
    assert area_inside(region, boxes) == pytest.approx([0.25, 2, 0.75 * 0.75, 0])


def test_overlapping_boxes_are_averaged_and_bare_pixels_are_zero():
    boxes = np.array([[0, 0, 2, 1], [1, 0, 3, 1]], np.float32)
    region = np.array([[False, True, False, False]])
    cells = cut(np.array([2.0, 4.0]), boxes, region)
    assert cells.value.tolist() == [2, 3, 4, 0]
    assert cells.area.tolist() == [1, 1, 1, 1]
    assert cells.inside.tolist() == [0, 1, 0, 0]
    assert (quantile(cells, 0.5), quantile(cells, 0.51), otsu(cells)) == (2, 3, 0)
    assert iou_above(cells, 2) == pytest.approx(1 / 2)
    assert average_precision(cells) == pytest.approx(1 / 2)


def test_figures_equal_their_definition_on_the_pixels():
    generator = np.random.default_rng(3)
    boxes = np.array([[x, y, x + 4, y + 3] for y in range(0, 12, 3) for x in range(0, 28, 4)], np.float32)
    values = generator.random(28)
    region = region_mask((28, 12), np.array([[5, 2, 17, 7]]), generator.random((12, 28)) > 0.9)
    pixels = values.reshape(4, 7).repeat(3, 0).repeat(4, 1)
    order = np.argsort(-pixels.ravel(), kind="stable")
    hits = region.ravel()[order]
    ends = np.arange(12, 28 * 12 + 1, 12) - 1  # after each patch
    precision, recall = hits.cumsum()[ends] / (ends + 1), hits.cumsum()[ends] / hits.sum()
    found = _figures(values, boxes, region)
    assert found["auprc"].value == pytest.approx((np.diff(recall, prepend=0) * precision).sum(), rel=1e-5)
    assert found["energy"].value == pytest.approx(pixels[region].sum() / pixels.sum(), rel=1e-5)
    top = pixels > np.quantile(pixels, 0.9, method="inverted_cdf")
    assert found["iou_top"].value == pytest.approx((top & region).sum() / (top | region).sum())


def test_a_region_is_a_union_and_must_hold_a_pixel_of_the_picture():
    mask = np.zeros((4, 6), bool)
    mask[3, 0] = True
    assert region_mask((6, 4), np.array([[4.6, 0, 9, 1.4]]), mask).sum() == 2
    for boxes in ([[2, 2, 2, 4]], [[7, 0, 9, 4]], [[-5, -5, -1, -1]]):
        with pytest.raises(UserFacing, match="no pixel"):
            region_mask((6, 4), np.array(boxes))
    with pytest.raises(ValueError, match="mask"):
        region_mask((4, 6), mask=mask)


def test_each_metric_says_that_higher_is_better_and_stays_in_its_range():
    found = _figures([1, 6, 1, 2])
    assert list(found) == [metric.name for metric in LOCALISATION]
    for metric in LOCALISATION:
        assert metric.direction == "higher"
        assert metric.low <= found[metric.name].value <= metric.high
        assert metric.low <= found[metric.name].centre_prior <= metric.high
