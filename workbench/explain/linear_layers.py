"""What a linear layer multiplies by: read where the weights are plain numbers, else found by running it.

Quantised layers keep packed numbers, numbers without their scale, or no `weight` at all; adapters keep a part
of it elsewhere. What such a layer does is its weight all the same: it is linear, so W·e is a column.
"""

from collections.abc import Iterator

import torch
from torch import nn

PLAIN = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
INPUTS_AT_ONCE = 64  # unit vectors run through a layer together; the output may be a whole vocabulary wide


def has_plain_weight(layer: nn.Module) -> bool:
    """Whether `weight` is the matrix that the layer applies."""
    if type(layer) is not nn.Linear:
        return False
    weight = layer.weight.data
    return type(weight) is torch.Tensor and weight.dtype in PLAIN and not weight.is_meta


def full_weight(layer: nn.Module, width: int, dtype: torch.dtype) -> torch.Tensor:
    """W `[out, width]`, float32 on the CPU; `dtype` is that of the layer's input."""
    if has_plain_weight(layer):
        return layer.weight.detach().float().cpu()
    return torch.cat([part.T for part in _columns(layer, width, dtype)], dim=1)


def weight_rows(layer: nn.Module, ids: torch.Tensor, width: int, dtype: torch.dtype) -> torch.Tensor:
    """W[ids] `[K, width]`, float32 on the CPU, without ever holding more than a part of W."""
    if has_plain_weight(layer):
        weight = layer.weight.detach()
        return weight[ids.to(weight.device)].float().cpu()
    return torch.cat([part[:, ids.cpu()].T for part in _columns(layer, width, dtype)], dim=1)


def output_width(layer: nn.Module, width: int, dtype: torch.dtype) -> int:
    """Numbers that come out of the layer."""
    if has_plain_weight(layer):
        return layer.weight.shape[0]
    with torch.no_grad():
        return layer(torch.zeros(1, width, device=_device(layer), dtype=dtype)).shape[-1]


def _columns(layer: nn.Module, width: int, dtype: torch.dtype) -> Iterator[torch.Tensor]:
    """Wᵀ in parts `[≤ INPUTS_AT_ONCE, out]`, float32 on the CPU; a bias is taken off."""
    device = _device(layer)
    with torch.no_grad():
        bias = layer(torch.zeros(1, width, device=device, dtype=dtype))
        units = torch.eye(width, device=device, dtype=dtype).split(INPUTS_AT_ONCE)
        for part in units:
            yield (layer(part) - bias).float().cpu()


def _device(layer: nn.Module) -> torch.device:
    """Where the layer's numbers are; the CPU for those that are on no device (accelerate fetches them)."""
    for held in (*layer.parameters(), *layer.buffers()):
        if not held.is_meta:
            return held.device
    return torch.device("cpu")
