"""The image noun: what every other room of the house receives instead of a file."""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np

WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
WINDOW_FUNCTIONS: tuple[WindowFunction, ...] = get_args(WindowFunction)


@dataclass(frozen=True)
class DisplayWindow:
    """How grey values become 0 to 255, by a `function` of DICOM (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    LINEAR_EXACT maps `center - width/2` to 0 and `center + width/2` to 255. LINEAR, which DICOM files and
    the windows that radiologists name mean, takes whole numbers as steps: `center - width/2` to 0 and
    `center + width/2 - 1` to 255. SIGMOID is S-shaped about the centre. With a `curve` (float32 `[N]`, the
    grey level of every whole value from `center - width/2` on) it is followed instead.
    """

    center: float
    width: float
    label: str
    function: WindowFunction = "LINEAR_EXACT"
    curve: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def ends(self) -> tuple[float, float]:
        """The values shown as black and as white; of a SIGMOID, where the middle of its slope would end."""
        low = self.center - self.width / 2
        return (low, low + self.width - 1) if self.function == "LINEAR" else (low, low + self.width)

    def mirrored(self, span: float) -> "DisplayWindow":
        """The window that shows `span - value` as black as this one shows `value` white."""
        step = 1 if self.function == "LINEAR" else 0  # it reaches one step less above its centre than below
        curve = None if self.curve is None else 255 - self.curve[::-1]
        return replace(self, center=span - self.center + step, curve=curve)


@dataclass(frozen=True)
class GreySource:
    """High-bit-depth grey values kept beside the 8-bit picture so that a reader can re-window them.

    `values` is float32 `[H, W]` in stored units after rescale (Hounsfield units for CT), not a number where
    the file says that nothing was measured; `presets` are the windows worth offering for this image, the
    first one being the default.
    """

    values: np.ndarray
    presets: tuple[DisplayWindow, ...]


@dataclass(frozen=True)
class MedicalImage:
    """One decoded, oriented, de-identified picture.

    `pixels` is uint8 RGB `[H, W, 3]`, read-only, exactly what the models receive.
    `notes` are sentences that the screen must show (how it was windowed, which frame was taken).
    `spacing_mm` is (row, column) millimetres per pixel when the source states it.
    No file name, header value or other identifier is kept.
    """

    pixels: np.ndarray
    sha256: str
    source_kind: str
    modality: str | None = None
    spacing_mm: tuple[float, float] | None = None
    window: DisplayWindow | None = None
    inverted: bool = False
    notes: tuple[str, ...] = ()
    grey: GreySource | None = None

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])
