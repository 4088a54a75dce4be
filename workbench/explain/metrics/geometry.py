"""Areas, centres and overlaps of patches in original pixels; exact for fractional and overlapping boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.errors import UserFacing
from workbench.explain.sheet import Place

CENTRE_PRIOR_SPREAD = 0.25  # standard deviation of the centre prior, as a fraction of each side


@dataclass(frozen=True)
class Cells:
    """The picture cut along every edge of every box: pieces on which a map is constant.

    `value` float64 `[N]`; `area` and `inside` (the part of it within the region) float64 `[N]`, in pixels.
    """

    value: np.ndarray
    area: np.ndarray
    inside: np.ndarray


def check_map(values: np.ndarray, boxes: np.ndarray) -> None:
    """Raise ValueError unless `values` `[P]` and `boxes` `[P, 4]` fit together, are finite and not empty."""
    if values.ndim != 1 or len(values) == 0 or boxes.shape != (len(values), 4):
        raise ValueError(f"values {values.shape} and boxes {boxes.shape} do not match; want [P] and [P, 4]")
    if not (np.isfinite(values).all() and np.isfinite(boxes).all()):
        raise ValueError("values or boxes hold a number that is not finite")


def region_mask(
    size: tuple[int, int], boxes: np.ndarray | None = None, mask: np.ndarray | None = None
) -> np.ndarray:
    """The union of boxes `[R, 4]` (x0, y0, x1, y1) and a mask `[H, W]`, as bool `[H, W]` in original pixels.

    `size` is (width, height). A box holds the pixels whose centres lie in it. Raises UserFacing when the
    region is empty or lies outside the picture, ValueError when the mask has another size.
    """
    width, height = size
    region = np.zeros((height, width), bool)
    if mask is not None:
        if mask.shape != (height, width):
            raise ValueError(f"the mask is {mask.shape}; the picture is {(height, width)}")
        region |= mask.astype(bool)
    for rows, columns in pixel_slices(np.zeros((0, 4)) if boxes is None else boxes):
        region[rows, columns] = True
    if not region.any():
        raise UserFacing(
            "The region holds no pixel of the picture.", "Draw a region that has an area, inside the picture."
        )
    return region


def pixel_slices(boxes: np.ndarray) -> list[tuple[slice, slice]]:
    """Rows and columns of the pixels whose centres lie in each box `[P, 4]`; neighbours share none."""
    edges = np.maximum(0, np.ceil(np.asarray(boxes, np.float64) - 0.5)).astype(int)
    return [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in edges]


def centres(boxes: np.ndarray) -> np.ndarray:
    """Middle of each box `[P, 4]`, float64 `[P, 2]` as x, y."""
    wide = np.asarray(boxes, np.float64)
    return (wide[:, :2] + wide[:, 2:]) / 2


def areas(boxes: np.ndarray) -> np.ndarray:
    """Area of each box `[P, 4]` in pixels, float64 `[P]`; 0 for an empty box."""
    sides = np.maximum(0, np.asarray(boxes, np.float64)[:, 2:] - boxes[:, :2])
    return sides[:, 0] * sides[:, 1]


def area_inside(region: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Area that each box `[P, 4]` shares with a region bool `[H, W]`, float64 `[P]`, exact for fractions.

    The summed-area table of a mask is bilinear within a pixel, so interpolating it is no approximation.
    """
    table = np.zeros((region.shape[0] + 1, region.shape[1] + 1))
    table[1:, 1:] = region.cumsum(0, dtype=np.float64).cumsum(1)
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).T
    shared = _table_at(table, x1, y1) - _table_at(table, x0, y1)
    shared += _table_at(table, x0, y0) - _table_at(table, x1, y0)
    return np.where(areas(boxes) > 0, shared, 0.0)


def _table_at(table: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    x, y = np.clip(x, 0, columns), np.clip(y, 0, rows)
    left = np.minimum(x.astype(int), max(columns - 1, 0))
    top = np.minimum(y.astype(int), max(rows - 1, 0))
    across, down = x - left, y - top
    upper = table[top, left] * (1 - across) + table[top, left + 1] * across
    lower = table[top + 1, left] * (1 - across) + table[top + 1, left + 1] * across
    return upper * (1 - down) + lower * down


def cut(values: np.ndarray, boxes: np.ndarray, region: np.ndarray) -> Cells:
    """Cut the picture into cells of constant value; overlapping boxes are averaged, a bare cell is 0.

    `values` `[P]`, `boxes` `[P, 4]`, `region` bool `[H, W]`. Cost grows with the number of distinct edges,
    not with the number of pixels.
    """
    height, width = region.shape
    real = areas(boxes) > 0
    used = np.clip(boxes[real].astype(np.float64), 0, [width, height, width, height])
    x = np.unique(np.concatenate([[0, width], used[:, 0], used[:, 2]]))
    y = np.unique(np.concatenate([[0, height], used[:, 1], used[:, 3]]))
    total, count = np.zeros((len(y) - 1, len(x) - 1)), np.zeros((len(y) - 1, len(x) - 1))
    columns, rows = np.searchsorted(x, used[:, [0, 2]]), np.searchsorted(y, used[:, [1, 3]])
    for value, (left, right), (top, bottom) in zip(values[real], columns, rows, strict=True):
        total[top:bottom, left:right] += value
        count[top:bottom, left:right] += 1
    left, top = (grid.ravel() for grid in np.meshgrid(x[:-1], y[:-1]))
    right, bottom = (grid.ravel() for grid in np.meshgrid(x[1:], y[1:]))
    pieces = np.stack([left, top, right, bottom], 1)
    return Cells((total / np.maximum(count, 1)).ravel(), areas(pieces), area_inside(region, pieces))


def centre_prior(
    boxes: np.ndarray, size: tuple[int, int], places: Sequence[Place] | None = None
) -> np.ndarray:
    """A Gaussian in the middle of the picture, read at each patch centre, float32 `[P]`; 0 for padding.

    With the `places` of several pictures on a sheet of `size`, in the middle of each.
    Its standard deviation is CENTRE_PRIOR_SPREAD of the width across and of the height down.
    """
    middles, height = centres(boxes), np.zeros(len(boxes))
    for x0, y0, x1, y1 in places or ((0, 0, *size),):
        corner, sides = np.array([x0, y0], np.float64), np.array([x1 - x0, y1 - y0], np.float64)
        away = (middles - corner - sides / 2) / (CENTRE_PRIOR_SPREAD * sides)
        inside = ((middles >= corner) & (middles <= corner + sides)).all(1)
        height[inside] = np.exp(-0.5 * (away[inside] ** 2).sum(1))
    return np.where(areas(boxes) > 0, height, 0).astype(np.float32)
