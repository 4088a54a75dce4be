"""Maps land where they belong, and an empty map stays an empty picture."""

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.imaging.colormaps import NAMES, colormap_table, page_table
from workbench.imaging.overlay import LEGEND_HEIGHT, OverlayStyle, encode_png, render_overlay, splat
from workbench.imaging.reading import region_in_words, zone_sums

PLAIN = np.full((18, 30, 3), 100, np.uint8)
BLOCKS = OverlayStyle(smooth=False, legend=False, opacity=1.0)


def _grid(columns: int, rows: int, width: float, height: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    start = np.stack([x.ravel() * width, y.ravel() * height], 1)
    return np.concatenate([start, start + [width, height]], 1).astype(np.float32)


def test_patches_are_painted_exactly_on_a_wide_picture():
    boxes = _grid(3, 2, 10, 9)
    painted = splat(np.arange(6.0), boxes, (30, 18), smooth=False)
    assert painted.shape == (18, 30)
    assert (painted[:9, 10:20] == 1).all()
    assert (painted[9:, 20:] == 5).all()


def test_fractional_edges_follow_pixel_centres():
    painted = splat(np.array([1.0]), np.array([[0.4, 0.6, 2.5, 2.4]], np.float32), (4, 4), smooth=False)
    assert painted.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_empty_boxes_are_skipped_uncovered_stays_zero_and_overlaps_average():
    boxes = np.array([[0, 0, 0, 4], [0, 0, 2, 2], [1, 0, 3, 2]], np.float32)
    painted = splat(np.array([9.0, 2.0, 4.0]), boxes, (4, 4), smooth=False)
    assert painted[0].tolist() == [2, 3, 4, 0]
    assert (painted[2:] == 0).all()


def test_smoothing_keeps_patch_centres_and_uncovered_pixels():
    boxes = _grid(5, 1, 9, 9)
    painted = splat(np.array([0, 0, 6.0, 0, 0]), boxes, (60, 9), smooth=True)
    assert painted[4, 22] == pytest.approx(6, abs=1e-4)
    assert 0 < painted[4, 27] < 6
    assert (painted[:, 45:] == 0).all()


def test_the_planted_patch_is_the_only_one_coloured():
    boxes = _grid(3, 2, 10, 9)
    out = render_overlay(PLAIN, np.array([0, 0, 0, 0, 2.0, 0]), boxes, BLOCKS)
    changed = (out != PLAIN).any(-1)
    assert changed[9:, 10:20].all()
    assert changed.sum() == 90
    assert (out[12, 15] == colormap_table("viridis")[255]).all()


@pytest.mark.parametrize("signed", [False, True])
def test_a_zero_map_shows_the_plain_picture(signed):
    style = OverlayStyle(legend=False, signed=signed, contour=0.5)
    assert (render_overlay(PLAIN, np.zeros(6), _grid(3, 2, 10, 9), style) == PLAIN).all()


def test_a_shared_scale_does_not_stretch_a_weak_map():
    boxes, values = _grid(3, 2, 10, 9), np.array([0, 1.0, 0, 0, 0, 0])
    shared = render_overlay(PLAIN, values, boxes, OverlayStyle(smooth=False, legend=False, opacity=1, vmax=2))
    expected = np.round(100 * 0.5 + colormap_table("viridis")[128].astype(float) * 0.5)
    assert np.abs(shared[4, 15] - expected).max() <= 1


def test_signed_maps_use_both_ends_of_the_diverging_table():
    boxes = _grid(3, 2, 10, 9)
    style = OverlayStyle(smooth=False, legend=False, opacity=1, signed=True)
    out = render_overlay(PLAIN, np.array([-3.0, 3.0, 0, 0, 0, 0]), boxes, style)
    table = colormap_table("diverging")
    assert (out[4, 5] == table[0]).all()
    assert (out[4, 15] == table[255]).all()
    assert (out[4, 25] == 100).all()


def test_negative_values_of_an_unsigned_map_are_not_drawn():
    out = render_overlay(PLAIN, np.array([-3.0, 1.0, 0, 0, 0, 0]), _grid(3, 2, 10, 9), BLOCKS)
    assert (out[4, 5] == 100).all()


def test_the_legend_is_added_outside_the_picture():
    picture = np.full((90, 300, 3), 100, np.uint8)
    style = OverlayStyle(opacity=0, label="Attention", unit="weight")
    out = render_overlay(picture, np.ones(6), _grid(3, 2, 100, 45), style)
    assert out.shape == (90 + LEGEND_HEIGHT, 300, 3)
    assert (out[:90] == picture).all()
    assert (out[90 + 14, 8] == colormap_table("viridis")[0]).all()
    assert (out[90 + 14, 291] == colormap_table("viridis")[255]).all()


def test_a_contour_surrounds_the_strong_patch():
    style = OverlayStyle(smooth=False, legend=False, opacity=0, contour=0.5)
    out = render_overlay(
        np.full((90, 150, 3), 100, np.uint8), np.array([0, 0, 0, 0, 1.0, 0]), _grid(3, 2, 50, 45), style
    )
    assert (out[45, 75] != 100).any()
    assert (out[67, 75] == 100).all()


def test_png_is_lossless():
    import cv2

    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    back = cv2.imdecode(np.frombuffer(encode_png(picture), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert (back == picture).all()


@pytest.mark.parametrize("name", NAMES)
def test_page_and_export_share_their_colours(name):
    assert (page_table(name) == colormap_table(name)).all()


def test_an_unknown_colour_map_is_named():
    with pytest.raises(UserFacing, match="jet"):
        colormap_table("jet")


def test_zones_divide_patches_by_area():
    sums = zone_sums(np.array([6.0]), np.array([[0, 0, 45, 30]], np.float32), (90, 90))
    assert sums.tolist() == pytest.approx([4, 2, 0, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0, 0, 0, 0, 0, 0, 3.0, 1.0, 0], "left lower zone of the picture, 75 % of the image evidence"),
        ([0, 0, 0, 0, 1.0, 0, 0, 0, 0], "centre of the picture, 100 % of the image evidence"),
        ([1.0] * 9, "spread over the picture without a clear place"),
        ([0.0] * 9, "no region stands out"),
        ([-5.0, 1.0, 0, 0, 0, 0, 0, 0, 0], "central upper zone of the picture, 100 % of the image evidence"),
    ],
)
def test_a_map_in_words(values, words):
    assert region_in_words(np.array(values), _grid(3, 3, 30, 20), (90, 60)) == words
