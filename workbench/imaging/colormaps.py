"""Colour tables: viridis, inferno and cividis from OpenCV, and the page's own diverging table."""

import base64
import re
from functools import lru_cache
from pathlib import Path

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
# The page needs the diverging table as data; it is kept once, there.
_PAGE_TABLES = Path(__file__).resolve().parents[2] / "assets" / "viewer" / "colormaps.js"


def page_table(name: str) -> np.ndarray:
    """A table as the in-page viewer holds it, uint8 `[256, 3]` RGB."""
    block = re.search(rf"{name}:\s*((?:\"[A-Za-z0-9+/=]+\"\s*\+?\s*)+)", _PAGE_TABLES.read_text())
    data = base64.b64decode("".join(re.findall(r'"([^"]+)"', block[1])))
    return np.frombuffer(data, np.uint8).reshape(256, 3)


@lru_cache(maxsize=len(NAMES))
def colormap_table(name: str) -> np.ndarray:
    """uint8 `[256, 3]` RGB; raises UserFacing for an unknown name."""
    if name == DIVERGING:
        return page_table(name)
    if name not in _OPENCV:
        raise UserFacing(f"There is no colour map named {name!r}.", f"Use one of: {', '.join(NAMES)}.")
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.applyColorMap(ramp, _OPENCV[name])[:, 0, ::-1].copy()
