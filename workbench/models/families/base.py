"""What a model family must say about itself. One file a family; register it in `families/__init__.py`.

To add a family: write a class with these members, give it a `matches` that recognises its config, add it
to FAMILIES, and run the family tests on a tiny random model of its real config (tests/models).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class DecoderParts:
    """The pieces of the text decoder that explanations read (never change)."""

    layers: nn.ModuleList
    final_norm: nn.Module
    unembedding: nn.Linear

    def attention(self, layer: int) -> nn.Module:
        return self.layers[layer].self_attn


class Family(Protocol):
    """Adapter between one architecture and the workbench."""

    name: str

    def matches(self, config: Any) -> bool:
        """Whether this adapter understands a model with that config."""

    def image_positions(self, inputs: dict[str, torch.Tensor], config: Any) -> np.ndarray:
        """Places of the image tokens in `input_ids`, int64 `[P]`."""

    def patch_boxes(
        self, size: tuple[int, int], inputs: dict[str, torch.Tensor], processor: Any, config: Any
    ) -> np.ndarray:
        """Box of every image token in pixels of the original (width, height), float32 `[P, 4]`."""

    def extend(self, inputs: dict[str, torch.Tensor], ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """Append answer ids `[T]` to every sequence-aligned input."""

    def collate(self, batch: list[dict[str, torch.Tensor]], pad_id: int) -> dict[str, torch.Tensor]:
        """Left-pad several prompts into one batch."""

    def decoder(self, model: nn.Module) -> DecoderParts:
        """Where the decoder layers, the last norm and the unembedding are."""


def extend_aligned(
    inputs: dict[str, torch.Tensor], ids: torch.Tensor, fill: dict[str, int]
) -> dict[str, torch.Tensor]:
    """Append `ids` to `input_ids` and the stated fill value to the other aligned inputs.

    Raises KeyError for an aligned input that the family did not name: forgetting one is silent on some
    architectures and changes the logits.
    """
    length = inputs["input_ids"].shape[1]
    out = dict(inputs)
    for key, value in inputs.items():
        if not (torch.is_tensor(value) and value.ndim == 2 and value.shape[1] == length):
            continue
        if key == "input_ids":
            tail = ids.to(value.device)[None]
        elif key in fill:
            tail = torch.full((1, len(ids)), fill[key], dtype=value.dtype, device=value.device)
        else:
            raise KeyError(
                f"input {key!r} is as long as the prompt, but the family adapter does not extend it"
            )
        out[key] = torch.cat([value, tail], dim=1)
    return out
