"""What a model family must say about itself. One file a family; register it in `families/__init__.py`.

To add a family: write a class with these members, give it a `matches` that recognises its config, add it
to FAMILIES, and run the family tests on a tiny random model of its real config (tests/models).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

Inputs = dict[str, torch.Tensor]


def has_vision(config: Any) -> bool:
    """Whether a model with that config looks at pictures; if not, it is a text-only decoder."""
    return getattr(config, "vision_config", None) is not None


@dataclass(frozen=True)
class DecoderParts:
    """The pieces of the text decoder that explanations read (never change).

    `final_norm` is an RMS norm; with `unit_offset` its gain is stored as the difference from one (Gemma).
    With `output_normed` another norm stands between each attention's output projection and the residual
    stream, so that what a head writes isn't simply its share of that projection.
    """

    layers: nn.ModuleList
    final_norm: nn.Module
    unembedding: nn.Linear
    unit_offset: bool = False
    output_normed: bool = False

    def attention(self, layer: int) -> nn.Module:
        return self.layers[layer].self_attn

    @property
    def norm_gain(self) -> torch.Tensor:
        """What `final_norm` multiplies each direction by, `[d]`."""
        weight = self.final_norm.weight.detach()
        return weight + 1 if self.unit_offset else weight

    @property
    def norm_epsilon(self) -> float:
        """What `final_norm` adds to the mean square; its name differs between architectures."""
        epsilon = getattr(self.final_norm, "variance_epsilon", None)
        return float(self.final_norm.eps if epsilon is None else epsilon)


class Family(Protocol):
    """Adapter between one architecture and the workbench.

    Optional: `seen(inputs, processor, config)`, the whole picture as the vision tower was shown it, uint8
    `[h, w, 3]`, or None when no part of the input shows it whole; without it, `single_picture`. And
    `tower(model, inputs, size, processor)`, the `TowerPatches` of the whole picture; without it the encoder
    can't be looked at on its own.
    `pictures(sizes, inputs, processor, config)`, for a prompt of several pictures: the inputs that each of
    them alone would have (`one_of_several`), of which `patch_boxes` and `seen` read one; without it, the
    family takes one picture at a time.
    """

    name: str

    def matches(self, config: Any) -> bool:
        """Whether this adapter understands a model with that config."""

    def image_positions(self, inputs: Inputs, config: Any) -> np.ndarray:
        """Places of the image tokens in `input_ids`, int64 `[P]`."""

    def patch_boxes(self, size: tuple[int, int], inputs: Inputs, processor: Any, config: Any) -> np.ndarray:
        """Box of every image token in pixels of the original (width, height), float32 `[P, 4]`."""

    def extend(self, inputs: Inputs, ids: torch.Tensor) -> Inputs:
        """Append answer ids `[T]` to every sequence-aligned input."""

    def collate(self, batch: list[Inputs], pad_id: int) -> Inputs:
        """Left-pad several prompts into one batch."""

    def decoder(self, model: nn.Module) -> DecoderParts:
        """Where the decoder layers, the last norm and the unembedding are."""


def unnormalised(pixels: torch.Tensor, processor: Any) -> np.ndarray:
    """Model input `[3, h, w]` → the colours that it stands for, uint8 `[h, w, 3]`."""
    images, pixels = processor.image_processor, pixels.float().cpu()
    if getattr(images, "do_normalize", True):
        mean, std = (torch.tensor(v)[:, None, None] for v in (images.image_mean, images.image_std))
        pixels = pixels * std + mean
    return (pixels.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def single_picture(inputs: Inputs, processor: Any) -> np.ndarray | None:
    """What the vision tower was shown, uint8 `[h, w, 3]`; None unless that is one picture in one piece."""
    pixels = inputs.get("pixel_values")
    if pixels is None or pixels.ndim != 4 or len(pixels) != 1:
        return None
    return unnormalised(pixels[0], processor)


def token_places(inputs: Inputs, token_id: int) -> np.ndarray:
    """Places of one token in a batch-1 `input_ids`, int64 `[P]`."""
    return torch.nonzero(inputs["input_ids"][0] == token_id).flatten().cpu().numpy()


def one_of_several(inputs: Inputs, token_id: int, tokens: int, **own: torch.Tensor) -> Inputs:
    """What `patch_boxes` and `seen` read of one picture of several: its `tokens` image tokens, and `own`."""
    ids = inputs["input_ids"]
    return inputs | {"input_ids": ids.new_full((1, tokens), token_id)} | own


def split_evenly(positions: np.ndarray, pictures: int) -> int:
    """Image tokens of each of several pictures that all have as many; ValueError when that can't be."""
    if len(positions) % pictures:
        raise ValueError(f"{len(positions)} image tokens can't be shared out to {pictures} pictures")
    return len(positions) // pictures


def extend_aligned(inputs: Inputs, ids: torch.Tensor, fill: Mapping[str, int]) -> Inputs:
    """Append `ids` to `input_ids` and the stated fill value to the other aligned inputs.

    Raises KeyError for an aligned input that the family did not name: forgetting one is silent on some
    architectures and changes the logits.
    """
    shape = inputs["input_ids"].shape
    out = dict(inputs)
    for key, value in inputs.items():
        # The whole shape: flattened patches `[n, 1176]` may be as wide as the prompt is long.
        if not (torch.is_tensor(value) and value.shape == shape):
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


def collate_aligned(
    batch: Sequence[Inputs], fill: Mapping[str, int], stacked: Sequence[str] = ("pixel_values",)
) -> Inputs:
    """Left-pad the aligned inputs named in `fill` and put the `stacked` ones after each other.

    An aligned input that only some prompts have is filled up with its pad value in the others.
    """
    longest = max(inputs["input_ids"].shape[1] for inputs in batch)
    out = {}
    for key, value in fill.items():
        if any(key in inputs for inputs in batch):
            rows = [inputs.get(key, torch.full_like(inputs["input_ids"], value)) for inputs in batch]
            padded = [nn.functional.pad(row, (longest - row.shape[1], 0), value=value) for row in rows]
            out[key] = torch.cat(padded)
    for key in stacked:
        if parts := [inputs[key] for inputs in batch if key in inputs]:
            out[key] = torch.cat(parts)
    return out
