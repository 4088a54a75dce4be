"""LLaVA-OneVision: LLaVA-NeXT's tiles, whose grid of tokens is shrunk bilinearly when it has too many."""

import math
from typing import Any

import numpy as np

from workbench.models.families.base import Inputs
from workbench.models.families.geometry import Placement
from workbench.models.families.llava_next import LlavaNext
from workbench.models.families.tiles import Cut, Size, canvas_boxes


def bilinear_sources(have: int, want: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last of the `have` cells that each of `want` bilinear samples mixes, int64 `[want]` each.

    A sample lies at (i + 1/2)·have/want − 1/2, so that it mixes at most two cells, however many it stands
    for; shrinking by more than two leaves cells out.
    """
    at = np.maximum((np.arange(want) + 0.5) * (have / want) - 0.5, 0)
    return np.floor(at).astype(np.int64), np.minimum(np.ceil(at), have - 1).astype(np.int64)


def bilinear_boxes(grid: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Boxes `[rows, columns, 4]` of the tokens of a shrunk grid: all cells that they mix.

    Neighbours that share a cell overlap.
    """
    top, bottom = bilinear_sources(grid.shape[0], rows)
    left, right = bilinear_sources(grid.shape[1], columns)
    return np.concatenate([grid[np.ix_(top, left)][..., :2], grid[np.ix_(bottom, right)][..., 2:]], -1)


class LlavaOnevision(LlavaNext):
    """Adapter for `LlavaOnevisionForConditionalGeneration`, still pictures only."""

    name = "llava-onevision"
    type = "llava_onevision"
    stacked = ("pixel_values", "image_sizes", "batch_num_images")

    def token_boxes(self, size: Size, inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """As in LLaVA-NeXT for the only picture; one of several is padded to a square tile alone."""
        if int(inputs["batch_num_images"].sum()) == 1:
            return super().token_boxes(size, inputs, processor, config)
        side, patch = config.vision_config.image_size, config.vision_config.patch_size
        longest = max(size)
        scale = side / longest
        shift = tuple((longest - edge) // 2 * scale for edge in size)
        cut = Cut(1, 1, side, side // patch, patch)
        boxes = canvas_boxes(Placement((scale, scale), shift), cut, size).reshape(-1, 4)
        return np.concatenate([boxes, np.zeros((1, 4), np.float32)])  # a newline ends the picture

    def pooled(self, grid: np.ndarray, cut: Cut, config: Any) -> np.ndarray:
        """`grid`, shrunk when it has over 1.1² times the tokens of as many tiles as are allowed."""
        # "anyres_max_9" allows nine tiles.
        most = int(config.vision_aspect_ratio.removeprefix("anyres_max_"))
        rows, columns = grid.shape[:2]
        ratio = math.sqrt(rows * columns / (most * cut.cells**2))
        if ratio <= 1.1:
            return grid
        return bilinear_boxes(grid, int(rows // ratio), int(columns // ratio))
