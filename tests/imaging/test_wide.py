"""16-bit colour and 64-bit numbers keep their light, orientation and limits."""

import cv2
import numpy as np
import pytest
from PIL import Image

from workbench.errors import UserFacing
from workbench.imaging import ImageLimits, load_image
from workbench.imaging.wide import load_wide

# Channels by hand: red rises to 4095 (12 bits), green is half of it, blue is 1000 everywhere.
RED = np.tile(np.linspace(0, 4095, 64).round().astype(np.uint16), (48, 1))
RGB16 = np.stack([RED, RED // 2, np.full_like(RED, 1000)], 2)


def _encoded(values: np.ndarray, kind: str) -> bytes:
    """`values` in RGB(A) order or grey."""
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(values.shape[2] if values.ndim == 3 else 0)
    return cv2.imencode(f".{kind}", values if order is None else values[:, :, order])[1].tobytes()


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_twelve_bit_colours_in_sixteen_bits_are_not_black(kind):
    image = load_image(_encoded(RGB16, kind))
    # 4095 of 4095 -> 255; 2047 -> 127.47; 1000 -> 62.27.
    assert image.pixels[0, -1].tolist() == [255, 127, 62]
    assert image.pixels[0, 0].tolist() == [0, 0, 62]
    assert "Colours of 12 bits a channel: values 0 to 4095 are shown as dark to bright." in image.notes
    assert image.grey is None


def test_full_range_colours_keep_their_high_byte():
    values = RGB16.copy()
    values[0, 0] = 65535
    image = load_image(_encoded(values, "png"))
    assert image.pixels[0, -1].tolist() == [16, 8, 4]  # 4095, 2047 and 1000 of 65535
    assert any("16 bits" in note for note in image.notes)


def test_transparency_is_multiplied_onto_black():
    alpha = np.full(RED.shape, 65535, np.uint16)
    alpha[:10] = 0
    image = load_image(_encoded(np.dstack([RGB16, alpha]), "png"))
    assert not image.pixels[:10].any()
    assert image.pixels[20, -1].tolist() == [255, 127, 62]
    assert "Transparent parts are shown on black." in image.notes


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_three_equal_channels_are_grey_and_can_be_windowed(kind):
    image = load_image(_encoded(np.repeat(RED[:, :, None], 3, axis=2), kind))
    assert image.grey.values.tolist() == RED.tolist()
    assert image.pixels[0, -1, 0] == 255


def test_sixty_four_bit_grey_is_windowed_by_percentile():
    values = np.linspace(-3, 5, 64 * 48).reshape(48, 64)
    image = load_image(_encoded(values, "tif"))
    low, high = np.percentile(values, [0.5, 99.5])
    assert np.abs(image.pixels[:, :, 0] - np.clip((values - low) / (high - low) * 255, 0, 255)).max() <= 1
    assert any("floating-point" in note for note in image.notes)
    assert any("-2.96 to 4.96" in note and "percentile" in note for note in image.notes), image.notes
    inverted = load_image(_encoded(values, "tif"), invert=True, window="full range")
    assert inverted.pixels[0, 0, 0] == 255
    assert inverted.window.width == 8


def test_colour_floats_share_one_scale():
    values = np.zeros((40, 50, 3), np.float32)
    values[:, 25:, 0], values[:, 25:, 1] = 1, 0.5
    image = load_image(_encoded(values, "tif"))
    assert image.pixels[0, -1].tolist() == [255, 128, 0]
    assert any("percentile" in note for note in image.notes)


def _turn(stored: bytes, orientation: int) -> bytes:
    """Put an eXIf chunk into a PNG after its header."""
    import struct
    import zlib

    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "Jane Doe MRN123"
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    return (
        stored[:33]
        + struct.pack(">I", len(body) - 4)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + stored[33:]
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_as_pillow_applies_it(orientation):
    data = _turn(_encoded(RGB16, "png"), orientation)
    eight = _turn(_encoded((RGB16 >> 4).astype(np.uint8), "png"), orientation)
    wide, narrow = load_image(data), load_image(eight)
    assert wide.pixels.shape == narrow.pixels.shape
    assert np.abs(wide.pixels.astype(int) - narrow.pixels).max() <= 1
    assert b"Jane" in data and "Jane" not in repr(wide)


def test_pictures_that_pillow_reads_whole_are_left_to_it():
    for kind, values in (
        ("png", RED), ("tif", RED), ("png", RGB16.astype(np.uint8)), ("tif", RGB16.astype(np.uint8)),
        ("tif", RED.astype(np.float32)),
    ):  # fmt: skip
        name = {"tif": "tiff"}.get(kind, kind)
        assert (
            load_wide(_encoded(values, kind), name, window=None, invert=False, limits=ImageLimits()) is None
        )


def test_frames_of_a_wide_tiff_are_counted():
    data = cv2.imencodemulti(".tif", [RGB16[:, :, ::-1], RGB16[:, :, ::-1] // 2, RGB16[:, :, ::-1]])[
        1
    ].tobytes()
    image = load_image(data)
    assert "Frame 1 of 3 is shown." in image.notes
    assert image.pixels[0, -1].tolist() == [255, 127, 62]


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_limits_come_before_decoding(kind, monkeypatch):
    data = _encoded(RGB16, kind)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded before the size was checked"))
    with pytest.raises(UserFacing, match="limit"):
        load_image(data, limits=ImageLimits(max_pixels=3000))


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_a_cut_off_wide_picture_is_one_sentence(kind):
    data = _encoded(np.random.default_rng(0).integers(0, 65535, (48, 64, 3), np.uint16), kind)
    with pytest.raises(UserFacing) as fault:
        load_image(data[:300])
    assert fault.value.hint


def test_colour_has_no_window():
    with pytest.raises(UserFacing, match="colour"):
        load_image(_encoded(RGB16, "png"), window="Lung")
