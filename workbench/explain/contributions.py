"""Direct logit contributions: what each head wrote towards a word's logit, split by where it read (A6)."""

from dataclasses import dataclass

import numpy as np
import torch

from workbench.explain.linear_layers import full_weight, weight_rows
from workbench.models.families import DecoderParts


@dataclass(frozen=True)
class Contributions:
    """Signed direct contributions to each answer token's logit, float32, in logits.

    `patches` `[T, P]` summed over layers and heads; `image` `[L, H, T]` each head's part that was read from
    image columns; `whole` `[L, H, T]` each head's whole part; `text` `[T, 4]` what was read from the first
    token, the rest of the question's text, the answer so far, and the text of earlier turns.
    """

    patches: np.ndarray
    image: np.ndarray
    whole: np.ndarray
    text: np.ndarray


def readout_rows(parts: DecoderParts, ids: torch.Tensor) -> torch.Tensor:
    """w_y ⊙ g, `[T, d]` float32 on the CPU: the logit of token y before the final norm's scale.

    `ids` `[T]`. Divide by `final_scale` of the row to get the linear read-out of the residual stream.
    """
    gain = parts.norm_gain
    return weight_rows(parts.unembedding, ids, len(gain), gain.dtype) * gain.float().cpu()


def final_scale(parts: DecoderParts, hidden: torch.Tensor) -> torch.Tensor:
    """rms(h_t), `[T]`: the final RMS norm frozen at its actual value. `hidden` `[T, d]` is its input."""
    return (hidden.float().pow(2).mean(-1) + parts.norm_epsilon).sqrt()


def head_directions(
    parts: DecoderParts, layer: int, head_output: torch.Tensor, direction: torch.Tensor
) -> torch.Tensor:
    """u_h = W_O^(h)ᵀ u for every head and row, `[H, T, dh]`.

    `head_output` `[H, T, dh]`, `direction` `[T, d]`. Where the attention's output is normalised before it
    joins the residual stream (Gemma), that RMS norm is frozen at its actual scale as well.
    """
    heads, _, width = head_output.shape
    projection, dtype = parts.attention(layer).o_proj, parts.final_norm.weight.dtype
    output = full_weight(projection, heads * width, dtype).view(-1, heads, width)
    if parts.output_normed:
        norm = parts.layers[layer].post_attention_layernorm
        written = torch.einsum("htw,dhw->td", head_output, output)
        gain = norm.weight.float().cpu() + (1 if parts.unit_offset else 0)
        direction = direction * gain / (written.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt()
    return torch.einsum("td,dhw->htw", direction, output)


def direct_contribution(
    attention: torch.Tensor, values: torch.Tensor, directions: torch.Tensor
) -> torch.Tensor:
    """DLA[h, t, j] = A[h, t, j] · (v[h, j] · u_h[t]), `[H, T, J]` in logits.

    `attention` `[H, T, J]`, `values` `[H, J, dh]`, `directions` `[H, T, dh]`.
    """
    return attention * (directions @ values.transpose(-1, -2))
