"""DICOM → MedicalImage. Only pixels, window, modality and spacing are taken; all other fields stay behind.

This module and `voi` are the only ones that import pydicom. Grey values follow PS3.3: stored value →
modality LUT (rescale) → window or curve; MONOCHROME1 is inverted once here.
"""

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

from workbench.errors import UserFacing
from workbench.imaging.limits import ImageLimits
from workbench.imaging.medical_image import DisplayWindow, GreySource, MedicalImage
from workbench.imaging.voi import numbers, stored_windows
from workbench.imaging.windowing import (
    automatic_windows,
    choose_window,
    grey_image,
    lost_values_note,
    make_image,
    mirrored,
    percentile_window,
    rewindow,
    shows_nothing,
)

CT_PRESETS = (
    DisplayWindow(40, 400, "Soft tissue", "LINEAR"),
    DisplayWindow(-600, 1500, "Lung", "LINEAR"),
    DisplayWindow(90, 150, "Liver", "LINEAR"),
    DisplayWindow(480, 2500, "Bone", "LINEAR"),
    DisplayWindow(40, 80, "Brain", "LINEAR"),
)
MODALITIES = {
    "CR": "X-ray", "DX": "X-ray", "RG": "X-ray", "RF": "fluoroscopy", "XA": "angiography",
    "MG": "mammography",
    "CT": "CT", "MR": "MRI", "US": "ultrasound", "IVUS": "ultrasound", "NM": "nuclear medicine", "PT": "PET",
    "OP": "fundus photograph", "OPT": "OCT", "ES": "endoscopy", "SM": "microscopy", "GM": "microscopy",
    "XC": "clinical photograph", "IO": "X-ray", "PX": "X-ray",
}  # fmt: skip
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
_FRAME_FIELDS = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "FrameVOILUTSequence": (
        "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction",
    ),
    "PixelMeasuresSequence": ("PixelSpacing",),
}  # fmt: skip
_PADDING_VALUES = tuple(f"{kind}PixelPaddingValue" for kind in ("", "Float", "DoubleFloat"))
_PADDING_LIMITS = tuple(f"{kind}PixelPaddingRangeLimit" for kind in ("", "Float", "DoubleFloat"))
_FEW_VALUES = 16
_BACKDROP = "The lowest value lies far below all others; it is left out of the percentile window."
_SHOWS_NOTHING = (
    "The window stored in this file lies outside its values and shows nothing, so it is not the first choice."
)
_USED_OUTSIDE_PIXEL_GROUPS = {pydicom.tag.Tag("Modality")}
_PIXEL_GROUPS = (0x0028, 0x7FE0)
# What pydicom and its decoders were seen to raise on damaged files; anything else is a bug of ours.
_FAULTS = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError,
    MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
_DAMAGED = "The DICOM file is damaged or cut off.", "Export or download it again."
_DAMAGED_PIXELS = "The pixels of this DICOM file are damaged or cut off.", "Export it again."
_DECODE_HINT = "Export it uncompressed, or save the picture as PNG."
logging.getLogger("pydicom").setLevel(logging.ERROR)


def load_dicom(data: bytes, *, window: str | None, invert: bool, limits: ImageLimits) -> MedicalImage:
    """Decode the first frame of a DICOM object; raises UserFacing when it cannot or must not be shown."""
    with _told_as(*_DAMAGED):
        dataset = _parse(data, limits)
        _refuse_unfit(dataset, limits)
        notes = _notes(dataset)
        _lift_frame_values(dataset)
    pixels = _decode(dataset)
    with _told_as(*_DAMAGED):
        fields = {
            "source_kind": "dicom",
            "modality": MODALITIES.get(_text(dataset, "Modality")),
            "spacing_mm": _spacing(dataset),
        }
        if pixels.ndim == 3:
            if window is not None:
                raise UserFacing(
                    "This picture is in colour, so there is nothing to window.", "Leave the window out."
                )
            image = make_image(_eight_bit(pixels, dataset), notes=notes, **fields)
            return rewindow(image, None, True) if invert else image
        grey, remarks = _grey(pixels, dataset)
        chosen = choose_window(grey.presets, window)
        return grey_image(grey, chosen, invert, notes=(*notes, *remarks), **fields)


@contextmanager
def _told_as(message: str, hint: str) -> Iterator[None]:
    """Turn faults of the DICOM library into one sentence, dropping its own, which may quote header values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _FAULTS:
        raise UserFacing(message, hint) from None


def _parse(data: bytes, limits: ImageLimits) -> pydicom.Dataset:
    _refuse_deflate_bomb(data, limits)
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if len(dataset) == 0:
        raise UserFacing("The DICOM file holds no data.", "Export or download it again.")
    if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
        big_endian = dataset.original_encoding[1] is False
        syntax = pydicom.uid.ExplicitVRBigEndian if big_endian else pydicom.uid.ImplicitVRLittleEndian
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _refuse_deflate_bomb(data: bytes, limits: ImageLimits) -> None:
    """pydicom inflates a deflated data set whole, so how large it gets is tried first, with a bound."""
    stream = io.BytesIO(data)
    read_preamble(stream, force=True)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    if meta.get("TransferSyntaxUID") != pydicom.uid.DeflatedExplicitVRLittleEndian:
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    if len(inflater.decompress(data[stream.tell() :], limits.max_bytes + 1)) > limits.max_bytes:
        raise UserFacing(
            f"Unpacked, this DICOM file has more than the {limits.max_bytes / 1e6:,.0f} MB allowed.",
            "Save one frame of it as PNG.",
        )


def _refuse_unfit(dataset: pydicom.Dataset, limits: ImageLimits) -> None:
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UserFacing(
            "This DICOM object has no picture in it.",
            "Choose an image object of the same study; if this should be one, download it again.",
        )
    if "YES" in _text(dataset, "BurnedInAnnotation"):
        raise UserFacing(
            "This DICOM object says that text is burned into its pixels, which may identify a person.",
            "Cut that text off, save the picture as PNG, and use that.",
        )
    rows, columns = _first(dataset.get("Rows")), _first(dataset.get("Columns"))
    if rows is None or columns is None:
        raise UserFacing("The DICOM file does not say how large its picture is.", "Export it again.")
    limits.check_size(int(columns), int(rows))


def _decode(dataset: pydicom.Dataset) -> np.ndarray:
    """First frame: `[H, W]` grey, or `[H, W, 3]` RGB."""
    syntax = dataset.file_meta.TransferSyntaxUID
    known = syntax.is_transfer_syntax and not syntax.is_private
    fault = _DAMAGED_PIXELS
    if known and syntax.is_compressed and syntax != pydicom.uid.DeflatedExplicitVRLittleEndian:
        fault = (
            f"The picture is compressed in a way that cannot be decoded here ({syntax.name}).",
            _DECODE_HINT,
        )
        with _told_as(*_DAMAGED_PIXELS):
            _refuse_other_size_inside(dataset)
    with _told_as(*fault):
        pixels = pixel_array(dataset, index=0)  # also turns YBR into RGB
        photometric = _text(dataset, "PhotometricInterpretation")
        if photometric == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise UserFacing("This DICOM file stores neither grey values nor three colours.", _DECODE_HINT)
    if pixels.ndim == 3 and photometric not in _COLOURS:
        raise UserFacing("The colours of this DICOM file are stored in a way not known here.", _DECODE_HINT)
    return pixels


def _refuse_other_size_inside(dataset: pydicom.Dataset) -> None:
    """A small size in the header must not hide a huge compressed frame: raises ValueError if it does."""
    frame = get_frame(dataset.PixelData, 0, number_of_frames=_frames(dataset))
    raw = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * (dataset.BitsAllocated // 8 or 1)
    if dataset.file_meta.TransferSyntaxUID == pydicom.uid.RLELossless and len(frame) > 1.1 * raw + 1024:
        raise ValueError("run-length data longer than the pixels")
    try:
        with Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000")) as header:
            size = header.size
    except Image.UnidentifiedImageError:
        return  # another compression; its decoder checks for itself
    except Image.DecompressionBombError as error:
        raise ValueError("huge frame") from error
    if size != (dataset.Columns, dataset.Rows):
        raise ValueError("the frame has another size than the header says")


def _grey(pixels: np.ndarray, dataset: pydicom.Dataset) -> tuple[GreySource, tuple[str, ...]]:
    _complete_rescale(dataset)
    with np.errstate(over="ignore", invalid="ignore"):  # absurd slopes end as infinite, which is noted
        values = np.array(apply_modality_lut(pixels, dataset), dtype=np.float32)
    notes = lost_values_note(values)
    padding = _padding(pixels, dataset)
    if padding.any() and not padding.all():
        values[padding] = np.nan
        notes = (*notes, "Padding around the picture is shown black and left out of the automatic windows.")
    presets, remarks = _presets(dataset, values)
    notes = (*notes, *remarks)
    if _text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        values, presets = mirrored(values, presets)
        told = "Stored with low values white (MONOCHROME1); its values were mirrored so that high is white."
        notes = (*notes, told)
    return GreySource(values, presets), notes


def _complete_rescale(dataset: pydicom.Dataset) -> None:
    """An empty slope or intercept changes nothing: 1 or 0 is put in its place."""
    for name, neutral in (("RescaleSlope", 1), ("RescaleIntercept", 0)):
        if name in dataset:
            setattr(dataset, name, neutral if (given := _first(dataset[name].value)) is None else given)
    if "RescaleIntercept" in dataset and "RescaleSlope" not in dataset:
        dataset.RescaleSlope = 1


def _padding(pixels: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    """Where the stored value says that nothing was measured (PS3.3 C.7.5.1.1.2), bool `[H, W]`."""
    value, limit = (
        next((found for name in names if (found := _first(dataset.get(name))) is not None), None)
        for names in (_PADDING_VALUES, _PADDING_LIMITS)
    )
    if value is None:
        return np.zeros(pixels.shape, bool)
    ends = np.array([value, value if limit is None else limit])
    if pixels.dtype.kind in "iu":  # some files give it with the other sign than the pixels: the bits count
        ends = ends.astype(np.int64).astype(pixels.dtype)
    return (pixels >= ends.min()) & (pixels <= ends.max())


def _eight_bit(pixels: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    depth = 16 if _text(dataset, "PhotometricInterpretation") == "PALETTE COLOR" else int(dataset.BitsStored)
    return (pixels.astype(np.float32) * (255.0 / (2**depth - 1))).clip(0, 255).round().astype(np.uint8)


def _text(dataset: pydicom.Dataset, name: str) -> str:
    return str(dataset.get(name, "")).strip().upper()


def _first(value: Any) -> float | None:
    return next(iter(numbers(value)), None)


def _frames(dataset: pydicom.Dataset) -> int:
    return max(1, int(_first(dataset.get("NumberOfFrames")) or 1))


def _lift_frame_values(dataset: pydicom.Dataset) -> None:
    """Enhanced objects keep rescale, window and spacing of a frame in sequences; lift frame 1's."""
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for group in list(dataset.get(groups) or [])[:1]:
            for sequence, names in _FRAME_FIELDS.items():
                for item in list(group.get(sequence) or [])[:1]:
                    for name in names:
                        if name in item and name not in dataset:
                            setattr(dataset, name, item[name].value)


def _presets(
    dataset: pydicom.Dataset, values: np.ndarray
) -> tuple[tuple[DisplayWindow, ...], tuple[str, ...]]:
    """The header's own windows, the CT presets for CT, and the automatic windows, in that order; with notes.

    Eight-bit values are finished pictures, not Hounsfield units: without a window they are shown unchanged.
    A window that shows nothing of this picture goes last.
    """
    finite = values[np.isfinite(values)]
    finished = dataset.BitsAllocated == 8 and not (finite < 0).any() and not (finite > 255).any()
    stored = stored_windows(dataset, values)
    presets = stored
    if not presets and finished:
        presets = (DisplayWindow(127.5, 255, "As stored"),)
    if _text(dataset, "Modality") == "CT" and not finished and _in_hounsfield_units(dataset):
        presets += CT_PRESETS
    empty = tuple(preset for preset in presets if shows_nothing(values, preset))
    automatic, remarks = automatic_windows(values), ()
    if (measured := _above_backdrop(finite)) is not None:
        automatic, remarks = (percentile_window(measured), *automatic[1:]), (_BACKDROP,)
    ordered = (*(preset for preset in presets if preset not in empty), *automatic, *empty)
    return ordered, (*remarks, _SHOWS_NOTHING) if set(stored[:1]) & set(empty) else remarks


def _above_backdrop(finite: np.ndarray) -> np.ndarray | None:
    """The values `[N]` above the lowest one where that one is padding in all but name, else None.

    It is when more than half of the greys between lowest and highest would go to the gap above it. Pictures
    of a few values (labels) have no backdrop.
    """
    rest = finite[finite > finite.min()] if finite.size else finite
    if rest.size == 0 or rest.min() - finite.min() <= np.ptp(rest) or len(np.unique(rest)) < _FEW_VALUES:
        return None
    return rest


def _in_hounsfield_units(dataset: pydicom.Dataset) -> bool:
    """Whether a CT was rescaled to Hounsfield units, which its Rescale Type may deny."""
    rescaled = "RescaleIntercept" in dataset or bool(dataset.get("ModalityLUTSequence"))
    return rescaled and _text(dataset, "RescaleType") in ("", "HU", "HU_MOD")


def _spacing(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """(row, column) mm; only as measured in the patient, since spacing at the detector is magnified."""
    spacing = dataset.get("PixelSpacing")
    try:
        row, column = (float(part) for part in spacing)
    except (TypeError, ValueError):
        return None
    return (row, column) if 0 < row < np.inf and 0 < column < np.inf else None


def _notes(dataset: pydicom.Dataset) -> tuple[str, ...]:
    """Which frame is shown, and how many top-level fields were not used; none of their values."""
    frames = _frames(dataset)
    tags = list(dataset.keys())  # iterating over the data set itself would parse every value
    dropped = sum(tag.group not in _PIXEL_GROUPS and tag not in _USED_OUTSIDE_PIXEL_GROUPS for tag in tags)
    said = f"{dropped} header fields were left behind; only the picture is used."
    return (f"Frame 1 of {frames} is shown.", said) if frames > 1 else (said,)
