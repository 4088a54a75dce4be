"""Odd pictures work and say how; bad ones get one sentence; nothing of the file's metadata survives."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from workbench.errors import UserFacing
from workbench.imaging import DisplayWindow, ImageLimits, from_array, load_image, rewindow
from workbench.imaging.windowing import apply_window, percentile_window

RAMP = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
RGB = np.stack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 50)], 2)


def _bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _png_header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_lossless_formats_arrive_exactly(kind, tmp_path):
    options = {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / "Doe^Jane.bin"
    path.write_bytes(_bytes(Image.fromarray(RGB), kind, **options))
    image = load_image(path)
    assert (image.pixels == RGB).all()
    assert (image.width, image.height) == (64, 48)
    assert not image.pixels.flags.writeable
    assert "Doe" not in repr(image)


def test_the_hash_follows_the_pixels():
    first, same = from_array(RGB), from_array(RGB.copy())
    assert first.sha256 == same.sha256 != from_array(255 - RGB).sha256
    with pytest.raises(ValueError, match="uint8"):
        from_array(RGB.astype(float))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:10, :20] = 255  # a mark in the upper left
    back = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1), 6: lambda a: np.rot90(a, 1), 
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]  # fmt: skip
    stored = Image.fromarray(np.ascontiguousarray(back(upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = load_image(_bytes(stored, "PNG", exif=exif))
    assert image.pixels.shape == upright.shape
    assert (image.pixels == upright).all()


def test_names_places_and_texts_in_a_file_do_not_survive():
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe MRN123"
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", "Jane Doe MRN123")
    for data in (
        _bytes(Image.fromarray(RGB), "PNG", exif=exif, pnginfo=text),
        _bytes(Image.fromarray(RGB), "JPEG", exif=exif),
    ):
        assert b"Jane" in data
        image = load_image(data)
        assert "Jane" not in repr(image)
        assert b"Jane" not in image.pixels.tobytes()


def test_sixteen_bit_grey_is_windowed_and_says_how():
    values = np.linspace(1000, 4000, 64 * 48).reshape(48, 64).astype(np.uint16)
    image = load_image(_bytes(Image.fromarray(values), "PNG"))
    low, high = np.percentile(values, [0.5, 99.5])
    expected = np.clip((values - low) / (high - low) * 255, 0, 255)
    assert np.abs(image.pixels[:, :, 0] - expected).max() <= 1
    assert any("1014" in note and "3984" in note for note in image.notes), image.notes
    assert image.grey is not None


def test_float_grey_with_odd_values_works():
    values = np.linspace(-1, 1, 64 * 48).reshape(48, 64).astype(np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    image = load_image(_bytes(Image.fromarray(values), "TIFF"))
    assert image.pixels[-1, -1, 0] == 255
    assert any("2 values" in note for note in image.notes)


def test_a_flat_high_bit_depth_picture_works():
    image = load_image(_bytes(Image.fromarray(np.full((32, 32), 700, np.uint16)), "PNG"))
    assert image.pixels.shape == (32, 32, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB"])
def test_other_colour_modes_become_rgb(mode):
    kind = "TIFF" if mode in ("CMYK", "LAB") else "PNG"
    image = load_image(
        _bytes(Image.fromarray(RGB).convert(mode) if mode != "LAB" else Image.new("LAB", (64, 48)), kind)
    )
    assert image.pixels.shape == (48, 64, 3)


def test_cmyk_says_so():
    image = load_image(_bytes(Image.fromarray(RGB).convert("CMYK"), "JPEG"))
    assert any("CMYK" in note for note in image.notes)


def test_transparency_is_flattened_on_black():
    rgba = np.dstack([RGB, np.full(RAMP.shape, 255, np.uint8)])
    rgba[:10, :10, 3] = 0
    image = load_image(_bytes(Image.fromarray(rgba), "PNG"))
    assert (image.pixels[:10, :10] == 0).all()
    assert (image.pixels[20:, 20:] == RGB[20:, 20:]).all()
    assert any("black" in note for note in image.notes)
    grey = Image.fromarray(np.dstack([RAMP, rgba[:, :, 3]]), "LA")
    assert (load_image(_bytes(grey, "PNG")).pixels[:10, :10] == 0).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_is_taken_and_said(kind):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "green")]
    options = {"lossless": True} if kind == "WEBP" else {}
    image = load_image(_bytes(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert image.pixels[5, 5].tolist() == [255, 0, 0]
    assert "Frame 1 of 3 is shown." in image.notes


@pytest.mark.parametrize(("width", "height"), [(2000, 120), (120, 2000), (16, 16)])
def test_wide_tall_and_small_pictures_work(width, height):
    image = load_image(_bytes(Image.new("L", (width, height), 7), "PNG"))
    assert (image.width, image.height) == (width, height)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"just some text, named x.png", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"<?xml version='1.0'?><svg></svg>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04....", "ZIP"),
        (_png_header(30_000, 30_000), "40 million"),
        (_png_header(12_000, 12_000, depth=1), "12,000"),
        (_png_header(100_000, 4), "4"),
        (_png_header(8, 8), "8 × 8"),
        (_png_header(4000, 20), "too thin"),
        (_bytes(Image.fromarray(RGB), "JPEG")[:600], "damaged"),
        (_bytes(Image.fromarray(RGB), "PNG")[:90], "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "cannot be read"),
        (b"\xff\xd8\xff" + b"garbage" * 20, "cannot be read"),
        (b"\0" * 128 + b"DICM" + b"garbage" * 20, "DICOM"),
    ],
)
def test_bad_input_gets_one_sentence_and_a_hint(data, words):
    with pytest.raises(UserFacing) as fault:
        load_image(data)
    assert words in fault.value.message
    assert fault.value.message.endswith(".")
    assert fault.value.hint


def test_huge_headers_are_refused_without_allocating():
    import tracemalloc

    tracemalloc.start()
    for size in ((30_000, 30_000), (12_000, 12_000)):
        with pytest.raises(UserFacing):
            load_image(_png_header(*size, depth=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(UserFacing, match="no file 'gone.png'"):
        load_image(tmp_path / "gone.png")
    with pytest.raises(UserFacing, match="folder"):
        load_image(tmp_path)
    big = tmp_path / "big.png"
    big.write_bytes(b"\x89PNG" + b"0" * 2000)
    with pytest.raises(UserFacing, match="limit"):
        load_image(big, limits=ImageLimits(max_bytes=1000))


def test_an_unreadable_name_or_file_is_one_sentence(tmp_path, monkeypatch):
    from pathlib import Path

    with pytest.raises(UserFacing, match="cannot be opened"):
        load_image(tmp_path / ("a" * 300))
    kept = tmp_path / "kept.png"
    kept.write_bytes(_bytes(Image.fromarray(RGB), "PNG"))

    def denied(_: Path) -> bytes:
        raise PermissionError("denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(UserFacing, match="cannot be opened") as fault:
        load_image(kept)
    assert "may read it" in fault.value.hint


def test_a_damaged_orientation_mark_is_no_reason_to_refuse():
    image = load_image(_bytes(Image.fromarray(RGB), "PNG", exif=b"Exif\0\0" + b"\xff" * 50))
    assert (image.pixels == RGB).all()
    assert any("orientation mark" in note for note in image.notes)


@pytest.mark.parametrize("depth", ["L", "RGB"])
def test_a_transparent_colour_becomes_black_and_is_said(depth):
    values, key = (RAMP, 252) if depth == "L" else (RGB, tuple(int(part) for part in RGB[0, -1]))
    image = load_image(_bytes(Image.fromarray(values), "PNG", transparency=key))
    assert not image.pixels[:, -1].any()
    assert image.pixels[0, 1].any()
    assert any("black" in note for note in image.notes)


def test_white_is_zero_is_turned_for_deep_tiffs():
    values = np.linspace(1000, 4000, 64 * 48).reshape(48, 64).astype(np.uint16)
    image = load_image(_bytes(Image.fromarray(values), "TIFF", tiffinfo={262: 0}))
    assert (image.pixels[0, 0, 0], image.pixels[-1, -1, 0]) == (255, 0)
    assert any("mirrored" in note for note in image.notes)


def test_many_frames_are_counted_in_time():
    def many(count: int) -> bytes:
        block = b"\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
        return _bytes(Image.new("P", (20, 20)), "GIF")[:-1] + block * count + b";"

    assert "Frame 1 of 301 is shown." in load_image(many(300)).notes
    assert "Frame 1 of several is shown." in load_image(many(400_000)).notes


def test_windows_by_hand():
    window = DisplayWindow(center=50, width=100, label="x")
    assert apply_window(np.array([[-10, 0, 50, 100, 200]]), window).tolist() == [[0, 0, 128, 255, 255]]
    assert percentile_window(np.zeros((3, 3))).width == 1
    assert percentile_window(np.full((2, 2), np.nan)).width == 1


def test_rewindowing_and_inverting():
    values = np.linspace(0, 1000, 64 * 48).reshape(48, 64).astype(np.uint16)
    image = load_image(_bytes(Image.fromarray(values), "PNG"))
    narrow = rewindow(image, DisplayWindow(500, 10, "narrow"), False)
    assert set(np.unique(narrow.pixels[:10])) == {0}
    assert any("narrow" in note for note in narrow.notes)
    assert sum(note.startswith("Grey values") for note in narrow.notes) == 1
    turned = rewindow(image, None, True)
    assert (turned.pixels == 255 - image.pixels).all()
    assert (rewindow(turned, None, False).pixels == image.pixels).all()


def test_eight_bit_pictures_invert_but_have_no_window():
    image = load_image(_bytes(Image.fromarray(RGB), "PNG"), invert=True)
    assert (image.pixels == 255 - RGB).all()
    assert (rewindow(image, None, False).pixels == RGB).all()
    with pytest.raises(UserFacing, match="8 bits"):
        rewindow(image, DisplayWindow(1, 2, "x"), False)
    with pytest.raises(UserFacing, match="8 bits"):
        load_image(_bytes(Image.fromarray(RGB), "PNG"), window="Lung")


def test_real_images_load(real_data):
    import json

    for line in (real_data / "manifest.jsonl").read_text().splitlines()[::8]:
        entry = json.loads(line)
        image = load_image(real_data / entry["file"])
        assert (image.width, image.height) == (entry["width"], entry["height"])
