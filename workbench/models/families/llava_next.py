"""LLaVA-NeXT: the whole picture in one tile, then the picture again over several tiles ("anyres").

The tiles are joined to one grid of tokens, the rows and columns of the padding are cut off, and each row
ends with a learned newline token, which shows no picture.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.image_processing_utils import select_best_resolution

from workbench.models.families.base import (
    DecoderParts,
    Inputs,
    collate_aligned,
    extend_aligned,
    one_of_several,
    token_places,
    unnormalised,
)
from workbench.models.families.geometry import Placement
from workbench.models.families.tiles import Cut, Size, canvas_boxes, counted, whole_boxes, with_equal_tiles
from workbench.models.families.towers import TowerPatches, read_square


def fitted(size: Size, canvas: Size) -> Placement:
    """Placement of a picture that is scaled to fit a canvas, both (width, height), and centred on it."""
    (width, height), (wide, high) = size, canvas
    across, down = wide / width, high / height
    if across < down:
        new = (wide, min(math.ceil(height * across), high))
    else:
        new = (min(math.ceil(width * down), wide), high)
    shift = ((wide - new[0]) // 2, (high - new[1]) // 2)
    return Placement((new[0] / width, new[1] / height), shift)


def unpadded(grid: np.ndarray, size: Size) -> np.ndarray:
    """`grid` `[rows, columns, ...]` of a canvas without the tokens that the model drops as padding.

    The model counts in tokens, not in pixels, and rounds down what it drops at each end.
    """
    rows, columns = grid.shape[:2]
    width, height = size
    if width / height > columns / rows:
        drop = (rows - int(round(height * (columns / width), 7))) // 2
        return grid[drop : rows - drop]
    drop = (columns - int(round(width * (rows / height), 7))) // 2
    return grid[:, drop : columns - drop]


def with_newlines(grid: np.ndarray) -> np.ndarray:
    """Boxes `[rows, columns, 4]` in token order: an empty box after each row, `[rows·(columns + 1), 4]`."""
    return np.pad(grid, ((0, 0), (0, 1), (0, 0))).reshape(-1, 4)


def anyres_cut(size: Size, inputs: Inputs, processor: Any, config: Any) -> Cut:
    """Which tiles a picture is cut into.

    Raises ValueError when the prompt doesn't hold exactly this picture, or when tiles are resized or
    cropped once more before the vision tower sees them.
    """
    shown = [tuple(reversed(shape)) for shape in inputs["image_sizes"].tolist()]
    if shown != [tuple(size)]:
        raise ValueError(f"one picture of {size} was expected, but the prompt holds {shown}")
    side, patch = config.vision_config.image_size, config.vision_config.patch_size
    edges = _edges(processor.image_processor) | {*inputs["pixel_values"].shape[-2:]}
    if edges != {side}:
        raise ValueError(f"tiles of {side} pixels were expected, but the processor names {sorted(edges)}")
    high, wide = select_best_resolution((size[1], size[0]), config.image_grid_pinpoints)
    return Cut(wide // side, high // side, side, side // patch, patch)


def _edges(image_processor: Any) -> set[int]:
    """All edge lengths that an image processor resizes or crops tiles to."""
    names = ("height", "width", "shortest_edge")
    rules = [image_processor.size]
    if getattr(image_processor, "do_center_crop", False):
        rules.append(image_processor.crop_size)
    found = (
        rule.get(name) if isinstance(rule, dict) else getattr(rule, name) for rule in rules for name in names
    )
    return {edge for edge in found if edge}


class LlavaNext:
    """Adapter for `LlavaNextForConditionalGeneration`."""

    name = "llava-next"
    type = "llava_next"
    stacked = ("pixel_values", "image_sizes")

    def matches(self, config: Any) -> bool:
        return config.model_type == self.type

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return token_places(inputs, config.image_token_id)

    def patch_boxes(self, size: Size, inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Boxes of the base tile, which cover the picture, then those of the tiles, which cover it again.

        Raises ValueError unless the prompt holds exactly this picture.
        """
        boxes = self.token_boxes(size, inputs, processor, config)
        return counted(boxes, self.image_positions(inputs, config))

    def token_boxes(self, size: Size, inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Boxes of all tokens that the model makes of a picture, `[P, 4]`; they aren't counted yet."""
        cut = anyres_cut(size, inputs, processor, config)
        grid = unpadded(canvas_boxes(fitted(size, cut.canvas), cut, size), size)
        base = whole_boxes(size, cut.side, cut.cells, cut.cell)
        return np.concatenate([base, with_newlines(self.pooled(grid, cut, config))])

    def pictures(self, sizes: Sequence[Size], inputs: Inputs, processor: Any, config: Any) -> list[Inputs]:
        """Every picture has its own tiles, filled up to as many as the largest has."""
        out = []
        for index, size in enumerate(sizes):
            own = {key: inputs[key][index : index + 1] for key in ("pixel_values", "image_sizes")}
            tokens = len(self.token_boxes(size, inputs | own, processor, config))
            out.append(one_of_several(inputs, config.image_token_id, tokens, **own))
        return out

    def pooled(self, grid: np.ndarray, cut: Cut, config: Any) -> np.ndarray:
        """The boxes of the tokens that the model makes of a grid of cells; here, one each."""
        return grid

    def seen(self, inputs: Inputs, processor: Any, config: Any) -> np.ndarray | None:
        """The base tile: the whole picture, squashed to a square."""
        return unnormalised(inputs["pixel_values"][0, 0], processor) if "pixel_values" in inputs else None

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "mm_token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        fill = {"input_ids": pad_id, "attention_mask": 0, "mm_token_type_ids": 0}
        return collate_aligned(with_equal_tiles(batch, ("pixel_values",)), fill, self.stacked)

    def tower(self, model: nn.Module, inputs: Inputs, size: Size, processor: Any) -> TowerPatches:
        """The base tile's patches: the hidden states that the projector reads, class token left out."""
        patch, layers = model.config.vision_config.patch_size, model.config.vision_feature_layer
        return read_square(model.model.vision_tower, inputs["pixel_values"][0, 0], size, patch, layers)

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.language_model
        return DecoderParts(text.layers, text.norm, model.lm_head)
