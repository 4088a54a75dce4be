"""LLaVA: one vision tower (CLIP or SigLIP), a projector, a decoder; one token a patch, raster order."""

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
    split_evenly,
    token_places,
)
from workbench.models.families.geometry import grid_boxes, placement
from workbench.models.families.towers import TowerPatches, read_tile


class Llava:
    """Adapter for `LlavaForConditionalGeneration`."""

    name = "llava"

    def matches(self, config: Any) -> bool:
        return config.model_type == "llava"

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return token_places(inputs, config.image_token_id)

    def patch_boxes(self, size: tuple[int, int], inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """With `vision_feature_select_strategy="full"` on a tower with a class token, the class token
        comes first and gets an empty box."""
        width, height = size
        patch = config.vision_config.patch_size
        rows, columns = (int(n) // patch for n in inputs["pixel_values"].shape[-2:])
        place = placement(processor.image_processor, width, height)
        boxes = grid_boxes(place, columns, rows, patch, width, height)
        extra = len(self.image_positions(inputs, config)) - len(boxes)
        if extra < 0:
            raise ValueError(f"{-extra} patches have no image token; the processor and the model disagree")
        return np.concatenate([np.zeros((extra, 4), np.float32), boxes])

    def pictures(
        self, sizes: Sequence[tuple[int, int]], inputs: Inputs, processor: Any, config: Any
    ) -> list[Inputs]:
        """Every picture has as many tokens, since all are brought to one size."""
        tokens = split_evenly(self.image_positions(inputs, config), len(sizes))
        return [
            one_of_several(inputs, config.image_token_id, tokens, pixel_values=pixels[None])
            for pixels in inputs["pixel_values"]
        ]

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1, "mm_token_type_ids": 0, "token_type_ids": 0})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        return collate_aligned(batch, {"input_ids": pad_id, "attention_mask": 0})

    def tower(self, model: nn.Module, inputs: Inputs, size: tuple[int, int], processor: Any) -> TowerPatches:
        """The hidden states that the projector reads, class token left out."""
        pixels, patch = inputs["pixel_values"][0], model.config.vision_config.patch_size
        rows, columns = (int(n) // patch for n in pixels.shape[-2:])
        place = placement(processor.image_processor, *size)
        boxes = grid_boxes(place, columns, rows, patch, *size)
        layers = model.config.vision_feature_layer
        return TowerPatches(read_tile(model.model.vision_tower, pixels, rows * columns, layers), boxes)

    def decoder(self, model: nn.Module) -> DecoderParts:
        text = model.model.language_model
        return DecoderParts(text.layers, text.norm, model.lm_head)
