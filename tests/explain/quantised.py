"""A tiny model with packed layers, as quantised checkpoints have them: no `weight`, only buffers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from workbench.models.session import LoadedModel


class Packed(nn.Module):
    """A linear layer of 8-bit numbers and one scale a row."""

    def __init__(self, plain: nn.Linear, levels: int = 127) -> None:
        super().__init__()
        scale = plain.weight.detach().abs().amax(1, keepdim=True) / levels
        self.register_buffer("scale", scale)
        self.register_buffer("qweight", (plain.weight.detach() / scale).round().to(torch.int8))

    @property
    def dequantised(self) -> torch.Tensor:
        return self.qweight * self.scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.dequantised)

    def written_out(self) -> nn.Linear:
        """A plain layer with the same numbers."""
        plain = nn.Linear(*self.qweight.shape[::-1], bias=False).requires_grad_(False)
        plain.weight.copy_(self.dequantised)
        return plain


@contextmanager
def packed_model(model: LoadedModel, *, written_out: bool = False) -> Iterator[None]:
    """Each attention's output projection and the unembedding packed in this block, or their plain doubles."""
    places = [(layer.self_attn, "o_proj") for layer in model.decoder.layers] + [(model.model, "lm_head")]
    kept = [(owner, name, getattr(owner, name)) for owner, name in places]
    try:
        for owner, name, plain in kept:
            packed = Packed(plain)
            setattr(owner, name, packed.written_out() if written_out else packed)
        yield
    finally:
        for owner, name, plain in kept:
            setattr(owner, name, plain)
