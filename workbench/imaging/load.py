"""Bytes → MedicalImage: the only way a picture enters the house.

Order matters: regular file, byte limit, magic bytes, header-only pixel limit, decode, orientation, 8 bit.
The result is a fresh array, so no metadata of the file survives.
"""

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from workbench.errors import UserFacing
from workbench.imaging.dicom import load_dicom
from workbench.imaging.limits import DEFAULT_LIMITS, ImageLimits
from workbench.imaging.medical_image import GreySource, MedicalImage
from workbench.imaging.sniff import sniff
from workbench.imaging.wide import load_wide
from workbench.imaging.windowing import (
    automatic_windows,
    choose_window,
    grey_image,
    lost_values_note,
    make_image,
    mirrored,
    rewindow,
)

_FORMATS = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF", "webp": "WEBP"}
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_COUNTABLE_BYTES = 8_000_000  # counting the frames of a larger file, which may hold millions, takes too long
_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


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
    wide = load_wide(data, kind, window=window, invert=invert, limits=limits)
    if wide is not None:
        return wide
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked here, and damage is told in our words
            with Image.open(io.BytesIO(data), formats=[_FORMATS[kind]]) as opened:
                limits.check_size(*opened.size)
                frames = _frames_note(opened, len(data))
                return _from_pil(opened, kind, frames, window, invert)
    except UserFacing:
        raise
    except Image.DecompressionBombError as error:
        raise UserFacing(
            f"The picture has more than the {limits.max_pixels / 1e6:,.0f} million pixels allowed.",
            "Scale it down, or cut out the part you want to ask about.",
        ) from error
    except MemoryError as error:
        raise UserFacing("There is not enough memory for this picture.", "Scale it down.") from error
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error) as error:
        unknown = isinstance(error, UnidentifiedImageError)
        said = "cannot be read" if unknown else "is damaged or cut off"
        raise UserFacing(f"The {kind.upper()} file {said}.", "Save or download it again.") from error


def from_array(pixels: np.ndarray, source_kind: str = "array", modality: str | None = None) -> MedicalImage:
    """A MedicalImage from uint8 RGB `[H, W, 3]`; raises ValueError for another shape or type."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"want uint8 [H, W, 3], got {pixels.dtype} {pixels.shape}")
    return make_image(pixels, source_kind=source_kind, modality=modality)


def _read(path: Path, limits: ImageLimits) -> bytes:
    try:
        if path.is_dir():
            raise UserFacing("This is a folder, not a picture.", "Choose one file in it.")
        if not path.is_file():
            raise UserFacing(f"There is no file {path.name!r}.", "Check the name and the folder.")
        limits.check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as error:
        raise UserFacing("The file cannot be opened.", "Check its name, and that you may read it.") from error


def _frames_note(opened: Image.Image, size: int) -> tuple[str, ...]:
    """Says which frame of several is shown; leaves the first frame selected."""
    if opened.format not in ("GIF", "TIFF") or size <= _COUNTABLE_BYTES:
        frames = getattr(opened, "n_frames", 1)
        opened.seek(0)
        return (f"Frame 1 of {frames} is shown.",) if frames > 1 else ()
    try:
        opened.seek(1)
    except EOFError:
        return ()
    finally:
        opened.seek(0)
    return ("Frame 1 of several is shown.",)


def _from_pil(
    opened: Image.Image, kind: str, notes: tuple[str, ...], window: str | None, invert: bool
) -> MedicalImage:
    mode = opened.mode
    white_is_zero = kind == "tiff" and opened.tag_v2.get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO
    opened.load()
    picture, unturned = _upright(opened)
    notes = (*notes, *unturned)
    if mode in _DEEP:
        grey, remarks = _deep_grey(picture, mode, white_is_zero)
        chosen = choose_window(grey.presets, window)
        return grey_image(grey, chosen, invert, notes=(*notes, *remarks), source_kind=kind)
    if window is not None:
        raise UserFacing(
            "This picture has 8 bits a channel, so there is nothing to window.", "Leave the window out."
        )
    pixels, remarks = _to_rgb(picture)
    image = make_image(pixels, source_kind=kind, notes=(*notes, *remarks))
    return rewindow(image, None, True) if invert else image


def _upright(picture: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture turned as its orientation mark says; damaged marks are no reason to refuse a picture."""
    try:
        return ImageOps.exif_transpose(picture), ()
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error):
        return picture, ("The file's orientation mark is damaged; the picture is shown as stored.",)


def _deep_grey(picture: Image.Image, mode: str, white_is_zero: bool) -> tuple[GreySource, tuple[str, ...]]:
    """The values of a 16-bit, 32-bit or floating-point picture, and what to say about them."""
    values = np.array(picture, dtype=np.float32)
    name = "floating-point" if mode == "F" else "high-bit-depth"
    notes = (f"This is a {name} greyscale picture.", *lost_values_note(values))
    if white_is_zero:  # Pillow turns such pictures itself, but only up to 8 bits
        values, _ = mirrored(values, ())
        notes = (*notes, "Stored with low values white; its values were mirrored so that high is white.")
    return GreySource(values, automatic_windows(values)), notes


def _to_rgb(picture: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    """RGB pixels, and a note when something had to be flattened or converted."""
    if picture.mode in ("1", "L", "P", "RGB") and "transparency" in picture.info:
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
