"""Bytes → MedicalImage: the only way a picture enters the house.

Order matters: regular file, byte limit, magic bytes, header-only pixel limit, decode, orientation, 8 bit.
The result is a fresh array, so no metadata of the file survives.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from workbench.errors import UserFacing
from workbench.imaging.dicom import load_dicom
from workbench.imaging.limits import DEFAULT_LIMITS, ImageLimits
from workbench.imaging.medical_image import GreySource, MedicalImage
from workbench.imaging.sniff import sniff
from workbench.imaging.windowing import choose_window, grey_image, make_image, percentile_window, rewindow

_FORMATS = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF", "webp": "WEBP"}
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def load_image(
    source: str | Path | bytes,
    *,
    window: str | None = None,
    invert: bool = False,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> MedicalImage:
    """Decode a picture from a path or from bytes.

    `window` names a preset of a DICOM or high-bit-depth picture; `invert` swaps black and white.
    Raises UserFacing with one sentence and what to do for anything that cannot be shown.
    """
    data = source if isinstance(source, bytes) else _read(Path(source), limits)
    limits.check_bytes(len(data))
    kind = sniff(data)
    if kind == "dicom":
        return load_dicom(data, window=window, invert=invert, limits=limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[_FORMATS[kind]]) as opened:
                limits.check_size(*opened.size)
                return _from_pil(opened, kind, window, invert)
    except UserFacing:
        raise
    except Image.DecompressionBombError as error:
        raise UserFacing(
            f"The picture has more than the {limits.max_pixels / 1e6:,.0f} million pixels allowed.",
            "Scale it down, or cut out the part you want to ask about.",
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        unknown = isinstance(error, UnidentifiedImageError)
        said = "cannot be read" if unknown else "is damaged or cut off"
        raise UserFacing(f"The {kind.upper()} file {said}.", "Save or download it again.") from error


def from_array(pixels: np.ndarray, source_kind: str = "array", modality: str | None = None) -> MedicalImage:
    """A MedicalImage from uint8 RGB `[H, W, 3]`; raises ValueError for another shape or type."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"want uint8 [H, W, 3], got {pixels.dtype} {pixels.shape}")
    return make_image(pixels, source_kind=source_kind, modality=modality)


def _read(path: Path, limits: ImageLimits) -> bytes:
    if path.is_dir():
        raise UserFacing("This is a folder, not a picture.", "Choose one file in it.")
    if not path.is_file():
        raise UserFacing(f"There is no file {path.name!r}.", "Check the name and the folder.")
    try:
        limits.check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise UserFacing("The file cannot be opened.", "Check that you may read it.") from error


def _from_pil(opened: Image.Image, kind: str, window: str | None, invert: bool) -> MedicalImage:
    notes = []
    frames = getattr(opened, "n_frames", 1)
    if frames > 1:
        opened.seek(0)
        notes.append(f"Frame 1 of {frames} is shown.")
    deep = opened.mode in _DEEP
    opened.load()
    picture = ImageOps.exif_transpose(opened)
    if deep:
        values = np.asarray(picture, dtype=np.float32)
        grey = GreySource(values, (percentile_window(values),))
        notes.append(_depth_note(opened.mode, values))
        chosen = choose_window(grey.presets, window)
        return grey_image(grey, chosen, invert, notes=tuple(notes), source_kind=kind)
    if window is not None:
        raise UserFacing(
            "This picture has 8 bits a channel, so there is nothing to window.", "Leave the window out."
        )
    pixels, remark = _to_rgb(picture)
    image = make_image(pixels, source_kind=kind, notes=(*notes, *remark))
    return rewindow(image, None, True) if invert else image


def _depth_note(mode: str, values: np.ndarray) -> str:
    odd = int((~np.isfinite(values)).sum())
    name = "floating-point" if mode == "F" else "high-bit-depth"
    lost = f" {odd:,} values are not numbers and are shown black." if odd else ""
    return f"This is a {name} greyscale picture.{lost}"


def _to_rgb(picture: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    """RGB pixels, and a note when something had to be flattened or converted."""
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        rgba = picture.convert("RGBA")
        alpha = np.asarray(rgba)[:, :, 3]
        flat = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        flat.alpha_composite(rgba)
        note = ("Transparent parts are shown on black.",) if (alpha < 255).any() else ()
        return np.asarray(flat.convert("RGB")), note
    if picture.mode == "CMYK":
        return np.asarray(picture.convert("RGB")), ("Print colours (CMYK) were converted to RGB.",)
    return np.asarray(picture.convert("RGB")), ()
