"""Maps land where they belong, and an empty map stays an empty picture."""

import base64
import re

import cv2
import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.imaging.colormaps import NAMES, colormap_table
from workbench.imaging.overlay import LEAST_LEGEND_WIDTH, OverlayStyle, encode_png, render_overlay, splat

PLAIN = np.full((18, 30, 3), 100, np.uint8)
BLOCKS = OverlayStyle(smooth=False, legend=False, opacity=1.0)


def _grid(columns: int, rows: int, width: float, height: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    start = np.stack([x.ravel() * width, y.ravel() * height], 1)
    return np.concatenate([start, start + [width, height]], 1).astype(np.float32)


def test_patches_are_painted_exactly_on_a_wide_picture():
    painted = splat(np.arange(6.0), _grid(3, 2, 10, 9), (30, 18), smooth=False)
    assert painted.dtype == np.float32
    assert painted.shape == (18, 30)
    assert (painted == np.repeat(np.repeat([[0, 1, 2], [3, 4, 5]], 9, axis=0), 10, axis=1)).all()


def test_fractional_edges_follow_pixel_centres():
    painted = splat(np.array([1.0]), np.array([[0.4, 0.6, 2.5, 2.4]], np.float32), (4, 4), smooth=False)
    assert painted.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_neighbours_with_fractional_edges_leave_no_gap_and_share_no_pixel():
    painted = splat(np.ones(7), _grid(7, 1, 100 / 7, 3), (100, 3), smooth=False)
    assert (painted == 1).all()


def test_empty_boxes_are_skipped_uncovered_stays_zero_and_overlaps_average():
    boxes = np.array([[0, 0, 0, 4], [0, 0, 2, 2], [1, 0, 3, 2]], np.float32)
    painted = splat(np.array([9.0, 2.0, 4.0]), boxes, (4, 4), smooth=False)
    assert painted.tolist() == [[2, 3, 4, 0], [2, 3, 4, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("smooth", [False, True])
def test_padding_alone_paints_nothing(smooth):
    painted = splat(np.array([5.0, 7.0]), np.array([[4, 0, 4, 4], [0, 4, 4, 4]], np.float32), (4, 4), smooth)
    assert painted.shape == (4, 4)
    assert not painted.any()


def test_a_patch_clipped_by_padding_keeps_its_place():
    # A square model input over a 30 x 18 picture: the lower patches are cut, the last row is padding.
    boxes = np.array([[0, 0, 15, 15], [15, 0, 30, 15], [0, 15, 15, 18], [15, 15, 30, 18], [0, 18, 15, 18]])
    out = render_overlay(PLAIN, np.array([0, 0, 0, 1.0, 0]), boxes.astype(np.float32), BLOCKS)
    assert np.argwhere((out != PLAIN).any(-1)).min(0).tolist() == [15, 15]
    assert (out != PLAIN).any(-1).sum() == 3 * 15


@pytest.mark.parametrize("side", [10, 9])
def test_smoothing_is_a_straight_line_between_patch_centres(side):
    painted = splat(np.array([0, 6.0, 0]), _grid(3, 1, side, 4), (3 * side, 4), smooth=True)
    centres = side * np.array([0.5, 1.5, 2.5])
    expected = np.interp(np.arange(3 * side) + 0.5, centres, [0, 6, 0])
    assert painted[0].tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert np.abs(painted - painted[0]).max() < 1e-5


def test_smoothing_is_bilinear_in_both_directions():
    painted = splat(np.array([0, 0, 0, 8.0]), _grid(2, 2, 4, 8), (8, 16), smooth=True)
    # Pixel centre (4.5, 6.5): 5/8 of the way from x 2 to 6, 5/16 of the way from y 4 to 12.
    assert painted[6, 4] == pytest.approx(8 * 5 / 8 * 5 / 16, abs=1e-5)


def test_smoothing_stays_inside_the_covered_area():
    painted = splat(np.array([1.0, 1.0]), _grid(2, 1, 10, 10), (60, 30), smooth=True)
    assert painted[:10, :20].ravel().tolist() == pytest.approx([1.0] * 200, abs=1e-5)
    assert not painted[10:].any()
    assert not painted[:, 20:].any()


@pytest.mark.parametrize(
    ("values", "boxes"),
    [
        (np.ones(2), np.zeros((3, 4))),
        (np.ones((1, 2)), np.zeros((2, 4))),
        (np.array([np.nan]), np.ones((1, 4))),
        (np.ones(1), np.full((1, 4), np.inf)),
    ],
)
def test_maps_that_do_not_fit_are_refused(values, boxes):
    with pytest.raises(ValueError, match="match|finite"):
        splat(values, boxes, (4, 4), smooth=False)


@pytest.mark.parametrize("pixels", [PLAIN[:, :, 0], PLAIN.astype(np.float32), np.zeros((3, 3, 4), np.uint8)])
def test_other_pictures_than_8_bit_rgb_are_refused(pixels):
    with pytest.raises(ValueError, match="uint8"):
        render_overlay(pixels, np.ones(1), np.ones((1, 4)), BLOCKS)


@pytest.mark.parametrize(
    "wrong", [{"opacity": 1.2}, {"vmax": -1.0}, {"vmax": float("nan")}, {"contour": 0.0}]
)
def test_style_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OverlayStyle(**wrong)


def test_the_planted_patch_is_the_only_one_coloured():
    out = render_overlay(PLAIN, np.array([0, 0, 0, 0, 2.0, 0]), _grid(3, 2, 10, 9), BLOCKS)
    changed = (out != PLAIN).any(-1)
    assert changed[9:, 10:20].all()
    assert changed.sum() == 90
    assert (out[9:, 10:20] == colormap_table("viridis")[255]).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("vmax", [None, 0.0, 2.0])
def test_a_zero_map_shows_the_plain_picture(signed, vmax):
    style = OverlayStyle(signed=signed, contour=0.5, vmax=vmax)
    out = render_overlay(PLAIN, np.zeros(6), _grid(3, 2, 10, 9), style)
    assert (out[:18, :30] == PLAIN).all()


def test_a_zero_map_has_no_colour_bar():
    band = render_overlay(PLAIN, np.zeros(6), _grid(3, 2, 10, 9), OverlayStyle())[18:].astype(int)
    assert (band < 200).any()  # the sentence
    assert (band.max(-1) - band.min(-1)).max() < 40  # ink and paper only, no colours


def test_a_shared_scale_halves_the_place_on_the_colour_bar():
    boxes, values = _grid(3, 2, 10, 9), np.array([0, 1.0, 0, 0, 0, 0])
    out = render_overlay(PLAIN, values, boxes, OverlayStyle(smooth=False, legend=False, opacity=1, vmax=2))
    half = np.round(100 * 0.5 + colormap_table("viridis")[128].astype(float) * 0.5)
    assert np.abs(out[4, 15] - half).max() <= 1


def test_values_above_a_shared_scale_stop_at_its_top():
    boxes, values = _grid(3, 2, 10, 9), np.array([0, 5.0, 0, 0, 0, 0])
    out = render_overlay(PLAIN, values, boxes, OverlayStyle(smooth=False, legend=False, opacity=1, vmax=2))
    assert (out[4, 15] == colormap_table("viridis")[255]).all()


def test_opacity_is_the_cover_at_the_top_of_the_scale():
    style = OverlayStyle(smooth=False, legend=False, opacity=0.25)
    out = render_overlay(PLAIN, np.array([0, 1.0, 0, 0, 0, 0]), _grid(3, 2, 10, 9), style)
    expected = 75 + 0.25 * colormap_table("viridis")[255].astype(float)
    assert np.abs(out[4, 15] - expected).max() <= 0.5


def test_signed_maps_use_both_ends_of_the_diverging_table():
    style = OverlayStyle(smooth=False, legend=False, opacity=1, signed=True)
    out = render_overlay(PLAIN, np.array([-3.0, 3.0, 0, 0, 0, 0]), _grid(3, 2, 10, 9), style)
    table = colormap_table("diverging")
    assert (out[4, 5] == table[0]).all()
    assert (out[4, 15] == table[255]).all()
    assert (out[4, 25] == 100).all()


def test_negative_values_of_an_unsigned_map_are_neither_drawn_nor_on_the_scale():
    out = render_overlay(PLAIN, np.array([-3.0, 1.0, 0, 0, 0, 0]), _grid(3, 2, 10, 9), BLOCKS)
    assert (out[4, 5] == 100).all()
    assert (out[4, 15] == colormap_table("viridis")[255]).all()


def test_the_legend_is_added_outside_the_picture():
    picture = np.random.default_rng(1).integers(0, 255, (90, 640, 3), dtype=np.uint8)
    boxes = _grid(3, 2, 640 / 3, 45)
    style = OverlayStyle(opacity=0, label="Attention", unit="weight")
    out = render_overlay(picture, np.ones(6), boxes, style)
    assert out.shape[0] > 90
    assert out.shape[1:] == (640, 3)
    assert (out[:90] == picture).all()
    bar = out[90 + 20]
    (coloured,) = np.nonzero((bar != 255).any(-1))
    assert (bar[coloured[0]] == colormap_table("viridis")[0]).all()
    assert (bar[coloured[-1]] == colormap_table("viridis")[255]).all()


def test_label_and_unit_each_say_something_in_the_legend():
    picture, boxes = np.zeros((90, 640, 3), np.uint8), _grid(3, 2, 640 / 3, 45)

    def rendered(**words: str) -> np.ndarray:
        return render_overlay(picture, np.ones(6), boxes, OverlayStyle(**words))

    assert rendered(label="“Erguß” 肺").shape[0] > rendered().shape[0]
    assert (rendered(unit="weight") != rendered()).any()
    assert rendered(label="word " * 500).shape == rendered(label="word").shape


def test_a_narrow_picture_keeps_its_corner_and_gets_a_readable_legend():
    out = render_overlay(PLAIN, np.ones(6), _grid(3, 2, 10, 9), OverlayStyle(opacity=0))
    assert out.shape[1] == LEAST_LEGEND_WIDTH
    assert (out[:18, :30] == PLAIN).all()
    assert (out[:18, 30:] == 255).all()


def test_a_contour_surrounds_the_strong_patch():
    picture = np.full((90, 150, 3), 100, np.uint8)
    style = OverlayStyle(smooth=False, legend=False, opacity=0, contour=0.5)
    out = render_overlay(picture, np.array([0, 0.4, 0, 0, 1.0, 0]), _grid(3, 2, 50, 45), style)
    assert (out[45, 55:95] == 255).all()  # its upper edge
    assert (out[67, 75] == 100).all()  # its inside
    assert (out[10, 45:105] == 100).all()  # the weaker patch has none
    assert (out[:40] == 100).all()


def test_png_is_lossless():
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    back = cv2.imdecode(np.frombuffer(encode_png(picture), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert (back == picture).all()


@pytest.mark.parametrize("name", NAMES)
def test_page_and_export_share_their_colours(name, repo_root):
    script = (repo_root / "assets" / "viewer" / "colormaps.js").read_text(encoding="utf-8")
    written = re.search(rf'{name}:\s*((?:"[A-Za-z0-9+/=]+"[\s+]*)+),', script)[1]
    table = base64.b64decode("".join(re.findall(r'"([^"]+)"', written)))
    difference = np.frombuffer(table, np.uint8).reshape(256, 3).astype(int) - colormap_table(name)
    assert np.abs(difference).max() <= 1  # OpenCV's own rounding may depend on the processor


def test_the_diverging_map_is_grey_in_the_middle_and_symmetric_in_lightness():
    table = colormap_table("diverging")
    assert np.ptp(table[127].astype(int)) <= 2
    lightness = cv2.cvtColor(table[None], cv2.COLOR_RGB2LAB)[0, :, 0].astype(int)
    assert (np.diff(lightness[:128]) >= 0).all()
    assert (np.diff(lightness[128:]) <= 0).all()


def test_an_unknown_colour_map_is_named():
    with pytest.raises(UserFacing, match="jet"):
        colormap_table("jet")


def test_a_colour_table_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        colormap_table("viridis")[0] = 0
