"""Decoder-only language models without a vision part: there are question tokens, but no image tokens."""

from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.models.families.base import (
    DecoderParts,
    Inputs,
    collate_aligned,
    extend_aligned,
    has_vision,
)

_GEMMA = "gemma3_text"


class TextOnly:
    """Adapter for causal language models of the Llama layout."""

    name = "text-only"
    types = ("llama", "mistral", "qwen2", "qwen3", _GEMMA)

    def matches(self, config: Any) -> bool:
        return config.model_type in self.types and not has_vision(config)

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        return np.zeros(0, np.int64)

    def patch_boxes(self, size: tuple[int, int], inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        return np.zeros((0, 4), np.float32)

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        return extend_aligned(inputs, ids, {"attention_mask": 1})

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        return collate_aligned(batch, {"input_ids": pad_id, "attention_mask": 0})

    def decoder(self, model: nn.Module) -> DecoderParts:
        gemma = model.config.model_type == _GEMMA
        text = model.model
        return DecoderParts(text.layers, text.norm, model.lm_head, unit_offset=gemma, output_normed=gemma)
