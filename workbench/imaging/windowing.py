"""Grey values → 8 bit: windows, percentiles, and the note that says which was used."""

import hashlib
from dataclasses import replace

import numpy as np

from workbench.errors import UserFacing
from workbench.imaging.medical_image import DisplayWindow, GreySource, MedicalImage
from workbench.imaging.voi import windowed

LOW, HIGH = 0.5, 99.5  # percentiles of the automatic window
PERCENTILE = "Percentile"


def apply_window(values: np.ndarray, window: DisplayWindow) -> np.ndarray:
    """Grey levels of float values `[H, W]` through a window, uint8; what is not a number is black."""
    with np.errstate(over="ignore", invalid="ignore"):  # infinite values end at black or white
        if window.curve is not None:
            scaled = _on_curve(values, window)
        elif window.function == "LINEAR_EXACT":
            scaled = (values.astype(np.float32) - window.ends[0]) * (255.0 / max(window.width, 1e-6))
        else:
            scaled = windowed(values, window)
    return np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).round().astype(np.uint8)


def _on_curve(values: np.ndarray, window: DisplayWindow) -> np.ndarray:
    """The curve at every value; values before and after it get its first and last level."""
    steps = np.rint(values - window.ends[0]).clip(0, len(window.curve) - 1)
    return np.where(np.isnan(values), np.nan, window.curve[np.nan_to_num(steps).astype(np.int64)])


def shows_nothing(values: np.ndarray, window: DisplayWindow) -> bool:
    """Whether the window makes one grey of values `[H, W]` that differ."""
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.min() == finite.max():
        return False
    # Along a window greys only rise, so the two ends tell; a curve may turn.
    told = finite if window.curve is not None else np.array([finite.min(), finite.max()])
    return bool(np.ptp(apply_window(told, window)) == 0)


def percentile_window(values: np.ndarray, label: str = PERCENTILE) -> DisplayWindow:
    """Window from the 0.5th to the 99.5th percentile of the finite values; never of zero width."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return DisplayWindow(0.0, 1.0, label)
    low, high = np.percentile(finite, [LOW, HIGH])
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    if high <= low:
        high = low + 1.0
    return DisplayWindow(float(low + high) / 2, float(high - low), label)


def automatic_windows(values: np.ndarray) -> tuple[DisplayWindow, DisplayWindow]:
    """The two windows that any grey picture offers: by percentile, and the full range of finite values."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    full = DisplayWindow((low + high) / 2, (high - low) or 1.0, "Full range")
    return percentile_window(values), full


def mirrored(
    values: np.ndarray, presets: tuple[DisplayWindow, ...]
) -> tuple[np.ndarray, tuple[DisplayWindow, ...]]:
    """Values and windows turned about the middle of the finite range, for pictures stored with low as white.

    After it, high is white as everywhere else, and each window covers the same pixels as before.
    """
    finite = values[np.isfinite(values)]
    span = float(finite.min()) + float(finite.max()) if finite.size else 0.0
    return span - values, tuple(preset.mirrored(span) for preset in presets)


def lost_values_note(values: np.ndarray) -> tuple[str, ...]:
    """One sentence when some values are not finite numbers, else nothing."""
    odd = int((~np.isfinite(values)).sum())
    return (f"{odd:,} values are missing or infinite; missing ones are shown black.",) if odd else ()


def describe(window: DisplayWindow) -> str:
    """The window in words for the screen."""
    low, high = window.ends
    if window.curve is not None:
        how = f"{low:g} to {high:g} are shown along a curve that the file brings"
    elif window.function == "SIGMOID":
        how = f"about {window.center:g} are shown along an S-shaped curve, {window.width:g} wide"
    else:
        how = f"{low:g} to {high:g} are shown as black to white"
    which = f": {LOW}th to {HIGH}th percentile" if window.label == PERCENTILE else ""
    return f"Grey values {how} (window “{window.label}”{which})."


def make_image(pixels: np.ndarray, **fields: object) -> MedicalImage:
    """A MedicalImage around a fresh, read-only copy of uint8 RGB pixels, with their hash."""
    own = np.array(pixels, dtype=np.uint8, order="C", copy=True)
    own.flags.writeable = False
    digest = hashlib.sha256(repr(own.shape).encode() + own.tobytes()).hexdigest()
    return MedicalImage(pixels=own, sha256=digest, **fields)


def grey_image(grey: GreySource, window: DisplayWindow, invert: bool, **fields: object) -> MedicalImage:
    """Render grey values through a window; the note says how."""
    grey.values.flags.writeable = False
    shown = apply_window(grey.values, window)
    shown = 255 - shown if invert else shown
    notes = (
        *fields.pop("notes", ()),
        describe(window),
        *(("Black and white are swapped.",) if invert else ()),
    )
    rgb = np.repeat(shown[:, :, None], 3, axis=2)
    return make_image(rgb, window=window, inverted=invert, notes=notes, grey=grey, **fields)


def rewindow(image: MedicalImage, window: DisplayWindow | None, invert: bool) -> MedicalImage:
    """The same picture through another window, or inverted.

    `window` None keeps the window. Raises UserFacing when a window is asked of a picture with 8 bits only.
    """
    kept = tuple(n for n in image.notes if not n.startswith(("Grey values", "Black and white")))
    if image.grey is not None:
        return grey_image(
            image.grey,
            window or image.window or image.grey.presets[0],
            invert,
            notes=kept,
            source_kind=image.source_kind,
            modality=image.modality,
            spacing_mm=image.spacing_mm,
        )
    if window is not None:
        raise UserFacing(
            "This picture has 8 bits a channel, so there is nothing to window.",
            "Use brightness and contrast.",
        )
    pixels = 255 - image.pixels if invert != image.inverted else image.pixels
    notes = (*kept, "Black and white are swapped.") if invert else kept
    turned = make_image(pixels, source_kind=image.source_kind)
    return replace(image, pixels=turned.pixels, sha256=turned.sha256, inverted=invert, notes=notes)


def choose_window(presets: tuple[DisplayWindow, ...], label: str | None) -> DisplayWindow:
    """The preset of that name (any case), the first when None; raises UserFacing that lists the names.

    What stands behind a colon in a name may be left out.
    """
    if label is None:
        return presets[0]
    wanted = label.strip().lower()
    for preset in presets:
        if wanted in (preset.label.lower(), preset.label.lower().partition(":")[0]):
            return preset
    names = ", ".join(preset.label for preset in presets)
    raise UserFacing(f"This image has no window named {label!r}.", f"It offers: {names}.")
