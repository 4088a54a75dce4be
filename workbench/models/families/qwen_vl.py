"""Qwen2-VL, Qwen2.5-VL, Qwen3-VL (dense, experts): pictures keep their shape; a token is merged patches.

The processor stretches the picture to whole blocks, cuts it into a grid of patches and lists them block by
block; the vision tower's windows and DeepStack streams leave that raster order of blocks as it was.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers.vision_utils import get_vision_window_index

from workbench.models.families.base import (
    DecoderParts,
    Inputs,
    collate_aligned,
    extend_aligned,
    one_of_several,
    token_places,
    unnormalised,
)
from workbench.models.families.geometry import Placement, grid_boxes
from workbench.models.families.towers import TowerPatches, in_blocks


class QwenVL:
    """Adapter for `Qwen2VL…`, `Qwen2_5_VL…`, `Qwen3VL…` and `Qwen3VLMoeForConditionalGeneration`.

    The rotary positions have three axes and are counted anew from `input_ids`, `mm_token_type_ids` and
    `image_grid_thw` on each pass without a cache, so these must always travel together.
    """

    name = "qwen-vl"
    types = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe")

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

    def seen(self, inputs: Inputs, processor: Any, config: Any) -> np.ndarray | None:
        """The patches put together again, in the first of the two frames that a still picture fills.

        None for more than one picture.
        """
        grids = inputs["image_grid_thw"].tolist() if "image_grid_thw" in inputs else []
        if len(grids) != 1 or grids[0][0] != 1:
            return None
        vision = config.vision_config
        merge, patch = vision.spatial_merge_size, vision.patch_size
        rows, columns = (count // merge for count in grids[0][1:])
        blocks = inputs["pixel_values"].reshape(
            rows, columns, merge, merge, -1, vision.temporal_patch_size, patch, patch
        )
        # Channels; then block, patch in the block and pixel in the patch, down and across.
        still = blocks[:, :, :, :, :, 0].permute(4, 0, 2, 5, 1, 3, 6)
        picture = still.reshape(-1, rows * merge * patch, columns * merge * patch)
        return unnormalised(picture, processor)

    def pictures(
        self, sizes: Sequence[tuple[int, int]], inputs: Inputs, processor: Any, config: Any
    ) -> list[Inputs]:
        """Patches of all pictures are listed after each other; every picture has a grid of its own."""
        grids, start, out = inputs["image_grid_thw"], 0, []
        for grid in grids:
            patches = int(grid.prod())
            tokens = patches // config.vision_config.spatial_merge_size**2
            pixels = inputs["pixel_values"][start : start + patches]
            own = {"pixel_values": pixels, "image_grid_thw": grid[None]}
            out.append(one_of_several(inputs, config.image_token_id, tokens, **own))
            start += patches
        return out

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "mm_token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        fill = {"input_ids": pad_id, "attention_mask": 0, "mm_token_type_ids": 0}
        return collate_aligned(batch, fill, ("pixel_values", "image_grid_thw"))

    def tower(self, model: nn.Module, inputs: Inputs, size: tuple[int, int], processor: Any) -> TowerPatches:
        """The patches before they are merged, block by block; raises ValueError as `patch_boxes` does."""
        grid, vision = inputs["image_grid_thw"], model.config.vision_config
        if len(grid) != 1 or int(grid[0, 0]) != 1:
            raise ValueError(f"one still picture was expected, but the grids are {grid.tolist()}")
        rows, columns = (int(count) for count in grid[0, 1:])
        merge = vision.spatial_merge_size
        states = model.model.visual(inputs["pixel_values"], grid_thw=grid, return_dict=True).last_hidden_state
        if getattr(vision, "window_size", None):  # Qwen2.5-VL gives them window by window
            windows = get_vision_window_index(grid, merge, vision.window_size, vision.patch_size)[0]
            blocks = states.reshape(-1, merge**2, states.shape[-1])
            states = blocks[torch.argsort(windows)].flatten(0, 1)
        width, height = size
        whole = Placement((columns / width, rows / height), (0.0, 0.0))
        boxes = grid_boxes(whole, columns, rows, 1, width, height)
        return TowerPatches(states, in_blocks(boxes, rows, columns, merge))

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.language_model
        return DecoderParts(text.layers, text.norm, model.lm_head)
