"""How image tokens lie beside each other: their grids, read from the boxes, so that no shape is assumed."""

import numpy as np


def patch_grids(boxes: np.ndarray, picture_of: np.ndarray | None = None) -> list[np.ndarray]:
    """Grids of image tokens, each int64 `[rows, columns]` of indices into `boxes` `[P, 4]`.

    With `picture_of` int64 `[P]` no grid reaches over two pictures.

    A row is a run of boxes of one height and place down that goes rightwards; a grid is a run of rows that
    have the same columns and go down. Tiles and thumbnails of a tiled model become grids of their own; tokens
    without a place (all-zero boxes: a class token, a line end) are in none.
    """
    if picture_of is not None and len(picture_of) and picture_of.max() > 0:
        return [patches[grid] for patches in by_picture(picture_of) for grid in patch_grids(boxes[patches])]
    placed = np.flatnonzero(np.abs(boxes).sum(1) > 0)
    rows: list[list[int]] = []
    for index in placed:
        if rows and _continues(boxes[rows[-1][-1]], boxes[index]):
            rows[-1].append(int(index))
        else:
            rows.append([int(index)])
    grids: list[list[list[int]]] = []
    for row in rows:
        if grids and _below(boxes[grids[-1][-1]], boxes[row]):
            grids[-1].append(row)
        else:
            grids.append([row])
    return [np.array(grid, np.int64) for grid in grids]


def _continues(last: np.ndarray, box: np.ndarray) -> bool:
    same_line = np.array_equal(last[[1, 3]], box[[1, 3]])
    return bool(same_line and box[0] >= last[0] and box[2] >= last[2])


def _below(above: np.ndarray, row: np.ndarray) -> bool:
    if len(above) != len(row) or not np.array_equal(above[:, [0, 2]], row[:, [0, 2]]):
        return False
    return bool(row[0, 1] >= above[0, 1] and row[0, 3] >= above[0, 3])


def by_picture(picture_of: np.ndarray) -> list[np.ndarray]:
    """Indices of the patches of each picture, in order of the pictures, int64."""
    return [np.flatnonzero(picture_of == number) for number in np.unique(picture_of)]


def overlap_matrix(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Area that each of `boxes` `[Q, 4]` shares with each of `others` `[P, 4]`, float64 `[Q, P]`."""
    a, b = np.asarray(boxes, np.float64)[:, None], np.asarray(others, np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.maximum(sides, 0).prod(-1)


def resampled(values: np.ndarray, boxes: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """A map `[P]` over `boxes` read on other boxes `[Q, 4]`: the mean over each, weighted by area, `[Q]`.

    Overlapping source boxes are averaged; a target that no source box touches gets 0.
    """
    shared = overlap_matrix(onto, boxes)
    return shared @ values / np.maximum(shared.sum(1), 1e-12)


def same_grid(boxes: np.ndarray, others: np.ndarray) -> bool:
    """Whether two sets of boxes are the same patches, to a hundredth of a pixel."""
    return boxes.shape == others.shape and bool(np.allclose(boxes, others, atol=0.01))


def visible(boxes: np.ndarray) -> np.ndarray:
    """Which boxes show some of the picture, bool `[P]`; padding doesn't."""
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def strongest_patches(values: np.ndarray, boxes: np.ndarray, count: int) -> np.ndarray:
    """Indices of the patches of largest size, largest first, int `[≤ count]`.

    Image tokens that show no part of the picture (padding, newlines, a class token) are no patches of it.
    """
    order = np.argsort(-np.abs(values), kind="stable")
    return order[visible(boxes)[order]][:count]
