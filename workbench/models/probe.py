"""The attention probe: stock SDPA, plus a collector that recomputes only the wanted rows × columns.

Registered once under PROBE in both the attention and the mask registry of transformers (forgetting the
mask silently drops it). Idle it costs one `None` check a layer; the kernel's output is returned untouched,
so logits stay bit-identical.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

PROBE = "workbench_sdpa"
ROW_CHUNK = 64


@dataclass
class LayerRows:
    """One layer's share of the evidence, float32 on the CPU.

    `attention` `[H, T, P]` from each wanted row to each image column; `image_share` `[H, T]`;
    `values` `[H, P, dh]` value vectors at the image columns; `head_output` `[H, T, dh]`.
    """

    attention: torch.Tensor
    image_share: torch.Tensor
    values: torch.Tensor
    head_output: torch.Tensor


@dataclass
class RowCollector:
    """Wanted query rows `[T]` and key columns `[P]`; fills `layers` by layer index during a forward pass."""

    rows: torch.Tensor
    columns: torch.Tensor
    layers: dict[int, LayerRows] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(
            t.numel() * t.element_size()
            for layer in self.layers.values()
            for t in (layer.attention, layer.image_share, layer.values, layer.head_output)
        )


_ACTIVE: ContextVar[RowCollector | None] = ContextVar("workbench_row_collector", default=None)


@contextmanager
def collecting(collector: RowCollector) -> Iterator[RowCollector]:
    """Collect attention rows during the forward passes of this block (this thread and context only)."""
    token = _ACTIVE.set(collector)
    try:
        yield collector
    finally:
        _ACTIVE.reset(token)


def attention_rows(
    query: torch.Tensor,
    key: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float,
    rows: torch.Tensor,
) -> torch.Tensor:
    """Softmax attention `[H, T, N]` of the wanted rows of a batch-1 pass, float32.

    `query` `[1, H, N, dh]`, `key` `[1, H, N, dh]` (already repeated to H heads); `mask` is None (causal),
    bool (True = may attend) or additive `[1, 1, N, N]`.
    """
    scores = query[0, :, rows].float() @ key[0].float().transpose(-1, -2) * scaling
    if mask is None:
        columns = torch.arange(key.shape[2], device=key.device)
        scores = scores.masked_fill(columns[None, None] > rows[None, :, None], float("-inf"))
    elif mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask[0][:, rows, : key.shape[2]], float("-inf"))
    else:
        scores = scores + mask[0][:, rows, : key.shape[2]].float()
    return scores.softmax(-1)


def _collect(
    collector: RowCollector,
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    output: torch.Tensor,
) -> None:
    repeat = query.shape[1] // key.shape[1]
    key = key.repeat_interleave(repeat, dim=1)
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    rows, columns = collector.rows.to(query.device), collector.columns.to(query.device)
    kept = [
        attention_rows(query, key, mask, scale, chunk)[:, :, columns].cpu() for chunk in rows.split(ROW_CHUNK)
    ]
    attention = torch.cat(kept, dim=1)
    values = value[0, :, columns].repeat_interleave(repeat, dim=0)
    collector.layers[module.layer_idx] = LayerRows(
        attention,
        attention.sum(-1),
        values.float().cpu(),
        output[0, rows].transpose(0, 1).float().cpu(),
    )


def probed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Stock SDPA attention; feeds the active collector, if any."""
    output, weights = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    collector = _ACTIVE.get()
    if collector is not None:
        _collect(collector, module, query, key, value, attention_mask, kwargs.get("scaling"), output)
    return output, weights


def install(model: torch.nn.Module) -> None:
    """Route the text decoder's attention through the probe; the vision tower keeps its own kernel."""
    AttentionInterface.register(PROBE, probed_attention)
    AttentionMaskInterface.register(PROBE, sdpa_mask)
    nested = getattr(model.config, "text_config", None) is not None
    model.set_attn_implementation({"text_config": PROBE} if nested else PROBE)
