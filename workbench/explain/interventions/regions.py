"""Regions of a picture that a person draws, and control regions of the same shape and area elsewhere.

All coordinates are pixels of the original picture; a pixel belongs to a box or polygon when its centre does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from workbench.errors import UserFacing

HINT = "Draw a region that has an area, inside the picture."
LARGEST_OVERLAP = 0.5  # a control that shares more than this with the region controls nothing
SUBPIXEL = 256  # OpenCV's fixed point for polygon corners: 8 fractional bits
TOKEN_COVER = 0.25  # a patch belongs to a region that covers at least this part of it


@dataclass(frozen=True)
class Region:
    """A non-empty part of a picture: `mask` bool `[H, W]` in original pixels, True inside."""

    mask: np.ndarray
    label: str

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(self.mask.sum())

    @property
    def share(self) -> float:
        """Part of the picture's area, 0..1."""
        return float(self.mask.mean())

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Smallest box around it: x0, y0, x1, y1, ends exclusive."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True)
class Controls:
    """Regions of the same shape and area at random places; `note` says when that was not fully possible."""

    regions: tuple[Region, ...]
    note: str = ""


def box_region(size: tuple[int, int], box: Sequence[float]) -> Region:
    """The box x0, y0, x1, y1 (corners in any order) within a (width, height) picture.

    Raises UserFacing for a box without area, outside the picture, or with a number missing.
    """
    if len(box) != 4 or not all(value is not None and np.isfinite(value) for value in box):
        raise UserFacing("The box needs four numbers.", "Give left, top, right and bottom in pixels.")
    (x0, x1), (y0, y1) = sorted((box[0], box[2])), sorted((box[1], box[3]))
    width, height = size
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise UserFacing(
            "The box lies outside the picture.", f"The picture is {width} by {height} pixels. {HINT}"
        )
    mask = np.zeros((height, width), bool)
    left, top, right, bottom = (int(np.ceil(max(edge, 0) - 0.5)) for edge in (x0, y0, x1, y1))
    mask[top:bottom, left:right] = True
    return mask_region(size, mask, "box")


def polygon_region(size: tuple[int, int], points: Sequence[Sequence[float]]) -> Region:
    """The closed polygon (or lasso) through `points` (x, y); parts outside the picture are cut off.

    Raises UserFacing for fewer than three points, no area, or a place outside the picture.
    """
    corners = np.asarray(points, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise UserFacing("A lasso needs at least three points.", HINT)
    width, height = size
    reach = 4 * max(size)  # beyond it OpenCV's fixed point would overflow
    shifted = np.clip(corners, -reach, reach) - 0.5  # pixel 0 has its centre at 0.5
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(shifted * SUBPIXEL).astype(np.int32)], 1, shift=8)
    return mask_region(size, mask, "lasso")


def stroke_region(size: tuple[int, int], points: Sequence[Sequence[float]], radius: float) -> Region:
    """A brush stroke along `points` (x, y) with a round tip of `radius` pixels. Raises UserFacing."""
    path = np.asarray(points, np.float64)
    if path.ndim != 2 or path.shape[1] != 2 or len(path) == 0 or not np.isfinite(path).all():
        raise UserFacing("The brush stroke has no points.", HINT)
    width, height = size
    reach = 4 * max(size)
    corners = np.rint(np.clip(path, -reach, reach) - 0.5).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    radius = min(max(radius, 0.5), max(size))
    cv2.polylines(mask, [corners], False, 1, max(1, round(2 * radius)))
    if len(corners) == 1:  # a line of one point is drawn as nothing
        cv2.circle(mask, corners[0].tolist(), round(radius), 1, cv2.FILLED)
    return mask_region(size, mask, "brush")


def mask_region(size: tuple[int, int], mask: np.ndarray, label: str = "mask") -> Region:
    """The pixels where `mask` `[H, W]` is not 0. Raises UserFacing when there is none, ValueError for a
    mask of another size than the (width, height) picture."""
    width, height = size
    if mask.shape != (height, width):
        raise ValueError(f"the mask is {mask.shape}; the picture is {(height, width)}")
    inside = mask.astype(bool)
    if not inside.any():
        raise UserFacing("The region holds no pixel of the picture.", HINT)
    return Region(inside, label)


def joined(regions: Sequence[Region]) -> Region:
    """One region from several of one picture. Raises UserFacing when there is none."""
    if not regions:
        raise UserFacing("There is no region yet.", HINT)
    mask = np.logical_or.reduce([region.mask for region in regions])
    return Region(mask, regions[0].label if len(regions) == 1 else f"{len(regions)} parts")


def control_regions(region: Region, count: int = 1, seed: int = 0) -> Controls:
    """`count` regions of the same shape and area at seeded random places of the picture.

    Places that don't overlap the region come first; where there are none, the least overlapping ones are
    taken and `note` says so. None at all when even those share more than half of it.
    """
    x0, y0, x1, y1 = region.box
    shape = region.mask[y0:y1, x0:x1]
    overlap = cv2.matchTemplate(
        region.mask.astype(np.float32), shape.astype(np.float32), cv2.TM_CCORR
    )  # pixels shared with the region at every place of its top left corner
    least = max(float(overlap.min()), 0.0)
    if least > LARGEST_OVERLAP * region.area:
        return Controls((), "The region is too large for a control of the same area elsewhere.")
    places = np.argwhere(overlap < least + 0.5)
    rng = np.random.default_rng(seed)
    chosen = places[rng.permutation(len(places))[:count]]
    note = ""
    if least >= 0.5:
        note = f"No free place of that shape is left: the control overlaps {least / region.area:.0%} of it."
    elif len(chosen) < count:
        note = f"Only {len(chosen)} free places of that shape are left."
    return Controls(tuple(_moved(region, shape, row, column) for row, column in chosen), note)


def _moved(region: Region, shape: np.ndarray, row: int, column: int) -> Region:
    mask = np.zeros_like(region.mask)
    mask[row : row + shape.shape[0], column : column + shape.shape[1]] = shape
    return Region(mask, "control")


def region_tokens(region: Region, boxes: np.ndarray) -> np.ndarray:
    """Indices of the image tokens whose patch lies in the region, int64 `[K]`, at least one.

    `boxes` `[P, 4]` in original pixels; empty boxes (padding) never count. A patch counts when the region
    covers at least TOKEN_COVER of it; a smaller region takes the patch that it covers most. Raises
    UserFacing when the region touches no patch (a part that the model's crop cut off).
    """
    cover = covered(region.mask, boxes)
    if not (cover > 0).any():
        raise UserFacing("No image token of the model reads that region.", "Draw it elsewhere.")
    return np.flatnonzero(cover >= min(TOKEN_COVER, float(cover.max())))


def covered(mask: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Part of each box that lies in the mask, `[P]` 0..1, exact for fractional edges; 0 for empty boxes."""
    height, width = mask.shape
    sums = np.zeros((height + 1, width + 1))
    sums[1:, 1:] = mask.astype(np.float64).cumsum(0).cumsum(1)
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).T
    inside = (
        _integral(sums, x1, y1) - _integral(sums, x0, y1) - _integral(sums, x1, y0) + _integral(sums, x0, y0)
    )
    area = (x1 - x0) * (y1 - y0)
    return np.where(area > 0, inside / np.where(area > 0, area, 1), 0.0).clip(0, 1)


def _integral(sums: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Area of the mask above and left of each point (x, y), bilinear between pixel corners."""
    height, width = (n - 1 for n in sums.shape)
    x, y = x.clip(0, width), y.clip(0, height)
    column, row = np.minimum(x.astype(int), width - 1), np.minimum(y.astype(int), height - 1)
    across, down = x - column, y - row
    top = sums[row, column] * (1 - across) + sums[row, column + 1] * across
    bottom = sums[row + 1, column] * (1 - across) + sums[row + 1, column + 1] * across
    return top * (1 - down) + bottom * down
