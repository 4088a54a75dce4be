"""DICOM's windows and curves by hand (PS3.3 C.11.2), in made files and in pydicom's own."""

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from tests.imaging.test_dicom import RAMP, _object
from workbench.imaging import DisplayWindow, load_image, rewindow
from workbench.imaging.dicom import CT_PRESETS
from workbench.imaging.voi import stored_windows, windowed
from workbench.imaging.windowing import apply_window, shows_nothing

STEPS = np.tile(np.arange(-20, 120, dtype=np.int16), (20, 1))  # column k holds the value k - 20


def _greys(window: DisplayWindow, *values: float) -> list[int]:
    return apply_window(np.array([values], dtype=np.float32), window)[0].tolist()


def _curve(table: np.ndarray, first: int, bits: int, **fields: object) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(table) % 2**16, first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.LUTData = table.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    for name, value in fields.items():
        setattr(item, name, value)
    return Sequence([item])


@pytest.mark.parametrize(
    ("function", "value", "grey"),
    [
        # LINEAR (C.11.2.1.2.1): ((x - (c - 0.5)) / (w - 1) + 0.5) * 255 with c 40, w 80
        ("LINEAR", 0, 0.0),
        ("LINEAR", 79, 255.0),
        ("LINEAR", 20, (20 - 39.5) / 79 * 255 + 127.5),
        ("LINEAR", 60, (60 - 39.5) / 79 * 255 + 127.5),
        # LINEAR_EXACT (C.11.2.1.3.2): ((x - c) / w + 0.5) * 255
        ("LINEAR_EXACT", 0, 0.0),
        ("LINEAR_EXACT", 79, 79 / 80 * 255),
        ("LINEAR_EXACT", 20, 0.25 * 255),
        # SIGMOID (C.11.2.1.3.1): 255 / (1 + exp(-4 (x - c) / w))
        ("SIGMOID", 40, 127.5),
        ("SIGMOID", 60, 255 / (1 + np.exp(-1))),
        ("SIGMOID", -20, 255 / (1 + np.exp(3))),
    ],
)
def test_the_formulas_of_the_standard(function: str, value: float, grey: float) -> None:
    window = DisplayWindow(40, 80, "x", function)
    assert windowed(np.array([[value]], dtype=np.float32), window)[0, 0] == pytest.approx(grey)
    assert abs(_greys(window, value)[0] - grey) <= 0.5 + 1e-6
    image = load_image(_object(STEPS, WindowCenter=40, WindowWidth=80, VOILUTFunction=function))
    assert image.window.function == function
    assert image.pixels[0, value + 20].tolist() == _greys(window, value) * 3


def test_windows_are_linear_unless_the_file_says_otherwise() -> None:
    image = load_image(_object(STEPS, WindowCenter=40, WindowWidth=80))
    assert (image.window.function, image.window.ends) == ("LINEAR", (0, 79))
    assert image.pixels[0, 20 + 79, 0] == 255 > image.pixels[0, 20 + 78, 0]
    assert "Grey values 0 to 79 are shown as black to white (window “As stored”)." in image.notes
    assert load_image(_object(STEPS, WindowCenter=1, WindowWidth=1, VOILUTFunction="NEW")).window.width == 1
    assert {preset.function for preset in CT_PRESETS} == {"LINEAR"}


def test_a_linear_window_of_width_one_is_a_threshold_and_narrower_ones_are_exact() -> None:
    image = load_image(_object(STEPS, WindowCenter=40, WindowWidth=1))
    assert image.pixels[0, 20 + 39 : 20 + 41, 0].tolist() == [0, 255]
    narrow = load_image(_object(STEPS, WindowCenter=40, WindowWidth=0.5))
    assert narrow.window.function == "LINEAR_EXACT"
    assert narrow.pixels[0, 20 + 39 : 20 + 42, 0].tolist() == [0, 128, 255]


def test_infinite_and_missing_values_end_at_black_or_white() -> None:
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        assert _greys(DisplayWindow(40, 80, "x", function), np.nan, -np.inf, np.inf) == [0, 0, 255]
    curve = DisplayWindow(1, 2, "x", curve=np.array([10, 20, 30], np.float32))
    assert _greys(curve, np.nan, -np.inf, np.inf, 0, 0.6, 2) == [0, 10, 30, 10, 20, 30]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_low_is_white_mirrors_every_kind_of_window(function: str) -> None:
    fields = {"WindowCenter": 30, "WindowWidth": 50, "VOILUTFunction": function}
    plain = load_image(_object(STEPS, **fields)).pixels.astype(int)
    turned = load_image(_object(STEPS, PhotometricInterpretation="MONOCHROME1", **fields)).pixels.astype(int)
    assert np.abs(turned - (255 - plain)).max() <= 1  # halves round to even on both sides


def test_a_curve_is_followed_and_offered_before_the_window() -> None:
    table = np.round(4095 * np.sqrt(np.arange(4096) / 4095))
    sequence = _curve(table, 0, 12, LUTExplanation="NORMAL")
    image = load_image(_object(RAMP, VOILUTSequence=sequence, WindowCenter=1500, WindowWidth=3000))
    assert [preset.label for preset in image.grey.presets[:2]] == ["As stored: normal", "As stored 2"]
    for column in (0, 1, 10, 31):
        assert image.pixels[0, column, 0] == round(255 * np.sqrt(column * 100 / 4095))
    assert any("along a curve that the file brings (window “As stored: normal”)" in n for n in image.notes)
    straight = rewindow(image, image.grey.presets[1], False)
    assert straight.pixels[0, 15, 0] == round((1500 - 1499.5) / 2999 * 255 + 127.5)
    assert (rewindow(image, None, True).pixels == 255 - image.pixels).all()
    again = load_image(
        _object(RAMP, VOILUTSequence=sequence, WindowCenter=1500, WindowWidth=3000), window="As stored"
    )
    assert again.window.label == "As stored: normal"


def test_a_curve_of_low_is_white_pictures_is_mirrored() -> None:
    fields = {"VOILUTSequence": _curve(np.arange(3101) ** 2 / 3100**2 * 4095, 0, 12)}
    plain = load_image(_object(RAMP, **fields)).pixels.astype(int)
    turned = load_image(_object(RAMP, PhotometricInterpretation="MONOCHROME1", **fields)).pixels.astype(int)
    assert np.abs(turned - (255 - plain)).max() <= 1


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_curve_is_read_in_every_byte_order(syntax: str) -> None:
    big = syntax == ExplicitVRBigEndian
    pixels = RAMP.astype(">i2" if big else "<i2")
    sequence = _curve(np.arange(0, 4096, 2), 0, 12)
    if big:
        sequence[0].LUTData = np.arange(0, 4096, 2).astype(">u2").tobytes()
    data = _object(pixels, syntax, VOILUTSequence=sequence)
    greys = load_image(data).pixels[0, :, 0].tolist()
    assert greys[:4] == [round(value * 2 / 4095 * 255) for value in (0, 100, 200, 300)]
    assert greys[-1] == round(4094 / 4095 * 255)  # past its end, the last entry


def test_a_curve_of_eight_bits_may_be_long() -> None:
    """Each of 1,000 values has an entry of 8 bits: values past 255 must not wrap around."""
    image = load_image(_object(RAMP, VOILUTSequence=_curve(np.arange(1000) // 4, 0, 8)))
    assert image.pixels[0, :11, 0].tolist() == [0, 25, 50, 75, 100, 125, 150, 175, 200, 225, 249]


def test_a_curve_may_begin_below_zero() -> None:
    table, data = np.arange(0, 140) * 25, None
    for first in (-20, 2**16 - 20):  # the second is the first, read without its sign
        data = _object(STEPS, VOILUTSequence=_curve(table, first, 12))
        greys = load_image(data).pixels[0, :, 0]
        assert greys[[0, 20, 139]].tolist() == [0, round(500 / 4095 * 255), round(3475 / 4095 * 255)]


def test_entries_that_leave_bits_unused_are_read_in_the_bits_they_use() -> None:
    image = load_image(_object(RAMP, VOILUTSequence=_curve(np.arange(4096) // 16, 0, 16)))
    assert image.pixels[0, 31, 0] == 3100 // 16
    dim = load_image(_object(RAMP, VOILUTSequence=_curve(np.arange(4096) // 4, 0, 12)))
    assert dim.pixels[0, 31, 0] == round(775 / 4095 * 255)  # two bits unused: a dark curve, taken at its word


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: item.__setattr__("LUTData", b"\0\0"),
        lambda item: item.__delattr__("LUTDescriptor"),
        lambda item: item.__delattr__("LUTData"),
        lambda item: item.__setattr__("LUTDescriptor", [64, 0, 9]),
    ],
)
def test_a_curve_that_can_not_be_read_is_left_out(spoil) -> None:
    sequence = _curve(np.arange(64), 0, 12)
    spoil(sequence[0])
    image = load_image(_object(RAMP, VOILUTSequence=sequence, WindowCenter=1500, WindowWidth=3000))
    assert [preset.label for preset in image.grey.presets] == ["As stored", "Percentile", "Full range"]


def test_every_stored_window_is_offered_once_and_only_plain_names_are_taken_over() -> None:
    data = _object(
        RAMP,
        WindowCenter=[600, 300, 600, 50],
        WindowWidth=[1600, 900, 1600, 400],
        WindowCenterWidthExplanation=["LUNG", "Doe Jane", "LUNG", "SOFT_TISSUE"],
    )
    image = load_image(data)
    own = [preset for preset in image.grey.presets if preset.label.startswith("As stored")]
    assert [(preset.center, preset.width, preset.label) for preset in own] == [
        (600, 1600, "As stored: lung"),
        (300, 900, "As stored 2"),
        (50, 400, "As stored 3: soft tissue"),
    ]
    assert "Doe" not in repr(image)
    assert load_image(data, window="as stored 3").window == own[2]


def test_unusable_windows_are_left_out() -> None:
    header = Dataset()
    header.WindowCenter, header.WindowWidth = [10, 20, 30], [0, 5]
    assert [window.center for window in stored_windows(header, RAMP)] == [20]
    assert stored_windows(Dataset(), RAMP) == ()


def test_a_stored_window_that_shows_nothing_is_no_first_choice_and_that_is_said() -> None:
    image = load_image(_object(RAMP, WindowCenter=-500, WindowWidth=100))
    assert [preset.label for preset in image.grey.presets] == ["Percentile", "Full range", "As stored"]
    assert np.ptp(image.pixels) == 255
    assert any("shows nothing" in note for note in image.notes)
    asked = load_image(_object(RAMP, WindowCenter=-500, WindowWidth=100), window="As stored")
    assert (asked.pixels == 255).all() and any("shows nothing" in note for note in asked.notes)
    flat = load_image(_object(RAMP * 0, WindowCenter=-500, WindowWidth=100))
    assert flat.window.label == "As stored" and not any("nothing" in note for note in flat.notes)


def test_what_shows_nothing() -> None:
    values = np.array([[0.0, 10, 20, np.nan]])
    assert shows_nothing(values, DisplayWindow(100, 10, "x"))
    assert not shows_nothing(values, DisplayWindow(15, 5, "x"))
    assert not shows_nothing(np.zeros((1, 3)), DisplayWindow(100, 10, "x"))
    hump = np.zeros(21, np.float32)
    hump[10] = 200
    assert not shows_nothing(values, DisplayWindow(10, 20, "x", curve=hump))
    assert shows_nothing(values, DisplayWindow(10, 20, "x", curve=hump * 0))


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("MR_small.dcm", [(600, 1600)]),
        ("J2K_pixelrep_mismatch.dcm", [(40, 100), (40, 200)]),
        ("examples_overlay.dcm", [(450, 790), (200, 443)]),
    ],
)
def test_windows_of_sample_objects(name: str, own: list[tuple[float, float]]) -> None:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"pydicom's wheel has no {name}")
    image = load_image(path)
    stored = [preset for preset in image.grey.presets if preset.label.startswith("As stored")]
    assert [(preset.center, preset.width) for preset in stored] == own
    (center, width), values = own[0], image.grey.values.astype(np.float64)
    greys = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    assert np.abs(image.pixels[:, :, 0] - greys.clip(0, 255)).max() <= 0.5 + 1e-6
