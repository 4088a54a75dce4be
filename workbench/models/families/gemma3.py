"""Gemma 3 (MedGemma): the picture squashed to a square, pooled to few tokens; optionally crops of it after.

Tokens of one picture see each other in both directions; `token_type_ids` says which they are.
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


def crop_count(size: tuple[int, int], images: Any) -> int:
    """How many pan-and-scan crops an image processor's settings make of a (width, height) picture."""
    if not images["do_pan_and_scan"]:
        return 0
    long, short = max(size), min(size)
    if long / short < images["pan_and_scan_min_ratio_to_activate"]:
        return 0
    least = images["pan_and_scan_min_crop_size"]
    crops = max(2, min(long // least, int(math.floor(long / short + 0.5))))
    crops = min(images["pan_and_scan_max_num_crops"], crops)
    return 0 if min(math.ceil(long / crops), short) < least else crops


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

    def pictures(
        self, sizes: Sequence[tuple[int, int]], inputs: Inputs, processor: Any, config: Any
    ) -> list[Inputs]:
        """Each picture, then its crops; how many these are isn't told, so the processor's rule is followed.

        Raises ValueError when that rule doesn't give as many as the processor made.
        """
        names = ("do_pan_and_scan", "pan_and_scan_min_ratio_to_activate", "pan_and_scan_min_crop_size",
                 "pan_and_scan_max_num_crops")  # fmt: skip
        defaults = getattr(processor, "images_kwargs", None) or {}
        own = {name: getattr(processor.image_processor, name, None) for name in names}
        settings = own | {name: defaults[name] for name in names if defaults.get(name) is not None}
        shown = [1 + crop_count(size, settings) for size in sizes]
        pixels = inputs["pixel_values"]
        if sum(shown) != len(pixels):
            raise ValueError(
                f"{len(pixels)} pictures and crops were made of {len(sizes)} pictures, not {shown}"
            )
        return [
            one_of_several(
                inputs, config.image_token_id, count * config.mm_tokens_per_image, pixel_values=part
            )
            for count, part in zip(shown, pixels.split(shown), strict=True)
        ]

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
