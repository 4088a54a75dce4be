"""Colour tables for heat maps, the same ones the in-page viewer holds (a test compares them).

All of them stay readable for people who confuse red and green.
"""

from functools import lru_cache

import cv2
import numpy as np

from workbench.errors import UserFacing

_OPENCV = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "inferno": cv2.COLORMAP_INFERNO,
    "cividis": cv2.COLORMAP_CIVIDIS,
}
DIVERGING = "diverging"
NAMES = (*_OPENCV, DIVERGING)
# Dark blue over light grey to dark orange, evenly spaced.
_DIVERGING_STOPS = np.array(
    [
        [8, 48, 107],
        [33, 102, 172],
        [103, 169, 207],
        [240, 240, 240],
        [244, 165, 80],
        [203, 85, 16],
        [110, 40, 2],
    ],
    dtype=np.float64,
)


@lru_cache(maxsize=len(NAMES))
def colormap_table(name: str) -> np.ndarray:
    """The 256 colours of a map, uint8 `[256, 3]` RGB, read-only.

    "diverging" is for signed values: zero lies between the places 127 and 128. Raises UserFacing for an
    unknown name.
    """
    if name == DIVERGING:
        table = _between_stops(_DIVERGING_STOPS)
    elif name in _OPENCV:
        ramp = np.arange(256, dtype=np.uint8)[:, None]
        table = cv2.applyColorMap(ramp, _OPENCV[name])[:, 0, ::-1].copy()
    else:
        raise UserFacing(f"There is no colour map named {name!r}.", f"Use one of: {', '.join(NAMES)}.")
    table.setflags(write=False)
    return table


def _between_stops(stops: np.ndarray) -> np.ndarray:
    places = np.linspace(0, 255, len(stops))
    channels = [np.interp(np.arange(256), places, stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
