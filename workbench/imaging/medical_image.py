"""The image noun: what every other room of the house receives instead of a file."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DisplayWindow:
    """A linear grey-level window: values from `center - width/2` to `center + width/2` map to 0..255."""

    center: float
    width: float
    label: str


@dataclass(frozen=True)
class GreySource:
    """High-bit-depth grey values kept beside the 8-bit picture so that a reader can re-window them.

    `values` is float32 `[H, W]` in stored units after rescale (Hounsfield units for CT);
    `presets` are the windows worth offering for this image, the first one being the default.
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
