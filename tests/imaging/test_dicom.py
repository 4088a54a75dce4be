"""DICOM: grey values by hand, windows, colour, frames, and clear refusals."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1, generate_uid

from workbench.errors import UserFacing
from workbench.imaging import ImageLimits, load_image, rewindow


def _object(pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian, **fields: object) -> bytes:
    """A small DICOM file around `[H, W]` or `[F, H, W]` integers."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = "MRN123"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if pixels.ndim == 3:
        dataset.NumberOfFrames = len(pixels)
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    for name, value in fields.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


RAMP = np.tile(np.arange(32, dtype=np.int16) * 100, (20, 1))  # 0..3100


def test_rescale_and_window_by_hand():
    data = _object(
        RAMP, Modality="CT", RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=1000, WindowWidth=2000
    )
    image = load_image(data)
    assert image.window.label == "As stored"
    # Stored 1000 -> 2 * 1000 - 1000 = 1000 HU, the window's centre -> (0.5 / 1999 + 0.5) * 255 = 127.56.
    assert image.pixels[0, 10].tolist() == [128] * 3
    assert image.pixels[0, 5, 0] == 0  # 0 HU, the lower end
    assert image.pixels[0, 15, 0] == 255  # 2000 HU, the upper end
    assert image.grey.values[0, 31] == 5200
    assert image.modality == "CT"


def test_ct_presets_are_offered_and_chosen_by_name():
    data = _object(RAMP, Modality="CT", RescaleSlope=1, RescaleIntercept=-1000)
    labels = [preset.label for preset in load_image(data).grey.presets]
    assert labels == ["Soft tissue", "Lung", "Liver", "Bone", "Brain", "Percentile", "Full range"]
    lung = load_image(data, window="LUNG")
    assert (lung.window.center, lung.window.width) == (-600, 1500)
    with pytest.raises(UserFacing, match="Soft tissue"):
        load_image(data, window="kidney")
    assert rewindow(lung, lung.grey.presets[3], False).window.label == "Bone"


@pytest.mark.parametrize(
    ("fields", "hounsfield"),
    [
        ({}, False),
        ({"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "US"}, False),
        ({"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}, True),
        ({"RescaleSlope": 1, "RescaleIntercept": -1024}, True),
    ],
)
def test_only_a_ct_in_hounsfield_units_is_offered_their_windows(fields, hounsfield):
    labels = [preset.label for preset in load_image(_object(RAMP, Modality="CT", **fields)).grey.presets]
    assert labels[0] == ("Soft tissue" if hounsfield else "Percentile")
    assert ("Lung" in labels) == hounsfield


@pytest.mark.parametrize(
    ("slope", "intercept", "last"),
    [("", -1024, 2076), (None, -1024, 2076), (2, "", 6200), ("", "", 3100), (2, None, 3100)],
)
def test_an_empty_slope_or_intercept_changes_nothing(slope, intercept, last):
    """None leaves the field out: an intercept alone counts, a slope alone does not."""
    given = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    data = _object(RAMP, **{name: value for name, value in given.items() if value is not None})
    assert load_image(data).grey.values[0, 31] == last


def _padded(value: int, dtype: type = np.int16, **fields: object) -> bytes:
    """RAMP with its first ten columns filled with `value`."""
    pixels = RAMP.astype(dtype)
    pixels[:, :10] = np.array(value).astype(dtype)
    return _object(pixels, **fields)


@pytest.mark.parametrize(
    ("value", "dtype", "fields"),
    [
        (-2000, np.int16, {"PixelPaddingValue": -2000}),
        (60_000, np.uint16, {"PixelPaddingValue": 60_000}),
        (-2000, np.int16, {"PixelPaddingValue": -3000, "PixelPaddingRangeLimit": -1500}),
        (-2000, np.int16, {"PixelPaddingValue": -1500, "PixelPaddingRangeLimit": -3000}),
        (60_000, np.uint16, {"PixelPaddingValue": 60_000, "PhotometricInterpretation": "MONOCHROME1"}),
    ],
)
def test_padding_is_black_and_no_part_of_the_automatic_windows(value, dtype, fields):
    image = load_image(_padded(value, dtype, **fields))
    full = next(preset for preset in image.grey.presets if preset.label == "Full range")
    assert full.ends == (1000, 3100)
    assert (image.pixels[:, :10] == 0).all()
    assert sorted(image.pixels[0, [10, 31], 0].tolist()) == [0, 255]
    assert any(note.startswith("Padding") for note in image.notes)
    assert not any("missing" in note for note in image.notes)


def test_a_padding_value_with_the_other_sign_is_known_by_its_bits():
    data = pydicom.dcmread(io.BytesIO(_padded(-2000, PixelPaddingValue=-2000)))
    data["PixelPaddingValue"].VR, data.PixelPaddingValue = "US", 2**16 - 2000
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    assert (load_image(out.getvalue()).pixels[:, :10] == 0).all()


def test_a_backdrop_far_below_all_else_is_no_part_of_the_percentile_window():
    image = load_image(_object(np.where(RAMP < 1000, 0, 5000 + RAMP).astype(np.int16)))
    percentile, full = image.grey.presets
    assert (percentile.ends, full.ends) == ((6000, 8100), (0, 8100))
    assert image.pixels[0, [0, 9, 10, 31], 0].tolist() == [0, 0, 0, 255]
    assert any(note.startswith("The lowest value lies far below") for note in image.notes)


def test_labels_and_pictures_that_reach_down_to_their_lowest_value_have_no_backdrop():
    for pixels, ends in ((np.where(RAMP < 1000, 0, 5000 + RAMP // 1000), (0, 5003)), (RAMP, (0, 3100))):
        image = load_image(_object(pixels.astype(np.int16)))
        assert image.grey.presets[0].ends == ends
        assert not any("lowest" in note for note in image.notes)


def test_a_picture_of_nothing_but_padding_is_shown_as_stored():
    image = load_image(_object(RAMP * 0 + 7, PixelPaddingValue=7, WindowCenter=7, WindowWidth=10))
    assert image.pixels[0, 0, 0] == round((7 - 6.5) / 9 * 255 + 127.5)


def test_signed_values_keep_their_sign():
    image = load_image(_object(np.tile(np.arange(-16, 16, dtype=np.int16) * 10, (20, 1)), Modality="MR"))
    assert image.grey.values.min() == -160
    assert image.pixels[0, 0, 0] < image.pixels[0, 31, 0]


def test_monochrome1_is_turned_once():
    plain = load_image(_object(RAMP, Modality="CR"))
    turned = load_image(_object(RAMP, Modality="CR", PhotometricInterpretation="MONOCHROME1"))
    assert np.abs(turned.pixels.astype(int) - (255 - plain.pixels.astype(int))).max() <= 1
    assert any("MONOCHROME1" in note for note in turned.notes)
    windowed = load_image(
        _object(RAMP, PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=2000)
    )
    assert windowed.pixels[0, 0, 0] == 255
    assert windowed.pixels[0, 20, 0] == 0


def test_the_first_frame_is_taken_and_said():
    frames = np.stack([RAMP, RAMP * 0])
    image = load_image(_object(frames))
    assert image.pixels[0, 31, 0] == 255
    assert "Frame 1 of 2 is shown." in image.notes


def test_identifiers_stay_behind_and_are_counted():
    data = _object(RAMP, PixelSpacing=[0.5, 0.25])
    image = load_image(data)
    assert b"Doe" in data
    assert "Doe" not in repr(image) and "MRN" not in repr(image)
    assert image.spacing_mm == (0.5, 0.25)
    assert any("header fields were left behind" in note for note in image.notes)


def test_a_file_without_the_preamble_is_still_dicom():
    data = _object(RAMP)
    assert load_image(data[132:]).pixels.shape == (20, 32, 3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_object(RAMP, PixelData=None), "no picture"),
        (_object(RAMP, BurnedInAnnotation="YES"), "burned into"),
        (_object(RAMP, Rows=None), "how large"),
        (_object(RAMP)[:-400], "damaged"),
        (_object(RAMP, Rows=60_000, Columns=60_000), "60,000"),
    ],
)
def test_unfit_objects_are_refused(data, words):
    with pytest.raises(UserFacing) as fault:
        load_image(data)
    assert words in fault.value.message
    assert fault.value.hint


def test_a_compression_without_decoder_names_itself():
    data = _object(RAMP)
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 not a picture \xff\xd9"])
    dataset["PixelData"].VR = "OB"
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    with pytest.raises(UserFacing, match="cannot be decoded here \\(JPEG Lossless"):
        load_image(out.getvalue())


@pytest.mark.parametrize(
    ("name", "shape", "modality"),
    [
        ("CT_small.dcm", (128, 128, 3), "CT"),
        ("MR_small.dcm", (64, 64, 3), "MRI"),
        ("MR_small_RLE.dcm", (64, 64, 3), "MRI"),
        ("examples_rgb_color.dcm", (240, 320, 3), "ultrasound"),
        ("examples_ybr_color.dcm", (240, 320, 3), "ultrasound"),
        ("examples_palette.dcm", (350, 800, 3), "ultrasound"),
        ("ExplVR_BigEnd.dcm", (60, 80, 3), "ultrasound"),
    ],
)
def test_sample_objects_of_the_package(name, shape, modality):
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"pydicom's wheel has no {name}")
    image = load_image(path)
    assert (image.pixels.shape, image.modality) == (shape, modality)


def test_colours_of_a_palette_and_of_ybr_are_real():
    palette = load_image(get_testdata_file("examples_palette.dcm", download=False)).pixels.astype(int)
    assert (np.ptp(palette, axis=2) > 30).any()
    ybr = load_image(get_testdata_file("examples_ybr_color.dcm", download=False)).pixels.astype(int)
    assert (np.ptp(ybr, axis=2) > 30).any()
    assert np.median(ybr) < 40  # mostly black; YBR read as RGB would be green


def test_limits_hold_for_dicom_too():
    with pytest.raises(UserFacing, match="limit"):
        load_image(_object(RAMP), limits=ImageLimits(max_pixels=100))


def test_shared_objects_load_or_are_refused_in_words(real_data):
    for path in sorted((real_data / "dicom").glob("*.dcm")):
        try:
            assert load_image(path).pixels.ndim == 3
        except UserFacing as fault:
            assert fault.message.endswith(".")
