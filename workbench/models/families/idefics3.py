"""Idefics3 and SmolVLM: the picture stretched over whole tiles, then once more in one tile; pixel shuffle.

Blocks of scale × scale patches of a tile are merged to one token. Between the tiles stand text tokens that
name their row and column; these aren't image tokens.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.models.families.base import (
    DecoderParts,
    Inputs,
    collate_aligned,
    extend_aligned,
    one_of_several,
    token_places,
    unnormalised,
)
from workbench.models.families.tiles import Cut, Size, counted, split_boxes, whole_boxes, with_equal_tiles
from workbench.models.families.towers import TowerPatches, read_square


def resized(size: Size, longest: int) -> Size:
    """(width, height) after the longer edge becomes `longest` and the other follows, up to an even number."""
    ratio = size[0] / size[1]
    if ratio >= 1:
        height = int(longest / ratio)
        return longest, max(height + height % 2, 1)
    width = int(longest * ratio)
    return max(width + width % 2, 1), longest


def tile_counts(size: Size, longest: int, side: int) -> tuple[int, int]:
    """(columns, rows) of tiles of `side` pixels over which a (width, height) picture is stretched."""
    width, height = resized(size, longest)
    # A quotient, as in the processor: multiplying first would round to other tiles.
    ratio = width / height
    if ratio >= 1:
        columns = math.ceil(width / side)
        return columns, math.ceil(int(columns * side / ratio) / side)
    rows = math.ceil(height / side)
    return math.ceil(int(rows * side * ratio) / side), rows


class Idefics3:
    """Adapter for `Idefics3ForConditionalGeneration` and `SmolVLMForConditionalGeneration`, pictures only."""

    name = "idefics3"
    types = ("idefics3", "smolvlm")

    def matches(self, config: Any) -> bool:
        return config.model_type in self.types

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return token_places(inputs, config.image_token_id)

    def patch_boxes(self, size: Size, inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Boxes of the tiles, tile by tile, then those of the last tile, which shows the whole picture.

        Raises ValueError unless the prompt holds exactly this picture.
        """
        tiles, _, _, side = inputs["pixel_values"].shape[1:]
        cell = config.vision_config.patch_size * config.scale_factor
        cells = side // config.vision_config.patch_size // config.scale_factor
        positions = self.image_positions(inputs, config)
        if tiles == 1:
            return counted(whole_boxes(size, side, cells, cell), positions)
        longest = processor.image_processor.size["longest_edge"]
        cut = Cut(*tile_counts(size, longest, side), side, cells, cell)
        return counted(split_boxes(size, cut), positions)

    def seen(self, inputs: Inputs, processor: Any, config: Any) -> np.ndarray | None:
        """The last tile: the whole picture, squashed to a square."""
        return unnormalised(inputs["pixel_values"][0, -1], processor) if "pixel_values" in inputs else None

    def pictures(self, sizes: Sequence[Size], inputs: Inputs, processor: Any, config: Any) -> list[Inputs]:
        """The tiles of all pictures are listed after each other, each picture's whole one last."""
        pixels = inputs["pixel_values"]
        side = pixels.shape[-1]
        tokens = (side // config.vision_config.patch_size // config.scale_factor) ** 2
        images = processor.image_processor
        tiles = [1] * len(sizes)
        if getattr(images, "do_image_splitting", True):
            counts = [tile_counts(size, images.size["longest_edge"], side) for size in sizes]
            # A picture of one tile isn't shown a second time.
            tiles = [columns * rows + (columns * rows > 1) for columns, rows in counts]
        if sum(tiles) != pixels.shape[1]:
            raise ValueError(f"{pixels.shape[1]} tiles were made of {len(sizes)} pictures, not {tiles}")
        return [
            one_of_several(inputs, config.image_token_id, count * tokens, pixel_values=part)
            for count, part in zip(tiles, pixels.split(tiles, 1), strict=True)
        ]

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "mm_token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        fill = {"input_ids": pad_id, "attention_mask": 0, "mm_token_type_ids": 0}
        tiles = ("pixel_values", "pixel_attention_mask")
        return collate_aligned(with_equal_tiles(batch, tiles), fill, tiles)

    def tower(self, model: nn.Module, inputs: Inputs, size: Size, processor: Any) -> TowerPatches:
        """The patches of the last tile, before they are merged."""
        patch = model.config.vision_config.patch_size
        return read_square(model.model.vision_model, inputs["pixel_values"][0, -1], size, patch)

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.text_model
        return DecoderParts(text.layers, text.norm, model.lm_head)
