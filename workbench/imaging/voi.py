"""How a DICOM header wants its values shown: windows, S-shaped windows and curves (VOI LUT, PS3.3 C.11.2).

Read from the header into `DisplayWindow`s, and put to use, by pydicom.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_voi, apply_windowing
from pydicom.valuerep import DSfloat

from workbench.imaging.medical_image import WINDOW_FUNCTIONS, DisplayWindow

_STORED = "As stored"
# A window's name in the header is free text and could hold anything; only these words are taken over.
_NAMES = frozenset(
    {
        "abdomen", "angio", "bone", "brain", "breast", "cardiac", "cerebrum", "chest", "contrast", "default",
        "fossa", "harder", "head", "heart", "kidney", "liver", "lung", "mediastinum", "muscle", "neck",
        "normal", "parenchyma", "pelvis", "posterior", "sinus", "skin", "skull", "soft", "softer", "spine",
        "standard", "stroke", "subdural", "thorax", "tissue", "vessel", "vessels",
    }
)  # fmt: skip
_CURVE_FAULTS = (AttributeError, LookupError, NotImplementedError, TypeError, ValueError, struct.error)
_UNUSED_BITS = 4


def stored_windows(dataset: Dataset, values: np.ndarray) -> tuple[DisplayWindow, ...]:
    """What the header offers for `values` `[H, W]` (after rescale): curves first, then windows, each once.

    Curves come first because they are what the maker of the file drew up for it. What can't be used is left
    out. Labels are "As stored", "As stored 2" and so on, with the header's own name where it is a plain one.
    """
    found: list[DisplayWindow] = []
    for window in (*_curves(dataset, values), *_windows(dataset)):
        if window.curve is not None or all(
            (window.center, window.width) != (other.center, other.width) for other in found
        ):
            found.append(window)
    return tuple(_labelled(window, number) for number, window in enumerate(found, 1))


def windowed(values: np.ndarray, window: DisplayWindow) -> np.ndarray:
    """Grey levels 0 to 255, float64 `[H, W]`, of values through a LINEAR, LINEAR_EXACT or SIGMOID window."""
    how = Dataset()
    how.PhotometricInterpretation = "MONOCHROME2"
    how.BitsStored, how.PixelRepresentation = 8, 0  # pydicom spreads the window over the range of the pixels
    how.WindowCenter = DSfloat(window.center, auto_format=True)
    how.WindowWidth = DSfloat(window.width, auto_format=True)
    how.VOILUTFunction = window.function
    return apply_windowing(values, how)


def numbers(value: Any) -> list[float | None]:
    """The finite numbers of a header field with one value, several or none; None for what is no number."""
    return [_number(part) for part in _listed(value)]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _windows(dataset: Dataset) -> Iterator[DisplayWindow]:
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    function = function if function in WINDOW_FUNCTIONS else "LINEAR"
    names = _listed(dataset.get("WindowCenterWidthExplanation"))
    centers, widths = numbers(dataset.get("WindowCenter")), numbers(dataset.get("WindowWidth"))
    for at, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if center is not None and width is not None and width > 0:
            # LINEAR is defined from width 1 on; files of fractions (PET) have narrower ones all the same.
            fitting = "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function
            yield DisplayWindow(center, width, _name(names[at : at + 1]), fitting)


def _curves(dataset: Dataset, values: np.ndarray) -> Iterator[DisplayWindow]:
    for index, item in enumerate(dataset.get("VOILUTSequence") or []):
        try:
            first, curve = _curve(dataset, item, index)
        except _CURVE_FAULTS:
            continue
        finite = values[np.isfinite(values)]
        if finite.size and first > finite.max() and finite.min() < 0:
            first -= (
                2**16
            )  # a negative start whose sign was lost: else every value would lie before the curve
        width = max(len(curve) - 1, 1)
        yield DisplayWindow(first + width / 2, width, _name([item.get("LUTExplanation")]), curve=curve)


def _curve(dataset: Dataset, item: Dataset, index: int) -> tuple[int, np.ndarray]:
    """The value that the curve starts at, and the grey level (0 to 255, float32) of it and each one after.

    The curve is asked with 16-bit entries, since pydicom cuts the values to the size of the entries.
    """
    entries, first, bits = (int(part) for part in item.LUTDescriptor)
    if bits != 8 and not 10 <= bits <= 16:
        raise ValueError(f"entries of {bits} bits")
    item["LUTDescriptor"] = DataElement("LUTDescriptor", "US", [entries & 0xFFFF, 0, 16])
    levels = apply_voi(np.arange(entries & 0xFFFF or 2**16, dtype=np.uint16), dataset, index)
    used = int(levels.max()).bit_length()
    if used > bits or bits - used >= _UNUSED_BITS:
        bits = max(used, 1)  # the header states the size of the entries wrongly
    curve = levels.astype(np.float32) * np.float32(255 / (2**bits - 1))
    curve.flags.writeable = False
    return first, curve


def _name(texts: Iterable[Any]) -> str:
    words = [word for text in texts for word in str(text or "").lower().replace("_", " ").split()]
    return " ".join(words) if words and all(word in _NAMES for word in words) else ""


def _labelled(window: DisplayWindow, number: int) -> DisplayWindow:
    label = _STORED if number == 1 else f"{_STORED} {number}"
    return replace(window, label=f"{label}: {window.label}" if window.label else label)
