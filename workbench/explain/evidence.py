"""The shared pass: one teacher-forced forward that serves every instant method, word and step."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from workbench.models.answer import Answer, Prompt
from workbench.models.probe import LayerRows
from workbench.models.session import LoadedModel

# Visual attention sinks carry massive activations in a few fixed dimensions (arXiv 2503.03321).
SINK_DIMENSION_RATIO = 100.0  # |h[d]| at position 0 over its median
SINK_THRESHOLD = 20.0  # max |h_j[d]| / rms(h_j) over those dimensions, for a width of 4,096
SINK_WIDTH = 4096  # the ratio cannot exceed sqrt(width), so the threshold scales with it


@dataclass(frozen=True)
class Evidence:
    """What one pass over prompt + answer tells about every answer token.

    Shapes: L layers, H heads, T answer tokens, P image tokens. Row convention: the map of token t comes
    from row t−1, the row whose logits produced it.
    `attention` float32 `[L, H, T, P]`; `attention_share` `[L, H, T]`, attention mass on the image;
    `contribution` `[L, H, T, P]` signed direct logit contributions; `head_total` `[L, H, T]` each head's
    whole direct contribution (image and text columns); `sinks` int `[S]` image tokens that act as sinks.
    """

    logprobs: np.ndarray
    entropy: np.ndarray
    attention: np.ndarray
    attention_share: np.ndarray
    contribution: np.ndarray
    head_total: np.ndarray
    sinks: np.ndarray
    boxes: np.ndarray
    seconds: float
    kept_bytes: int


def image_shares(model: LoadedModel, prompt: Prompt, answer: Answer) -> list[float]:
    """Attention mass on the image for each answer token, mean over layers and heads."""
    return gather_evidence(model, prompt, answer).attention_share.mean((0, 1)).tolist()


def gather_evidence(model: LoadedModel, prompt: Prompt, answer: Answer) -> Evidence:
    """Run the shared pass. Raises ValueError for an empty answer."""
    with model.lock:  # a sanity test of another page may randomise weights for a moment
        return _gather(model, prompt, answer)


def _gather(model: LoadedModel, prompt: Prompt, answer: Answer) -> Evidence:
    began = time.monotonic()
    kept: list[torch.Tensor] = []
    # Sinks are read where they have formed: at the input of the last decoder layer.
    hook = model.decoder.layers[-1].register_forward_pre_hook(
        lambda _module, arguments: kept.append(arguments[0][0].float().cpu())
    )
    try:
        forced = model.teacher_force(prompt, answer.ids, collect=True)
    finally:
        hook.remove()
    layers = [forced.collector.layers[i] for i in range(len(model.decoder.layers))]
    direction = logit_direction(model, forced.hidden, torch.tensor(answer.ids))
    contribution, total = zip(
        *(
            direct_contribution(model.decoder.attention(i).o_proj.weight, layer, direction)
            for i, layer in enumerate(layers)
        ),
        strict=True,
    )
    return Evidence(
        forced.logprobs,
        forced.entropy,
        torch.stack([layer.attention for layer in layers]).numpy(),
        torch.stack([layer.image_share for layer in layers]).numpy(),
        torch.stack(contribution).numpy(),
        torch.stack(total).numpy(),
        find_sinks(kept[0], prompt.image_positions),
        prompt.boxes,
        time.monotonic() - began,
        forced.collector.bytes,
    )


def logit_direction(model: LoadedModel, hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """u_t = (w_y ⊙ g) / rms(h_t), `[T, d]`: the logit of token y as a linear read-out of the residual stream.

    The final RMS norm is frozen at its actual value (explain dossier A6). `hidden` `[T, d]` is its input.
    """
    parts = model.decoder
    epsilon = parts.final_norm.variance_epsilon
    rms = (hidden.pow(2).mean(-1, keepdim=True) + epsilon).sqrt()
    readout = parts.unembedding.weight[ids.to(parts.unembedding.weight.device)].float().cpu()
    return readout * parts.final_norm.weight.float().cpu() / rms


def direct_contribution(
    output_weight: torch.Tensor, layer: LayerRows, direction: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """DLA[h, t, j] = A[h, t, j] · (v[h, j] · u_h[t]) with u_h = W_Oᵀ u, and each head's whole contribution.

    `output_weight` `[d, H·dh]`; `direction` `[T, d]`. Returns `[H, T, P]` and `[H, T]`, in logits.
    """
    heads, _, width = layer.values.shape
    per_head = output_weight.float().cpu().view(-1, heads, width)
    u = torch.einsum("td,dhw->htw", direction, per_head)
    image = layer.attention * torch.einsum("hpw,htw->htp", layer.values, u)
    return image, (layer.head_output * u).sum(-1)


def find_sinks(hidden: torch.Tensor, image_positions: np.ndarray) -> np.ndarray:
    """Indices among the image tokens that carry massive activations, int64 `[S]`; often none.

    `hidden` `[N, d]`. Sink dimensions are those whose magnitude at position 0 exceeds
    SINK_DIMENSION_RATIO times that row's median; they are found anew for each checkpoint.
    """
    first = hidden[0].abs()
    dimensions = torch.nonzero(first > SINK_DIMENSION_RATIO * first.median()).flatten()
    if len(dimensions) == 0 or len(image_positions) == 0:
        return np.zeros(0, np.int64)
    rows = hidden[torch.from_numpy(image_positions)]
    rms = rows.pow(2).mean(-1).sqrt().clamp(min=1e-9)
    strength = rows[:, dimensions].abs().amax(-1) / rms
    threshold = SINK_THRESHOLD * (hidden.shape[1] / SINK_WIDTH) ** 0.5
    return torch.nonzero(strength > threshold).flatten().numpy()
