"""DICOM → MedicalImage. Only pixels, window, modality and spacing are taken; all other fields stay behind.

The only module that imports pydicom. Grey values follow PS3.3: stored value → modality LUT (rescale) →
window; MONOCHROME1 is inverted once here.
"""

import io
import logging
import warnings
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut, apply_modality_lut, convert_color_space, pixel_array

from workbench.errors import UserFacing
from workbench.imaging.limits import ImageLimits
from workbench.imaging.medical_image import DisplayWindow, GreySource, MedicalImage
from workbench.imaging.windowing import choose_window, grey_image, make_image, percentile_window, rewindow

CT_PRESETS = (
    DisplayWindow(40, 400, "Soft tissue"),
    DisplayWindow(-600, 1500, "Lung"),
    DisplayWindow(90, 150, "Liver"),
    DisplayWindow(480, 2500, "Bone"),
    DisplayWindow(40, 80, "Brain"),
)
MODALITIES = {
    "CR": "X-ray", "DX": "X-ray", "RG": "X-ray", "RF": "fluoroscopy", "XA": "angiography",
    "MG": "mammography",
    "CT": "CT", "MR": "MRI", "US": "ultrasound", "IVUS": "ultrasound", "NM": "nuclear medicine", "PT": "PET",
    "OP": "fundus photograph", "OPT": "OCT", "ES": "endoscopy", "SM": "microscopy", "GM": "microscopy",
    "XC": "clinical photograph", "IO": "X-ray", "PX": "X-ray",
}  # fmt: skip
_DECODE_HINT = "Export it uncompressed, or save the picture as PNG."
logging.getLogger("pydicom").setLevel(logging.ERROR)


def load_dicom(data: bytes, *, window: str | None, invert: bool, limits: ImageLimits) -> MedicalImage:
    """Decode the first frame of a DICOM object; raises UserFacing when it cannot or must not be shown."""
    dataset = _parse(data)
    _refuse_unfit(dataset, limits)
    pixels = _decode(dataset)
    notes = [_dropped_note(dataset)]
    frames = int(getattr(dataset, "NumberOfFrames", 1) or 1)
    if frames > 1:
        notes.insert(0, f"Frame 1 of {frames} is shown.")
    fields = {
        "source_kind": "dicom",
        "modality": MODALITIES.get(str(getattr(dataset, "Modality", "")).upper()),
        "spacing_mm": _spacing(dataset),
        "notes": tuple(notes),
    }
    if pixels.ndim == 3:
        image = make_image(_eight_bit(pixels, dataset), **fields)
        return rewindow(image, None, True) if invert else image
    values = np.asarray(apply_modality_lut(pixels, dataset), dtype=np.float32)
    presets = _presets(dataset, values)
    if str(dataset.PhotometricInterpretation) == "MONOCHROME1":
        # Mirrored about the middle of its own range once, so that white means what it does elsewhere.
        span = float(values.max() + values.min())
        values, presets = (
            span - values,
            tuple(DisplayWindow(span - p.center, p.width, p.label) for p in presets),
        )
        fields["notes"] = (
            *fields["notes"],
            "Stored with low values white (MONOCHROME1); shown the usual way.",
        )
    grey = GreySource(values, presets)
    return grey_image(grey, choose_window(presets, window), invert, **fields)


def _parse(data: bytes) -> pydicom.Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            _ = [element.tag for element in dataset]
    except (
        InvalidDicomError,
        OSError,
        ValueError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
        NotImplementedError,
    ) as error:
        raise UserFacing("The DICOM file is damaged or cut off.", "Export or download it again.") from error
    if len(dataset) == 0:
        raise UserFacing("The DICOM file holds no data.", "Export or download it again.")
    return dataset


def _refuse_unfit(dataset: pydicom.Dataset, limits: ImageLimits) -> None:
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UserFacing(
            "This DICOM object has no picture in it.", "Choose an image object of the same study."
        )
    if str(getattr(dataset, "BurnedInAnnotation", "")).upper() == "YES":
        raise UserFacing(
            "This DICOM object says that text is burned into its pixels, which may identify a person.",
            "Cut that text off, save the picture as PNG, and use that.",
        )
    try:
        rows, columns = int(dataset.Rows), int(dataset.Columns)
    except (AttributeError, TypeError, ValueError) as error:
        raise UserFacing(
            "The DICOM file does not say how large its picture is.", "Export it again."
        ) from error
    limits.check_size(columns, rows)


def _decode(dataset: pydicom.Dataset) -> np.ndarray:
    """First frame: `[H, W]` grey, or `[H, W, 3]` RGB."""
    if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = pixel_array(dataset, index=0)
            return _colours(pixels, dataset)
    except (
        RuntimeError,
        NotImplementedError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        OSError,
        IndexError,
        EOFError,
    ) as error:
        name = getattr(syntax, "name", str(syntax))
        if getattr(syntax, "is_compressed", False):
            raise UserFacing(
                f"The picture is compressed in a way that cannot be decoded here ({name}).", _DECODE_HINT
            ) from error
        raise UserFacing(
            "The pixels of this DICOM file are damaged or cut off.", "Export it again."
        ) from error


def _colours(pixels: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        return apply_color_lut(pixels, dataset)
    if (
        photometric.startswith("YBR_FULL")
        and pixels.ndim == 3
        and dataset.file_meta.TransferSyntaxUID.is_compressed is False
    ):
        return convert_color_space(pixels, "YBR_FULL", "RGB")
    return pixels


def _eight_bit(pixels: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    depth = 16 if str(dataset.PhotometricInterpretation) == "PALETTE COLOR" else int(dataset.BitsStored)
    return (pixels.astype(np.float32) * (255.0 / (2**depth - 1))).clip(0, 255).astype(np.uint8)


def _first(value: Any) -> float | None:
    if isinstance(value, MultiValue | list | tuple):
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _presets(dataset: pydicom.Dataset, values: np.ndarray) -> tuple[DisplayWindow, ...]:
    """The header's own window, the CT presets for CT, and the automatic window, in that order."""
    own = (_first(getattr(dataset, "WindowCenter", None)), _first(getattr(dataset, "WindowWidth", None)))
    presets = [DisplayWindow(own[0], own[1], "As stored")] if None not in own and own[1] >= 1 else []
    if str(getattr(dataset, "Modality", "")).upper() == "CT":
        presets += CT_PRESETS
    return (*presets, percentile_window(values))


def _spacing(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    spacing = getattr(dataset, "PixelSpacing", None) or getattr(dataset, "ImagerPixelSpacing", None)
    try:
        row, column = (float(part) for part in spacing)
    except (TypeError, ValueError):
        return None
    return (row, column) if row > 0 and column > 0 else None


def _dropped_note(dataset: pydicom.Dataset) -> str:
    kept = {"PixelData", "Rows", "Columns", "Modality", "PixelSpacing", "WindowCenter", "WindowWidth"}
    dropped = sum(element.keyword not in kept for element in dataset)
    return f"{dropped} header fields were left behind; only the picture is used."
