import numpy as np
import pytest

from tests.tiny import picture
from workbench.explain.patch_grid import overlap_matrix, patch_grids, resampled, same_grid, visible
from workbench.models.answer import Question


def raster(rows: int, columns: int, x: float = 0, y: float = 0, step: float = 10) -> np.ndarray:
    return np.array(
        [
            [x + c * step, y + r * step, x + (c + 1) * step, y + (r + 1) * step]
            for r in range(rows)
            for c in range(columns)
        ],
        np.float32,
    )


@pytest.mark.parametrize(("width", "height"), [(48, 48), (300, 180), (180, 300), (40, 400)])
def test_a_padded_picture_of_any_shape_is_one_grid_in_raster_order(tiny, width, height):
    """Peer bug 1: no grid shape is assumed; padding is clipped to empty boxes and still has its place."""
    boxes = tiny.prepare(Question("left"), picture(width, height)).boxes
    grids = patch_grids(boxes)
    assert [grid.tolist() for grid in grids] == [np.arange(36).reshape(6, 6).tolist()]


def test_tiles_line_ends_and_a_class_token_are_told_apart():
    nowhere = np.zeros((1, 4), np.float32)
    lines = [np.concatenate([line, nowhere]) for line in raster(2, 3).reshape(2, 3, 4)]
    boxes = np.concatenate([nowhere, raster(2, 2, step=15), *lines, raster(3, 2, x=30)])
    grids = patch_grids(boxes)
    assert [grid.tolist() for grid in grids] == [
        [[1, 2], [3, 4]],
        [[5, 6, 7], [9, 10, 11]],
        [[13, 14], [15, 16], [17, 18]],
    ]


def test_tiles_side_by_side_are_two_grids():
    grids = patch_grids(np.concatenate([raster(2, 2), raster(2, 2, x=20)]))
    assert [grid.shape for grid in grids] == [(2, 2), (2, 2)]


def test_no_boxes_are_no_grid():
    assert patch_grids(np.zeros((0, 4), np.float32)) == []


def test_shared_area_and_resampling_by_hand():
    fine, coarse = raster(1, 4), raster(1, 2, step=20)
    assert overlap_matrix(coarse, fine).tolist() == [[100, 100, 0, 0], [0, 0, 100, 100]]
    assert resampled(np.array([1.0, 3, 5, 9]), fine, coarse).tolist() == [2, 7]
    beyond = np.array([[100, 0, 110, 10]], np.float32)
    assert resampled(np.array([1.0, 3, 5, 9]), fine, beyond).tolist() == [0]


def test_same_grid_and_visible():
    boxes = raster(2, 2)
    assert same_grid(boxes, boxes + 0.001)
    assert not same_grid(boxes, boxes + 1) and not same_grid(boxes, boxes[:3])
    assert visible(np.array([[0, 0, 5, 5], [0, 3, 5, 3], [2, 0, 2, 5]])).tolist() == [True, False, False]
