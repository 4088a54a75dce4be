"""Reading a vision tower alone: the features of a picture's patches, before any projector or decoder.

The whole picture is read once, in one piece, as the tower is given it; tiles and crops of it are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from workbench.models.families.tiles import Size, whole_boxes


@dataclass(frozen=True)
class TowerPatches:
    """Patches of one picture: `features` `[P, d]` in the tower's number format, `boxes` float32 `[P, 4]`.

    Boxes are x0, y0, x1, y1 in pixels of the original picture; a patch of the padding has an empty one.
    """

    features: torch.Tensor
    boxes: np.ndarray

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.boxes.shape != (len(self.features), 4):
            raise ValueError(f"features {tuple(self.features.shape)} do not match boxes {self.boxes.shape}")


def read_tile(
    tower: nn.Module, tile: torch.Tensor, cells: int, layers: int | Sequence[int] | None = None
) -> torch.Tensor:
    """Features `[cells, d]` of one tile `[3, h, w]`, without the tokens before them (class, registers).

    `layers` names hidden states as a config's `vision_feature_layer` does, several are put side by side;
    None takes the tower's own output.
    """
    found = tower(pixel_values=tile[None], output_hidden_states=layers is not None, return_dict=True)
    if layers is None:
        states = [found.last_hidden_state]
    else:
        states = [found.hidden_states[layer] for layer in ([layers] if isinstance(layers, int) else layers)]
    return torch.cat([state[0, -cells:] for state in states], -1)


def read_square(
    tower: nn.Module,
    tile: torch.Tensor,
    size: Size,
    patch: int,
    layers: int | Sequence[int] | None = None,
) -> TowerPatches:
    """The patches of a tile that shows a whole (width, height) picture, stretched to a square."""
    side = tile.shape[-1]
    cells = side // patch
    return TowerPatches(read_tile(tower, tile, cells**2, layers), whole_boxes(size, side, cells, patch))


def in_blocks(boxes: np.ndarray, rows: int, columns: int, merge: int) -> np.ndarray:
    """Raster-order boxes of a grid of patches, `[rows · columns, 4]`, block by block of merge × merge."""
    split = boxes.reshape(rows // merge, merge, columns // merge, merge, 4)
    return split.transpose(0, 2, 1, 3, 4).reshape(-1, 4)
