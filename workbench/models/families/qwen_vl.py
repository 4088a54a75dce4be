"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: pictures keep their shape; a token is a block of merged patches.

The processor stretches the picture to whole blocks, cuts it into a grid of patches and lists them block by
block; the vision tower's windows and DeepStack streams leave that raster order of blocks as it was.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.models.families.base import (
    DecoderParts,
    Inputs,
    collate_aligned,
    extend_aligned,
    token_places,
)
from workbench.models.families.geometry import Placement, grid_boxes


class QwenVL:
    """Adapter for `Qwen2VL…`, `Qwen2_5_VL…` and `Qwen3VLForConditionalGeneration`.

    The rotary positions have three axes and are counted anew from `input_ids`, `mm_token_type_ids` and
    `image_grid_thw` on each pass without a cache, so these must always travel together.
    """

    name = "qwen-vl"
    types = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")

    def matches(self, config: Any) -> bool:
        return config.model_type in self.types

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return token_places(inputs, config.image_token_id)

    def patch_boxes(self, size: tuple[int, int], inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Raises ValueError unless the prompt holds exactly one still picture."""
        grids = inputs["image_grid_thw"].tolist()
        if len(grids) != 1 or grids[0][0] != 1:
            raise ValueError(f"one still picture was expected, but the grids are {grids}")
        merge = config.vision_config.spatial_merge_size
        rows, columns = (count // merge for count in grids[0][1:])
        width, height = size
        whole = Placement((columns / width, rows / height), (0.0, 0.0))
        return grid_boxes(whole, columns, rows, 1, width, height)

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "mm_token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        fill = {"input_ids": pad_id, "attention_mask": 0, "mm_token_type_ids": 0}
        return collate_aligned(batch, fill, ("pixel_values", "image_grid_thw"))

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.language_model
        return DecoderParts(text.layers, text.norm, model.lm_head)
