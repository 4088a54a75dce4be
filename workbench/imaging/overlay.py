"""A heat map over its picture, rendered with OpenCV for files, the API and tests.

The rules are those of the in-page viewer: cover grows with the value, so that zero evidence shows the plain
picture; overlapping patches are averaged; a pixel that no patch covers stays plain.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from workbench.imaging.colormaps import DIVERGING, colormap_table

EMPTY_MAP = "No evidence in the picture: this map is empty."
LEAST_LEGEND_WIDTH = 320  # narrower than this the words of the legend would not be readable
_INK = (27, 36, 48)


@dataclass(frozen=True)
class OverlayStyle:
    """How a map is drawn.

    `opacity` 0..1 is the cover at the top of the scale. `vmax` is the value at the top of the scale: None
    takes this map's own largest one (then two pictures can't be compared), a number shares a scale.
    `signed` maps use the diverging colours from `-vmax` to `vmax`. `smooth` slopes between patch centres,
    otherwise one block is one patch. `contour` draws a line around strengths of at least that fraction of
    `vmax`. `legend` adds a colour bar with `unit` and `label` below the picture. Raises ValueError for
    numbers out of range.
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

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"opacity is {self.opacity}; want 0 to 1")
        if self.vmax is not None and not 0 <= self.vmax < math.inf:
            raise ValueError(f"vmax is {self.vmax}; want a finite number of at least 0, or None")
        if self.contour is not None and not 0 < self.contour <= 1:
            raise ValueError(f"contour is {self.contour}; want a fraction above 0 and up to 1, or None")


def splat(values: np.ndarray, boxes: np.ndarray, size: tuple[int, int], smooth: bool) -> np.ndarray:
    """Paint patch values `[P]` on a picture of `size` (width, height) pixels; float32 `[H, W]`.

    `boxes` `[P, 4]` are x0, y0, x1, y1 in pixels. A box paints the pixels whose centres lie in it (its left
    and upper edge included), so neighbours never share a pixel. Where boxes do overlap, the values are
    averaged. Empty boxes (padding) are skipped; pixels in no box are 0. `smooth` interpolates bilinearly
    between the centres of patches of the typical (median) size, inside the covered pixels only. Raises
    ValueError for arrays that don't fit together or hold a number that is not finite.
    """
    _check_map(values, boxes)
    width, height = size
    sums, counts = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for value, (x0, y0, x1, y1) in zip(values, boxes, strict=True):
        rows = slice(_first_centre(y0), _first_centre(y1))
        columns = slice(_first_centre(x0), _first_centre(x1))
        sums[rows, columns] += value
        counts[rows, columns] += 1
    painted = sums / np.maximum(counts, 1)
    if not smooth or not counts.any():
        return painted
    covered = (counts > 0).astype(np.float32)
    patch = _typical_patch(boxes)
    weight = np.maximum(_patch_mean(covered, patch), 1e-9)
    return np.where(covered > 0, _patch_mean(painted, patch) / weight, 0).astype(np.float32)


def _check_map(values: np.ndarray, boxes: np.ndarray) -> None:
    if values.ndim != 1 or boxes.shape != (len(values), 4):
        raise ValueError(f"values {values.shape} and boxes {boxes.shape} do not match; want [P] and [P, 4]")
    if not (np.isfinite(values).all() and np.isfinite(boxes).all()):
        raise ValueError("values or boxes hold a number that is not finite")


def _first_centre(edge: float) -> int:
    """First pixel whose centre lies at or after an edge."""
    return max(0, math.ceil(edge - 0.5))


def _typical_patch(boxes: np.ndarray) -> tuple[float, float]:
    """Median width and height of the boxes that are not empty, in pixels, at least one."""
    sides = boxes[:, 2:] - boxes[:, :2]
    across, down = np.median(sides[(sides > 0).all(axis=1)], axis=0)
    return max(1.0, float(across)), max(1.0, float(down))


def _patch_mean(grid: np.ndarray, patch: tuple[float, float]) -> np.ndarray:
    """Mean over one patch width and height around each pixel, zeros outside the picture.

    Averaging blocks over exactly one block turns the steps into straight slopes from centre to centre, which
    is bilinear interpolation for every patch size and without a regular grid.
    """
    across = _line_mean(grid, patch[0], lambda length: (length, 1))
    return _line_mean(across, patch[1], lambda length: (1, length))


def _line_mean(grid: np.ndarray, length: float, kernel: Callable[[int], tuple[int, int]]) -> np.ndarray:
    """Box blurs have odd whole lengths; a blend of the two nearest ones has any length of at least 1."""
    short = 2 * math.floor((length - 1) / 2) + 1
    part = (length - short) / 2
    two = [cv2.blur(grid, kernel(odd), borderType=cv2.BORDER_CONSTANT) for odd in (short, short + 2)]
    return cv2.addWeighted(two[0], (1 - part) * short / length, two[1], part * (short + 2) / length, 0)


def render_overlay(
    pixels: np.ndarray, values: np.ndarray, boxes: np.ndarray, style: OverlayStyle | None = None
) -> np.ndarray:
    """The picture `pixels` (uint8 RGB `[H, W, 3]`) with its map, uint8 RGB `[H', W', 3]`.

    The picture stays in the upper left corner at its own size; the legend lies in a margin added below it
    (and to the right of a very narrow picture), so that it never covers a side mark. An empty map leaves
    the picture as it is. Negative values of an unsigned map are not drawn. Raises ValueError as `splat`
    does and for pixels of another shape or type.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}; want uint8 [H, W, 3]")
    style = style or OverlayStyle()
    height, width = pixels.shape[:2]
    top = _top_of_scale(values, style)
    table = colormap_table(DIVERGING if style.signed else style.colormap)
    out = pixels.copy()
    if top > 0:
        scaled = np.clip(splat(values, boxes, (width, height), style.smooth) / top, -1, 1)
        strength = np.abs(scaled) if style.signed else np.maximum(scaled, 0)
        place = (scaled + 1) / 2 if style.signed else strength
        colours = table[np.rint(255 * place).astype(np.uint8)]
        cover = (style.opacity * strength)[:, :, None]
        out = np.rint(pixels * (1 - cover) + colours * cover).astype(np.uint8)
        if style.contour is not None:
            _draw_contour(out, strength >= style.contour)
    if not style.legend:
        return out
    return _below(out, _legend(width, top, table, style))


def _top_of_scale(values: np.ndarray, style: OverlayStyle) -> float:
    if style.vmax is not None:
        return float(style.vmax)
    return float((np.abs(values) if style.signed else values).max(initial=0.0))


def _below(picture: np.ndarray, band: np.ndarray) -> np.ndarray:
    missing = band.shape[1] - picture.shape[1]
    wide = np.pad(picture, ((0, 0), (0, missing), (0, 0)), constant_values=255)
    return np.concatenate([wide, band])


def _draw_contour(picture: np.ndarray, inside: np.ndarray) -> None:
    """White on black, so that the line shows on bright and dark tissue; holes get their line too."""
    lines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thick = max(1, round(max(picture.shape[:2]) / 400))
    cv2.drawContours(picture, lines, -1, (0, 0, 0), thick + 2)
    cv2.drawContours(picture, lines, -1, (255, 255, 255), thick)


def _legend(width: int, top: float, table: np.ndarray, style: OverlayStyle) -> np.ndarray:
    """White band with the colour bar, its numbers, label and unit; larger for a larger picture.

    When nothing is on the scale a sentence replaces the bar: its colours would mean nothing.
    """
    width = max(width, LEAST_LEGEND_WIDTH)
    letter = min(40, max(12, round(width / 45)))
    line, margin = round(1.6 * letter), letter
    scale = "this map's own scale" if style.vmax is None else "shared scale"
    if top > 0:
        texts = ["", style.label, ", ".join(part for part in (style.unit, scale) if part)]
    else:
        texts = [EMPTY_MAP, style.label]
    texts = [text for at, text in enumerate(texts) if at == 0 or text]
    first = margin + letter + (line if top > 0 else 0)
    band = np.full((first + line * (len(texts) - 1) + margin // 2, width, 3), 255, np.uint8)
    if top > 0:
        ramp = np.rint(np.linspace(0, 255, width - 2 * margin)).astype(int)
        band[margin : margin + letter, margin : width - margin] = table[ramp]
        for place, number in zip((0, 0.5, 1), _scale_numbers(top, style.signed), strict=True):
            _write(band, number, place, first, letter)
    for at, text in enumerate(texts):
        _write(band, text, 0, first + line * at, letter)
    return band


def _scale_numbers(top: float, signed: bool) -> tuple[str, str, str]:
    if signed:
        return f"−{_plain_number(top)}", "0", _plain_number(top)
    return "0", _plain_number(top / 2), _plain_number(top)


def _plain_number(value: float) -> str:
    """Two or three meaningful digits and no exponent, as on the page; `value` above 0."""
    if value >= 100:
        return f"{value:.0f}"
    places = math.floor(math.log10(value))
    if value < 0.01:
        return f"{value:.{min(12, 1 - places)}f}"
    digits = f"{value:.{2 - places}f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _write(band: np.ndarray, text: str, place: float, baseline: int, letter: int) -> None:
    """One line; `place` 0 starts at the left margin, 0.5 is centred, 1 ends at the right one.

    Words too long for the line are cut with an ellipsis. The font is OpenCV's own, which knows most scripts.
    """
    font, room = cv2.FontFace("sans"), band.shape[1] - 2 * letter

    def length(words: str) -> int:
        return cv2.getTextSize((room, letter), words, (0, 0), font, letter, 400)[2]

    shown = cut = " ".join(text.split())[:300]
    while cut and length(shown) > room:
        cut = cut[:-1]
        shown = f"{cut.rstrip()}…"
    start = letter + round(place * (room - length(shown)))
    cv2.putText(band, shown, (start, baseline), _INK, font, letter, 400)


def encode_png(rgb: np.ndarray) -> bytes:
    """Lossless PNG of uint8 RGB `[H, W, 3]`; raises ValueError when the array can't be encoded."""
    worked, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not worked:
        raise ValueError("the picture could not be encoded")
    return data.tobytes()
