"""Changed pictures: a region removed or kept alone, and counterfactuals of the whole picture.

Pure: uint8 RGB `[H, W, 3]` in and out, always of the same size, so that the prompt's geometry stays.
"""

from typing import Literal, get_args

import cv2
import numpy as np

from workbench.errors import UserFacing
from workbench.explain.metrics.fills import fill_picture

RegionFill = Literal["blur", "mean", "inpaint"]
REGION_FILLS: tuple[RegionFill, ...] = get_args(RegionFill)
WholeEdit = Literal["blank", "noise", "blur", "flip"]
WHOLE_EDITS: tuple[WholeEdit, ...] = get_args(WholeEdit)
BLANK_GREY = 127
INPAINT_RADIUS = 3.0
INPAINT_SIDE = 384  # inpainting is slow, and what it makes up holds no detail a smaller copy would lose


def remove_region(pixels: np.ndarray, mask: np.ndarray, fill: RegionFill) -> np.ndarray:
    """The picture with the pixels of `mask` bool `[H, W]` replaced.

    "blur" keeps light and dark areas, "mean" is the picture's mean colour, "inpaint" grows the surroundings
    inwards (Telea 2004, OpenCV). Raises ValueError for another fill, UserFacing when inpainting has no
    surroundings to grow from.
    """
    if fill == "inpaint":
        return _inpainted(pixels, mask)
    return np.where(mask[..., None], fill_picture(pixels, fill), pixels)


def keep_region(pixels: np.ndarray, mask: np.ndarray, fill: RegionFill) -> np.ndarray:
    """The picture with everything outside `mask` replaced by the blurred picture or the mean colour.

    Raises UserFacing for "inpaint": a whole picture can't be made up from one region of it.
    """
    if fill == "inpaint":
        raise UserFacing(
            "A whole picture can't be inpainted from one region.", "Keep the region with blur or mean."
        )
    return remove_region(pixels, ~mask, fill)


def _inpainted(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if mask.all():
        raise UserFacing("Inpainting needs something outside the region.", "Draw a smaller region.")
    height, width = mask.shape
    scale = min(1.0, INPAINT_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Any pixel that holds a bit of the region is made up, else its colour would bleed back in.
    hole = (cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    if hole.all():
        raise UserFacing("Inpainting needs something outside the region.", "Draw a smaller region.")
    small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    grown = cv2.inpaint(small, hole, INPAINT_RADIUS, cv2.INPAINT_TELEA)
    return np.where(mask[..., None], cv2.resize(grown, (width, height)), pixels)


def whole_edit(pixels: np.ndarray, edit: WholeEdit, seed: int = 0) -> np.ndarray:
    """A counterfactual of the whole picture.

    "blank" is mid-grey everywhere; "noise" draws every pixel anew from a normal distribution with the mean
    and spread of its channel (seeded); "blur" keeps only large light and dark areas; "flip" mirrors left and
    right. Raises ValueError for another name.
    """
    if edit == "blank":
        return np.full_like(pixels, BLANK_GREY)
    if edit == "noise":
        mean, spread = pixels.mean((0, 1)), pixels.std((0, 1))
        drawn = np.random.default_rng(seed).normal(mean, spread, pixels.shape)
        return drawn.round().clip(0, 255).astype(np.uint8)
    if edit == "blur":
        return fill_picture(pixels, "blur")
    if edit == "flip":
        return np.ascontiguousarray(pixels[:, ::-1])
    raise ValueError(f"there is no edit {edit!r}; use one of {', '.join(WHOLE_EDITS)}")


def other_picture(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Another picture fitted into (width, height) without stretching, on its own mean colour."""
    width, height = size
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = cv2.resize(np.ascontiguousarray(pixels), inner, interpolation=way)
    colour = pixels.reshape(-1, 3).mean(0).round().astype(np.uint8)
    out = np.broadcast_to(colour, (height, width, 3)).copy()
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    out[top : top + inner[1], left : left + inner[0]] = fitted
    return out
