"""A heat map over its picture, rendered with OpenCV for files, the API and tests.

The rules are those of the in-page viewer: cover grows with the value, so that zero evidence shows the plain
picture; overlapping patches are averaged; a pixel that no patch covers stays plain.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from workbench.imaging.colormaps import DIVERGING, colormap_table

LEGEND_HEIGHT = 56
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class OverlayStyle:
    """How a map is drawn. `vmax` None scales to this map's own largest value; a number shares a scale.

    `contour` draws a line around values above that fraction of the scale. Signed maps diverge from grey.
    """

    colormap: str = "viridis"
    opacity: float = 0.7
    vmax: float | None = None
    signed: bool = False
    smooth: bool = True
    contour: float | None = None
    legend: bool = True
    label: str = ""
    unit: str = ""


def _first_centre(edge: float) -> int:
    """First pixel whose centre lies at or after an edge."""
    return max(0, math.ceil(edge - 0.5))


def splat(values: np.ndarray, boxes: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    """Paint patch values `[P]` into their boxes `[P, 4]` on a picture of (width, height); float32 `[H, W]`.

    Empty boxes are skipped, overlaps averaged, uncovered pixels zero. `smooth` averages over one patch
    width and height inside the covered area: straight slopes from patch centre to patch centre.
    """
    width, height = size
    sums, counts = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for value, (x0, y0, x1, y1) in zip(values, boxes, strict=True):
        rows = slice(_first_centre(y0), _first_centre(y1))
        columns = slice(_first_centre(x0), _first_centre(x1))
        sums[rows, columns] += value
        counts[rows, columns] += 1
    painted = sums / np.maximum(counts, 1)
    if not smooth:
        return painted
    real = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    if len(real) == 0:
        return painted
    patch = np.median(real[:, 2:] - real[:, :2], axis=0)
    kernel = (int(patch[0] // 2) * 2 + 1, int(patch[1] // 2) * 2 + 1)
    covered = (counts > 0).astype(np.float32)
    weight = cv2.blur(covered, kernel, borderType=cv2.BORDER_CONSTANT)
    blurred = cv2.blur(painted, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.where(covered > 0, blurred / np.maximum(weight, 1e-9), 0).astype(np.float32)


def render_overlay(
    pixels: np.ndarray, values: np.ndarray, boxes: np.ndarray, style: OverlayStyle | None = None
) -> np.ndarray:
    """The picture with its map, uint8 RGB `[H (+ legend), W, 3]`; an empty map returns the plain picture."""
    style = style or OverlayStyle()
    height, width = pixels.shape[:2]
    grid = splat(values, boxes, (width, height), style.smooth)
    top = style.vmax if style.vmax is not None else float(np.abs(values).max(initial=0.0))
    scaled = np.clip(grid / top, -1, 1) if top > 0 else np.zeros_like(grid)
    strength = np.abs(scaled) if style.signed else np.clip(scaled, 0, 1)
    table = colormap_table(DIVERGING if style.signed else style.colormap)
    place = (scaled + 1) / 2 if style.signed else strength
    colours = table[np.round(place * 255).astype(np.uint8)].astype(np.float32)
    cover = (strength * style.opacity)[:, :, None]
    out = np.round(pixels * (1 - cover) + colours * cover).astype(np.uint8)
    if style.contour is not None and top > 0:
        _draw_contour(out, strength, style.contour)
    return np.concatenate([out, _legend(width, top, table, style)]) if style.legend else out


def _draw_contour(picture: np.ndarray, strength: np.ndarray, level: float) -> None:
    inside = (strength >= level).astype(np.uint8)
    lines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thick = max(1, round(max(picture.shape[:2]) / 300))
    cv2.drawContours(picture, lines, -1, (0, 0, 0), thick + 2)
    cv2.drawContours(picture, lines, -1, (255, 255, 255), thick)


def _legend(width: int, top: float, table: np.ndarray, style: OverlayStyle) -> np.ndarray:
    """Colour bar below the picture, so that it never covers a side mark."""
    band = np.full((LEGEND_HEIGHT, width, 3), 255, np.uint8)
    margin = min(8, width // 10)
    bar = max(1, width - 2 * margin)
    ramp = table[np.linspace(0, 255, bar).round().astype(int)]
    band[8:20, margin : margin + bar] = ramp
    low = f"{-top:.3g}" if style.signed else "0"
    _write(band, low, (margin, 34), width)
    high = f"{top:.3g} {style.unit}".strip()
    (text_width, _), _ = cv2.getTextSize(high, _FONT, 0.38, 1)
    _write(band, high, (max(margin, width - margin - text_width), 34), width)
    scale = "own scale" if style.vmax is None else "shared scale"
    _write(band, ", ".join(part for part in (style.label, scale) if part), (margin, 50), width)
    return band


def _write(band: np.ndarray, text: str, at: tuple[int, int], width: int) -> None:
    plain = text.encode("ascii", "replace").decode()
    (needed, _), _ = cv2.getTextSize(plain, _FONT, 0.38, 1)
    size = 0.38 * min(1.0, (width - 4) / max(1, needed))
    cv2.putText(band, plain, at, _FONT, size, (40, 40, 40), 1, cv2.LINE_AA)


def encode_png(rgb: np.ndarray) -> bytes:
    """Lossless PNG of uint8 RGB `[H, W, 3]`."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(rgb[:, :, ::-1]))
    return data.tobytes()
