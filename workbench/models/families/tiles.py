"""Pictures cut into square tiles: where the cells of each tile lie in the original picture.

A tile is read by the vision tower on its own, as n × n cells; one cell becomes one image token. Where the
cell doesn't divide the tile, the tower leaves out the last pixels of *each* tile, so that the cells of a
canvas of tiles are not a regular grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from workbench.models.families.base import Inputs
from workbench.models.families.geometry import Placement

Size = tuple[int, int]


@dataclass(frozen=True)
class Cut:
    """A canvas of `columns` × `rows` tiles of `side` pixels, each read as `cells`² cells of `cell` pixels."""

    columns: int
    rows: int
    side: int
    cells: int
    cell: int

    @property
    def canvas(self) -> Size:
        """(width, height) in model pixels."""
        return self.columns * self.side, self.rows * self.side

    def stretched(self, size: Size) -> Placement:
        """Placement of a (width, height) picture that is stretched over the whole canvas."""
        return Placement((self.canvas[0] / size[0], self.canvas[1] / size[1]), (0.0, 0.0))


def canvas_boxes(place: Placement, cut: Cut, size: Size) -> np.ndarray:
    """Boxes of the canvas' cells in raster order over all tiles, float32 `[rows·cells, columns·cells, 4]`.

    In pixels of the original (width, height) picture and clipped to it; a cell in the padding gets an empty
    box (x0 == x1 or y0 == y1).
    """
    within = np.arange(cut.cells) * cut.cell
    left, top = ((np.arange(count)[:, None] * cut.side + within).ravel() for count in (cut.columns, cut.rows))
    start = np.stack(np.meshgrid(left, top), -1)
    boxes = np.concatenate([place.to_original(start), place.to_original(start + cut.cell)], -1)
    return np.clip(boxes, 0, [*size, *size]).astype(np.float32)


def tile_by_tile(boxes: np.ndarray, cut: Cut) -> np.ndarray:
    """Boxes of a canvas in the order in which tiles follow each other, `[rows·columns·cells², 4]`."""
    split = boxes.reshape(cut.rows, cut.cells, cut.columns, cut.cells, 4)
    return split.transpose(0, 2, 1, 3, 4).reshape(-1, 4)


def whole_boxes(size: Size, side: int, cells: int, cell: int) -> np.ndarray:
    """Boxes of one tile that shows the whole picture, stretched to a square, `[cells², 4]`."""
    cut = Cut(1, 1, side, cells, cell)
    return canvas_boxes(cut.stretched(size), cut, size).reshape(-1, 4)


def split_boxes(size: Size, cut: Cut) -> np.ndarray:
    """Boxes of the tiles of a stretched picture, tile by tile, and of the whole picture after them."""
    tiles = tile_by_tile(canvas_boxes(cut.stretched(size), cut, size), cut)
    return np.concatenate([tiles, whole_boxes(size, cut.side, cut.cells, cut.cell)])


def counted(boxes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`boxes`, if there is one for each image token; raises ValueError otherwise."""
    if len(boxes) != len(positions):
        raise ValueError(
            f"{len(boxes)} boxes for {len(positions)} image tokens: the processor and the model disagree, "
            "or the prompt holds more than one picture"
        )
    return boxes


def with_equal_tiles(batch: Sequence[Inputs], keys: Sequence[str]) -> list[Inputs]:
    """The prompts with empty tiles added to the inputs `keys` `[pictures, tiles, ...]`: as many in each."""
    out = [dict(inputs) for inputs in batch]
    for key in keys:
        most = max((inputs[key].shape[1] for inputs in out if key in inputs), default=0)
        for inputs in out:
            if key in inputs:
                value = inputs[key]
                missing = most - value.shape[1]
                inputs[key] = nn.functional.pad(value, (*[0, 0] * (value.ndim - 2), 0, missing))
    return out
