"""Changed pictures: only what should change does."""

import numpy as np
import pytest

from tests.tiny import picture
from workbench.errors import UserFacing
from workbench.explain.interventions.edits import (
    REGION_FILLS,
    WHOLE_EDITS,
    keep_region,
    other_picture,
    remove_region,
    whole_edit,
)


def _square(size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture with a white square, and the square's mask."""
    pixels = np.full((size, size, 3), 80, np.uint8)
    mask = np.zeros((size, size), bool)
    mask[10:20, 15:25] = True
    pixels[mask] = 255
    return pixels, mask


@pytest.mark.parametrize("fill", REGION_FILLS)
def test_removing_changes_the_region_alone(fill) -> None:
    pixels, mask = _square()
    before = pixels.copy()
    out = remove_region(pixels, mask, fill)
    assert np.array_equal(pixels, before)
    assert np.array_equal(out[~mask], pixels[~mask])
    assert out[mask].max() < 200
    assert out.dtype == np.uint8 and out.shape == pixels.shape


def test_inpainting_grows_the_surroundings_also_on_large_pictures() -> None:
    for size in (40, 900):
        pixels, mask = _square(size)
        assert np.abs(remove_region(pixels, mask, "inpaint")[mask].astype(int) - 80).max() <= 2  # rounding


def test_the_mean_fill_is_the_mean_colour() -> None:
    pixels, mask = _square()
    assert (remove_region(pixels, mask, "mean")[mask] == round(80 + 175 * 100 / 1600)).all()


def test_keeping_is_the_opposite_of_removing() -> None:
    pixels, mask = _square()
    for fill in ("blur", "mean"):
        assert np.array_equal(keep_region(pixels, mask, fill), remove_region(pixels, ~mask, fill))
    with pytest.raises(UserFacing):
        keep_region(pixels, mask, "inpaint")


def test_inpainting_everything_is_refused() -> None:
    pixels, mask = _square()
    with pytest.raises(UserFacing):
        remove_region(pixels, np.ones_like(mask), "inpaint")
    with pytest.raises(ValueError):
        remove_region(pixels, mask, "paint")


@pytest.mark.parametrize("edit", WHOLE_EDITS)
def test_whole_edits_keep_the_size_and_the_original(edit) -> None:
    pixels = picture(50, 30).pixels
    before = pixels.copy()
    out = whole_edit(pixels, edit)
    assert out.shape == pixels.shape and out.dtype == np.uint8
    assert np.array_equal(pixels, before)
    assert not np.array_equal(out, pixels)


def test_what_the_whole_edits_are() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30] = (200, 100, 50)
    assert (whole_edit(pixels, "blank") == 127).all()
    assert np.array_equal(whole_edit(pixels, "flip")[:, 30:], pixels[:, :30])
    assert np.array_equal(whole_edit(whole_edit(pixels, "flip"), "flip"), pixels)
    assert np.array_equal(whole_edit(pixels, "noise", 3), whole_edit(pixels, "noise", 3))
    assert not np.array_equal(whole_edit(pixels, "noise", 3), whole_edit(pixels, "noise", 4))
    with pytest.raises(ValueError):
        whole_edit(pixels, "rotate")


def test_noise_has_the_mean_and_spread_of_each_channel() -> None:
    pixels = np.random.default_rng(0).normal((120, 100, 90), (20, 10, 5), (200, 200, 3)).astype(np.uint8)
    noise = whole_edit(pixels, "noise").astype(float)
    assert noise.mean((0, 1)) == pytest.approx(pixels.mean((0, 1)), abs=1)
    assert noise.std((0, 1)) == pytest.approx(pixels.std((0, 1)), abs=1)


def test_another_picture_is_fitted_without_stretching() -> None:
    other = np.zeros((10, 40, 3), np.uint8)
    other[:, :20] = 250
    out = other_picture(other, (80, 60))
    assert out.shape == (60, 80, 3)
    assert (out[:19] == 125).all() and (out[41:] == 125).all()  # its mean above and below
    assert (out[21:39, :38] == 250).all() and (out[21:39, 42:] == 0).all()
