"""LLaVA-OneVision: LLaVA-NeXT's tiles with a tower that leaves out pixels, and a shrunk grid of tokens."""

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import make_tiles
from tests.tiny import picture
from workbench.models.families.llava_onevision import bilinear_boxes, bilinear_sources


@pytest.fixture(scope="module")
def model():
    return make_tiles("llava_onevision")


def test_boxes_by_hand_of_a_grid_that_is_not_shrunk(model):
    """52 × 26: two tiles, pixel for pixel; 6 × 12 tokens of four pixels, the last two of a tile unseen."""
    boxes = model.prepare(tiny.ASK, picture(52, 26)).boxes
    grid = boxes[36:].reshape(6, 13, 4)
    assert np.allclose(boxes[35], [40, 20, 48, 24])
    assert grid[0, 5].tolist() == [20, 0, 24, 4]
    assert grid[0, 6].tolist() == [26, 0, 30, 4]
    assert grid[5, 11].tolist() == [46, 20, 50, 24]
    assert not grid[:, 12].any()


def test_boxes_by_hand_of_a_shrunk_grid(model):
    """52 × 52, pixel for pixel: 12 × 12 tokens, twice too many, become 8 × 8 that mix two neighbours each."""
    boxes = model.prepare(tiny.ASK, picture(52, 52)).boxes
    grid = boxes[36:].reshape(8, 9, 4)
    assert grid[0, 0].tolist() == [0, 0, 8, 8]  # at 0.25: cells 0 and 1
    assert grid[0, 1].tolist() == [4, 0, 12, 8]  # at 1.75: cells 1 and 2
    assert grid[3, 4].tolist() == [26, 16, 34, 24]  # row at 4.75, column at 6.25, in the second tile
    assert grid[7, 7].tolist() == [42, 42, 50, 50]
    assert not grid[:, 8].any()


@pytest.mark.parametrize(("have", "want"), [(12, 8), (12, 11), (18, 8), (7, 3), (30, 10), (5, 5)])
def test_sources_are_those_of_bilinear_interpolation(have, want):
    """The gradient of every sample names the cells that it mixes; among the stated ones lie all of them."""
    first, last = bilinear_sources(have, want)
    cells = torch.rand(1, 1, have, 1, requires_grad=True)
    shrunk = torch.nn.functional.interpolate(cells, [want, 1], mode="bilinear")[0, 0, :, 0]
    for sample in range(want):
        (weights,) = torch.autograd.grad(shrunk[sample], cells, retain_graph=True)
        mixed = torch.nonzero(weights.flatten().abs() > 1e-5).flatten().tolist()
        assert mixed == sorted({first[sample], last[sample]})


def test_shrunk_boxes_are_the_hull_of_their_cells():
    edges = np.arange(4) * 10.0
    x, y = np.meshgrid(edges, edges)
    grid = np.stack([x, y, x + 10, y + 10], -1)
    assert bilinear_boxes(grid, 2, 4)[1, 3].tolist() == [30, 20, 40, 40]
