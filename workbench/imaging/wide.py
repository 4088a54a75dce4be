"""Pictures that Pillow would cut to 8 bits or can't read: 16-bit colour, 64-bit numbers, colour floats.

Decoded by OpenCV, after the size was read from the header. Colours are scaled by the number of bits in use,
so that 12-bit colours in a 16-bit file don't turn black; grey values are windowed like any other.
"""

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from workbench.errors import UserFacing
from workbench.imaging.limits import ImageLimits
from workbench.imaging.medical_image import GreySource, MedicalImage
from workbench.imaging.windowing import (
    apply_window,
    automatic_windows,
    choose_window,
    grey_image,
    lost_values_note,
    make_image,
    percentile_window,
    rewindow,
)

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a damaged file is told in our words
_PNG_COLOUR_OR_ALPHA = (2, 4, 6)
_DEPTHS = (8, 10, 12, 14, 16)
_ORIENTATION = 0x0112
_MOST_COUNTED = 1000
_TURNS = {
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: np.rot90,
}


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    orientation: int
    frames: int


def load_wide(
    data: bytes, kind: str, *, window: str | None, invert: bool, limits: ImageLimits
) -> MedicalImage | None:
    """The picture, or None when Pillow reads this one without loss (or the file is not of this sort).

    Raises UserFacing for a picture past `limits`, one that can't be decoded, and an unknown window.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damage is told in our words
        header = _png_header(data) if kind == "png" else _tiff_header(data) if kind == "tiff" else None
    if header is None:
        return None
    limits.check_size(header.width, header.height)
    values, notes = _decode(data, kind)
    if header.frames > 1:
        most = "more than " if header.frames > _MOST_COUNTED else ""
        notes = (f"Frame 1 of {most}{min(header.frames, _MOST_COUNTED)} is shown.", *notes)
    values = _TURNS.get(header.orientation, lambda a: a)(values)
    if values.ndim == 2 or (values == values[:, :, :1]).all():
        return _grey(values if values.ndim == 2 else values[:, :, 0], kind, notes, window, invert)
    if window is not None:
        raise UserFacing("This picture is in colour, so there is nothing to window.", "Leave the window out.")
    pixels, said = _eight_bit(values)
    image = make_image(pixels, source_kind=kind, notes=(*notes, said))
    return rewindow(image, None, True) if invert else image


def _png_header(data: bytes) -> _Header | None:
    """Of a PNG with 16 bits a channel and colour or transparency."""
    if len(data) < 26 or data[12:16] != b"IHDR" or data[24] != 16 or data[25] not in _PNG_COLOUR_OR_ALPHA:
        return None
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            orientation, frames = opened.getexif().get(_ORIENTATION, 1), getattr(opened, "n_frames", 1)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, Image.DecompressionBombError):
        orientation, frames = 1, 1  # sizes are checked next, and a damaged file will not decode
    return _Header(width, height, orientation, frames)


def _tiff_header(data: bytes) -> _Header | None:
    """Of a TIFF with more than 8 bits in several channels, or with 64-bit numbers."""
    stream = io.BytesIO(data)
    try:
        big = 43 in (data[2], data[3])
        folder = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if big else 8])
        stream.seek(folder.next)
        folder.load(stream)
        bits = max(folder.get(258, (1,)))
        width, height, orientation = int(folder[256]), int(folder[257]), folder.get(_ORIENTATION, 1)
        rgb_or_grey = folder.get(262, 1) in (1, 2)
        if not rgb_or_grey or not (bits == 64 or (bits > 8 and folder.get(277, 1) > 1)):
            return None
        frames = 1
        while folder.next and frames <= _MOST_COUNTED:
            stream.seek(folder.next)
            folder.load(stream)
            frames += 1
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, EOFError):
        return None  # Pillow will say what is wrong with it
    return _Header(width, height, orientation, frames)


def _decode(data: bytes, kind: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Stored values, `[H, W]` or RGB `[H, W, 3]`; transparency is multiplied in (black)."""
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        decoded = None
    if decoded is None or decoded.ndim not in (2, 3) or decoded.size == 0:
        raise UserFacing(f"The {kind.upper()} file is damaged or of a rare sort.", "Save it again as PNG.")
    if decoded.ndim == 2 or decoded.shape[2] == 1:
        return decoded.reshape(decoded.shape[:2]), ()
    if decoded.shape[2] == 3:
        return decoded[:, :, ::-1], ()
    if decoded.shape[2] != 4:
        raise UserFacing("This picture has neither one, three nor four channels.", "Save it again as PNG.")
    colours, alpha = decoded[:, :, 2::-1], decoded[:, :, 3:]
    whole = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "ui" else 1
    note = ("Transparent parts are shown on black.",) if (alpha < whole).any() else ()
    if decoded.dtype == np.uint16:
        return (colours.astype(np.uint32) * alpha // whole).astype(np.uint16), note
    return colours * (alpha / whole), note


def _grey(
    values: np.ndarray, kind: str, notes: tuple[str, ...], window: str | None, invert: bool
) -> MedicalImage:
    name = "floating-point" if values.dtype.kind == "f" else "high-bit-depth"
    with np.errstate(over="ignore"):
        values = np.array(values, dtype=np.float32)
    grey = GreySource(values, automatic_windows(values))
    said = (f"This is a {name} greyscale picture.", *lost_values_note(values))
    chosen = choose_window(grey.presets, window)
    return grey_image(grey, chosen, invert, notes=(*notes, *said), source_kind=kind)


def _eight_bit(values: np.ndarray) -> tuple[np.ndarray, str]:
    """RGB of any number type as uint8, all channels by the same rule, and how in words."""
    if values.dtype == np.uint16:
        depth = next(bits for bits in _DEPTHS if int(values.max()) < 2**bits)
        top = 2**depth - 1
        said = f"Colours of {depth} bits a channel: values 0 to {top} are shown as dark to bright."
        return np.rint(np.arange(top + 1) * (255.0 / top)).astype(np.uint8)[values], said
    used = percentile_window(values)
    low, high = used.center - used.width / 2, used.center + used.width / 2
    said = f"Colour values {low:g} to {high:g} (0.5th to 99.5th percentile) are shown as dark to bright."
    return apply_window(values, used), said
