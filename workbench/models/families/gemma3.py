"""Gemma 3 (MedGemma): the picture squashed to a square, pooled to few tokens; optionally crops of it after.

Tokens of one picture see each other in both directions; `token_type_ids` says which they are.
"""

import math
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
    unnormalised,
)
from workbench.models.families.geometry import Placement, grid_boxes
from workbench.models.families.towers import TowerPatches, read_square


def crop_rectangles(size: tuple[int, int], crops: int) -> list[tuple[int, int, int, int]]:
    """Pan-and-scan crops (x0, y0, x1, y1) of a (width, height) picture: equal strips along its longer side.

    The last strip ends with the picture, so it may be narrower; it is stretched like the others.
    """
    width, height = size
    if crops == 0:
        return []
    if width >= height:
        step = math.ceil(width / crops)
        return [(step * i, 0, min(step * (i + 1), width), height) for i in range(crops)]
    step = math.ceil(height / crops)
    return [(0, step * i, width, min(step * (i + 1), height)) for i in range(crops)]


class Gemma3:
    """Adapter for `Gemma3ForConditionalGeneration`."""

    name = "gemma3"

    def matches(self, config: Any) -> bool:
        return config.model_type == "gemma3"

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return token_places(inputs, config.image_token_id)

    def patch_boxes(self, size: tuple[int, int], inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Boxes of the whole picture's tokens, then of every crop's; so boxes of crops lie over the first."""
        crops = len(inputs["pixel_values"]) - 1
        side = math.isqrt(config.mm_tokens_per_image)
        boxes = []
        for x0, y0, x1, y1 in [(0, 0, *size), *crop_rectangles(size, crops)]:
            width, height = x1 - x0, y1 - y0
            place = Placement((side / width, side / height), (0.0, 0.0))
            boxes.append(grid_boxes(place, side, side, 1, width, height) + np.float32([x0, y0, x0, y0]))
        return np.concatenate(boxes)

    def seen(self, inputs: Inputs, processor: Any, config: Any) -> np.ndarray | None:
        """The whole picture, squashed to a square; it comes before its crops."""
        return unnormalised(inputs["pixel_values"][0], processor) if "pixel_values" in inputs else None

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        return collate_aligned(batch, {"input_ids": pad_id, "attention_mask": 0, "token_type_ids": 0})

    def tower(self, model: nn.Module, inputs: Inputs, size: tuple[int, int], processor: Any) -> TowerPatches:
        """The patches of the whole picture, before they are pooled to tokens."""
        patch = model.config.vision_config.patch_size
        return read_square(model.model.vision_tower, inputs["pixel_values"][0], size, patch)

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.language_model
        return DecoderParts(text.layers, text.norm, model.lm_head, unit_offset=True, output_normed=True)
