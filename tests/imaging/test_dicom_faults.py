"""DICOM objects that lie, nest or unpack without end, and rare but honest ones, built in memory."""

import io
import resource
import time

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.imaging.test_dicom import RAMP, _object
from workbench.errors import UserFacing
from workbench.imaging import ImageLimits, load_image

RAMP8 = np.tile(np.arange(32, dtype=np.uint8) * 4, (20, 1))  # 0..124


def _saved(dataset: pydicom.Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _colour(photometric: str, pixel: tuple[int, ...]) -> bytes:
    """20 x 32 pixels of one 8-bit colour, uncompressed."""
    dataset = pydicom.dcmread(io.BytesIO(_object(RAMP8)))
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = len(pixel), 0
    dataset.PhotometricInterpretation = photometric
    dataset.PixelData = bytes(pixel) * (20 * 32)
    return _saved(dataset)


def _compressed(frame: bytes, syntax: str, pixels: np.ndarray = RAMP8) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(_object(pixels)))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    return _saved(dataset)


def _frame(kind: str, size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("L", size, 9).save(out, kind, **({"no_jp2": True} if kind == "JPEG2000" else {}))
    return out.getvalue()


def _with_j2k_size(frame: bytes, side: int) -> bytes:
    """The code stream with another picture and tile size in its SIZ segment."""
    at, size = frame.index(b"\xff\x51"), side.to_bytes(4, "big") * 2
    return frame[: at + 6] + size + frame[at + 14 : at + 22] + size + frame[at + 30 :]


def test_colours_by_hand():
    assert load_image(_colour("RGB", (200, 10, 20))).pixels[0, 0].tolist() == [200, 10, 20]
    # Pure red in full-range YBR (PS3.3 C.7.6.3.1.2): Y 76, Cb 85, Cr 255.
    red = load_image(_colour("YBR_FULL", (76, 85, 255))).pixels[0, 0].astype(int)
    assert np.abs(red - [254, 0, 0]).max() <= 1


def test_palette_colours_by_hand():
    dataset = pydicom.dcmread(io.BytesIO(_object(RAMP8)))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    tables = {"Red": np.arange(256), "Green": 255 - np.arange(256), "Blue": np.full(256, 7)}
    for name, table in tables.items():
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        dataset[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(dataset, f"{name}PaletteColorLookupTableData", (table * 257).astype("<u2").tobytes())
    image = load_image(_saved(dataset))
    assert image.pixels[0, 10].tolist() == [40, 215, 7]
    assert image.grey is None
    with pytest.raises(UserFacing, match="colour"):
        load_image(_saved(dataset), window="Lung")


@pytest.mark.parametrize("photometric", ["ARGB", "RGB"])
def test_a_number_of_channels_that_is_no_picture(photometric):
    pixel = (200, 10, 20, 9) if photometric == "ARGB" else (200, 10)
    with pytest.raises(UserFacing):
        load_image(_colour(photometric, pixel))


def test_eight_bit_grey_is_shown_unchanged_and_never_as_hounsfield_units():
    image = load_image(_object(RAMP8, Modality="CT"))
    assert image.pixels[:, :, 0].tolist() == RAMP8.tolist()
    assert [preset.label for preset in image.grey.presets] == ["As stored", "Percentile", "Full range"]
    own = load_image(_object(RAMP8, WindowCenter=62, WindowWidth=124))
    assert own.pixels[0, [0, 31], 0].tolist() == [0, 255]


def test_an_enhanced_object_takes_rescale_window_and_spacing_of_its_first_frame():
    def group(slope: float, center: float) -> Dataset:
        item, values, window = Dataset(), Dataset(), Dataset()
        values.RescaleSlope, values.RescaleIntercept = slope, -1000
        window.WindowCenter, window.WindowWidth = center, 2000
        item.PixelValueTransformationSequence = Sequence([values])
        item.FrameVOILUTSequence = Sequence([window])
        return item

    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing = [0.5, 0.25]
    shared.PixelMeasuresSequence = Sequence([measures])
    image = load_image(
        _object(
            np.stack([RAMP, RAMP]),
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence([group(2, 1000), group(9, 9)]),
        )
    )
    assert image.grey.values[0, 31] == 2 * 3100 - 1000
    assert (image.window.center, image.window.width) == (1000, 2000)
    assert image.spacing_mm == (0.5, 0.25)


def test_float_pixels_with_gaps_are_windowed_and_counted():
    values = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (20, 1))
    values[0, :2] = np.nan
    dataset = pydicom.dcmread(io.BytesIO(_object(RAMP.astype(np.int32))))
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.FloatPixelData = values.tobytes()
    dataset.PhotometricInterpretation = "MONOCHROME1"
    image = load_image(_saved(dataset))
    assert image.pixels[5, 0, 0] == 255 and image.pixels[5, 31, 0] == 0
    assert image.pixels[0, 0, 0] == 0
    assert any(note.startswith("2 values are missing") for note in image.notes)


def test_monochrome1_ct_window_still_covers_the_same_tissue():
    fields = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1000}
    plain = load_image(_object(RAMP, **fields), window="Lung")
    turned = load_image(_object(RAMP, PhotometricInterpretation="MONOCHROME1", **fields), window="Lung")
    assert np.abs(turned.pixels.astype(int) - (255 - plain.pixels.astype(int))).max() <= 1


def test_absurd_rescale_does_not_break_the_screen():
    image = load_image(_object(RAMP, RescaleSlope=1e300, RescaleIntercept=0))
    assert any("missing or infinite" in note for note in image.notes)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize("mark", ["YES", "yes ", ["YES", "NO"]])
def test_burned_in_text_is_refused_however_it_is_written(mark):
    with pytest.raises(UserFacing, match="burned into"):
        load_image(_object(RAMP, BurnedInAnnotation=mark))


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEG2000Lossless])
def test_compressed_frames_are_decoded(syntax):
    kind = "JPEG" if syntax == JPEGBaseline8Bit else "JPEG2000"
    image = load_image(_compressed(_frame(kind, (32, 20)), syntax))
    assert image.pixels[0, 0].tolist() == [9, 9, 9]


def test_a_compression_without_decoder_is_named():
    with pytest.raises(UserFacing, match="JPEG-LS"):
        load_image(_compressed(b"\xff\xd8\xff\xf7" + b"\0" * 90, JPEGLSLossless))


@pytest.mark.parametrize(
    ("frame", "syntax"),
    [
        (_with_j2k_size(_frame("JPEG2000", (32, 20)), 60_000), JPEG2000Lossless),
        (_frame("JPEG", (3000, 2000)), JPEGBaseline8Bit),
        (b"\1\0\0\0\x40\0\0\0" + b"\0" * 56 + b"\x81\x07" * 500_000, RLELossless),
    ],
    ids=["jpeg2000", "jpeg", "rle"],
)
def test_a_frame_larger_than_its_header_is_refused_before_decoding(frame, syntax):
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(UserFacing, match="damaged"):
        load_image(_compressed(frame, syntax))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert time.process_time() - start < 10


def test_a_deflated_object_works_and_a_deflate_bomb_does_not():
    dataset = pydicom.dcmread(io.BytesIO(_object(RAMP)))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert load_image(_saved(dataset)).pixels.shape == (20, 32, 3)
    dataset.add_new(0x00091010, "OB", b"\0" * 3_000_000)
    bomb = _saved(dataset)
    assert len(bomb) < 20_000
    with pytest.raises(UserFacing, match="Unpacked"):
        load_image(bomb, limits=ImageLimits(max_bytes=1_000_000))
    with pytest.raises(UserFacing):
        load_image(bomb[:400] + b"\xff" * 40)


def test_endless_nesting_is_one_sentence():
    data = _object(RAMP)
    at = data.index(b"\xe0\x7f\x10\x00")
    opened = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(UserFacing):
        load_image(data[:at] + opened * 5000)


@pytest.mark.parametrize("count", [0, 10**9, [1, 2]])
def test_a_false_number_of_frames_never_crashes(count):
    try:
        assert load_image(_object(RAMP, NumberOfFrames=count)).pixels.shape == (20, 32, 3)
    except UserFacing as fault:
        assert fault.hint


@pytest.mark.parametrize(
    "name",
    ["PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation"],
)
def test_missing_pixel_fields_are_one_sentence(name):
    with pytest.raises(UserFacing) as fault:
        load_image(_object(RAMP, **{name: None}))
    assert "damaged" in fault.value.message
