"""Grounding loss: while the answer is written, one head of two layers must look at the drawn evidence.

A small model reads pictures late: a lesion is one patch in 144, so an even gaze hardly sees it. Phantoms know
where their evidence lies, so two heads are taught to look there. The model card says which; the attention
maps of those heads are trained to point and must not be taken for a discovery.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "workbench_grounding"
GROUNDED = {1: 0, 2: 0}  # layer -> head


@dataclass
class Gaze:
    """Where rows should look: `rows` int64 `[R, 2]` (picture, row), `wanted` bool `[R, P]`.

    `columns` int64 `[P]` are the places of the image tokens.
    """

    rows: torch.Tensor
    wanted: torch.Tensor
    columns: torch.Tensor
    losses: list[torch.Tensor] = field(default_factory=list)


_ACTIVE: ContextVar[Gaze | None] = ContextVar("workbench_gaze", default=None)


@contextmanager
def watching(gaze: Gaze) -> Iterator[Gaze]:
    """Collect the grounding losses of the forward pass in this block."""
    token = _ACTIVE.set(gaze)
    try:
        yield gaze
    finally:
        _ACTIVE.reset(token)


def gaze_loss(
    query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor, scale: float, gaze: Gaze
) -> torch.Tensor:
    """Mean of −log(attention mass on the wanted patches) over the rows of `gaze`.

    `query`, `key` `[B, N, dh]` of one head; `mask` additive `[B, N, N]`.
    """
    parts = []
    for picture in gaze.rows[:, 0].unique().tolist():
        mine = gaze.rows[:, 0] == picture
        at = gaze.rows[mine, 1]
        scores = query[picture, at] @ key[picture].T * scale + mask[picture, at]
        mass = scores.softmax(-1)[:, gaze.columns]
        parts.append(-((mass * gaze.wanted[mine]).sum(-1) + 1e-6).log())
    return torch.cat(parts).mean()


def grounding_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Stock SDPA attention; feeds the active gaze in the grounded layers."""
    gaze = _ACTIVE.get()
    if gaze is not None and module.layer_idx in GROUNDED and len(gaze.rows):
        head = GROUNDED[module.layer_idx]
        scale = float(kwargs["scaling"])
        gaze.losses.append(gaze_loss(query[:, head], key[:, head], attention_mask[:, 0], scale, gaze))
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


def install_grounding(model: torch.nn.Module) -> None:
    """Route the decoder's attention through `grounding_attention` for a training stage."""
    AttentionInterface.register(NAME, grounding_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation({"text_config": NAME})
