"""Block reading: no later row of the decoder may attend to chosen image tokens (attention knockout).

Geva et al. 2023 (arXiv 2304.14767) cut attention edges in this way. The picture stays whole; what other
patches took over from the region inside the vision tower is still there, so this is a lower bound.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.models.session import LoadedModel

MASKED_KERNELS = ("sdpa", "eager")  # kernels that take a mask of [batch, 1, rows, columns]


class Unblockable(Exception):
    """The model's attention takes no mask of its own; the text says why."""


class _Blocker:
    """Forward pre-hook of one attention module that takes columns out of its mask."""

    def __init__(self, columns: torch.Tensor, layer: int) -> None:
        self.columns, self.layer, self.calls = columns, layer, 0

    def __call__(
        self, module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if "attention_mask" not in keywords:
            raise Unblockable("its layers are not given an attention mask")
        hidden = keywords.get("hidden_states", arguments[0] if arguments else None)
        cache = keywords.get("past_key_values")
        past = int(cache.get_seq_length(self.layer)) if cache is not None else 0
        rows = torch.arange(past, past + hidden.shape[1], device=hidden.device)
        if cache is not None and _forgets(cache, self.layer, past + hidden.shape[1]):
            raise Unblockable("its attention keeps only a window of the prompt")
        mask = blocked_mask(keywords["attention_mask"], rows, self.columns.to(hidden.device), hidden)
        self.calls += 1
        return arguments, {**keywords, "attention_mask": mask}


def _forgets(cache: Any, layer: int, length: int) -> bool:
    """Whether a layer's cache has dropped tokens, so that its columns are no longer prompt positions."""
    layers = getattr(cache, "layers", ())
    window = getattr(layers[layer], "sliding_window", None) if layer < len(layers) else None
    return window is not None and length > window


def blocked_mask(
    mask: torch.Tensor | None, rows: torch.Tensor, columns: torch.Tensor, like: torch.Tensor
) -> torch.Tensor:
    """Additive mask `[B, 1, R, N]` of `like`'s dtype: the model's own one without the blocked edges.

    `rows` `[R]` are the places of the query rows (the last one is the newest of N tokens); `columns` `[K]`
    the blocked tokens, which only they themselves may still read. `mask` is None (causal), bool (True = may
    attend) or additive. Raises Unblockable for a mask of another form.
    """
    total = int(rows[-1]) + 1
    everything = torch.arange(total, device=rows.device)
    lowest = torch.finfo(like.dtype).min
    if mask is None:
        forbidden = everything[None, None, None] > rows[None, None, :, None]
        own = torch.zeros((1, 1, len(rows), total), dtype=like.dtype, device=rows.device)
        own = own.masked_fill(forbidden, lowest)
    elif mask.ndim != 4 or mask.shape[-1] != total:
        raise Unblockable("its attention takes a mask of its own form")
    elif mask.dtype == torch.bool:
        own = torch.zeros(mask.shape, dtype=like.dtype, device=mask.device).masked_fill(~mask, lowest)
    else:
        own = mask
    edges = torch.isin(everything, columns)[None, :] & ~torch.isin(rows, columns)[:, None]
    return own.masked_fill(edges[None, None], lowest)


@contextmanager
def blocking(model: LoadedModel, tokens: np.ndarray) -> Iterator[None]:
    """Inside, no row reads the prompt positions `tokens` int `[K]` except these themselves.

    Holds the model's lock, so only passes of this thread are changed (`generate_batch`, `teacher_force`; a
    `stream` would wait for ever). The model is left as found, also on failure. Raises Unblockable when its
    attention can't take a mask, or when no layer asked for one.
    """
    text = getattr(model.model.config, "text_config", model.model.config)
    kernel = str(getattr(text, "_attn_implementation", ""))
    if not kernel.endswith(MASKED_KERNELS):
        raise Unblockable(f"its attention kernel {kernel!r} takes no mask of single tokens")
    columns = torch.from_numpy(np.asarray(tokens, np.int64))
    blockers = [_Blocker(columns, layer) for layer in range(len(model.decoder.layers))]
    with model.lock, ExitStack() as stack:
        for layer, blocker in enumerate(blockers):
            handle = model.decoder.attention(layer).register_forward_pre_hook(blocker, with_kwargs=True)
            stack.callback(handle.remove)
        yield
    if not all(blocker.calls for blocker in blockers):
        raise Unblockable("not every layer of it could be reached")
