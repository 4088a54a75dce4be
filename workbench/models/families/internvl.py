"""InternVL (the transformers-native `internvl`): the picture stretched over tiles, then a thumbnail of it.

The shape of the canvas follows the picture's; each tile goes through the tower alone, and blocks of patches
are merged to one token (pixel shuffle).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

from workbench.models.families.base import (
    DecoderParts,
    Inputs,
    collate_aligned,
    extend_aligned,
    one_of_several,
    token_places,
    unnormalised,
)
from workbench.models.families.tiles import Cut, Size, counted, split_boxes, whole_boxes
from workbench.models.families.towers import TowerPatches, read_square


def _edge(value: int | tuple[int, int] | list[int]) -> int:
    return value if isinstance(value, int) else value[0]


def tile_counts(size: Size, side: int, processor: Any) -> tuple[int, int]:
    """(columns, rows) of tiles of `side` pixels over which a (width, height) picture is stretched."""
    images = processor.image_processor
    return get_optimal_tiled_canvas((size[1], size[0]), (side, side), images.min_patches, images.max_patches)


class InternVL:
    """Adapter for `InternVLForConditionalGeneration`, still pictures only."""

    name = "internvl"

    def matches(self, config: Any) -> bool:
        return config.model_type == "internvl"

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return token_places(inputs, config.image_token_id)

    def patch_boxes(self, size: Size, inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Boxes of the tiles, tile by tile, then those of the thumbnail; a single tile has no thumbnail.

        Raises ValueError unless the prompt holds exactly this picture.
        """
        tiles, _, _, side = inputs["pixel_values"].shape
        merge = round(1 / config.downsample_ratio)
        patch = _edge(config.vision_config.patch_size)
        cells, cell = side // patch // merge, patch * merge
        positions = self.image_positions(inputs, config)
        if tiles == 1:
            return counted(whole_boxes(size, side, cells, cell), positions)
        counts = tile_counts(size, side, processor)
        return counted(split_boxes(size, Cut(*counts, side, cells, cell)), positions)

    def seen(self, inputs: Inputs, processor: Any, config: Any) -> np.ndarray | None:
        """The thumbnail, which is the last tile: the whole picture, squashed to a square."""
        return unnormalised(inputs["pixel_values"][-1], processor) if "pixel_values" in inputs else None

    def pictures(self, sizes: Sequence[Size], inputs: Inputs, processor: Any, config: Any) -> list[Inputs]:
        """The tiles of all pictures are listed after each other, each picture's thumbnail last."""
        pixels = inputs["pixel_values"]
        side, merge = pixels.shape[-1], round(1 / config.downsample_ratio)
        tokens = (side // _edge(config.vision_config.patch_size) // merge) ** 2
        tiles = [1] * len(sizes)
        if len(pixels) > len(sizes):
            counts = [tile_counts(size, side, processor) for size in sizes]
            tiles = [columns * rows + (columns * rows > 1) for columns, rows in counts]
        if sum(tiles) != len(pixels):
            raise ValueError(f"{len(pixels)} tiles were made of {len(sizes)} pictures, not {tiles}")
        return [
            one_of_several(inputs, config.image_token_id, count * tokens, pixel_values=part)
            for count, part in zip(tiles, pixels.split(tiles), strict=True)
        ]

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "mm_token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        fill = {"input_ids": pad_id, "attention_mask": 0, "mm_token_type_ids": 0}
        return collate_aligned(batch, fill)

    def tower(self, model: nn.Module, inputs: Inputs, size: Size, processor: Any) -> TowerPatches:
        """The patches of the thumbnail, or of the only tile, before they are merged."""
        patch, layers = _edge(model.config.vision_config.patch_size), model.config.vision_feature_layer
        layers = None if layers == -1 else layers  # as the model reads it: after the tower's last norm
        return read_square(model.model.vision_tower, inputs["pixel_values"][-1], size, patch, layers)

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.language_model
        return DecoderParts(text.layers, text.norm, model.lm_head)
