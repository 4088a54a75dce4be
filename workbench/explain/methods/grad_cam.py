"""Grad-CAM at the image tokens of a middle decoder layer, by captum (arXiv 1610.02391).

A decoder's norms make the plain product nearly cancel, as they do with input × gradient (gradients.py), so
hidden states are measured from the mean patch by default; "zero" gives the published formula.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from workbench.explain.heatmap import Refusal
from workbench.explain.methods.attribution import (
    Attribution,
    Cost,
    Method,
    SpanMaps,
    guarded,
    span_sums,
)
from workbench.explain.methods.decoder_pass import DecoderPass, capture
from workbench.explain.methods.gradients import REFERENCE
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.passes import PassCounter

SHARE = "image tokens' part of Σ |hidden state × gradient| over all tokens at the chosen layer"


def chosen_layer(number: int, layers: int) -> int | Refusal:
    """Layer index from the setting (0 the middle, else counted from 1), or why it can't be used."""
    if number > layers:
        return Refusal(f"There is no layer {number}.", f"Choose a layer from 1 to {layers - 1}.")
    index = number - 1 if number else layers // 2 - 1
    if index >= layers - 1 or index < 0:
        return Refusal(
            "After the last layer only the rows that write the words are read, so the gradient at every "
            "patch is exactly zero there.",
            f"Choose a layer from 1 to {layers - 1}." if layers > 1 else "This model has one layer only.",
        )
    return index


def _size(product: torch.Tensor) -> torch.Tensor:
    """Σ_d |product| of every token, float32 `[N]` from `[1, N, d]`."""
    return product[0].float().abs().sum(-1)


class TokenChannels(nn.Module):
    """Passes image tokens through as `[1, d, P]`, the layout in which captum averages over places."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """The tokens as they are."""
        return tokens.clone()


@contextmanager
def routed(layer: nn.Module, positions: torch.Tensor, through: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Send a layer's output at the image tokens through a module; the list holds the last whole output."""
    kept: list[torch.Tensor] = []

    def route(_module: nn.Module, _arguments: Any, output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        image = through(hidden[:, positions].transpose(1, 2)).transpose(1, 2)
        changed = hidden.index_copy(1, positions, image)
        kept[:] = [changed]
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    hook = layer.register_forward_hook(route)
    try:
        yield kept
    finally:
        hook.remove()


def grad_cam(context: Attribution, params: Params) -> SpanMaps | Refusal:
    """ReLU(Σ_d ᾱ · (h − reference)) after one layer, ᾱ the mean of ∂f/∂h over the patches; a pass a span."""
    layers = context.model.decoder.layers
    index = chosen_layer(params["layer"], len(layers))
    if isinstance(index, Refusal):
        return index
    counter, values, shares = PassCounter(context, len(context.spans)), [], []
    with guarded(context.model):
        passed = capture(context)
        for number in range(len(context.spans)):
            value, share = _span_cam(passed, layers[index], context, number)
            start = value.mean() if params["reference"] == 0 else 0  # linear in h: the mean of the products
            values.append((value - start).relu())
            shares.append(share)
            counter.add(1)
    note = f"output of layer {index + 1} of {len(layers)}"
    spent = Cost(len(context.spans), len(context.spans))
    return SpanMaps(torch.stack(values).cpu().numpy(), torch.stack(shares).cpu().numpy(), SHARE, spent, note)


def _span_cam(
    passed: DecoderPass, layer: nn.Module, context: Attribution, number: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Map `[P]` of one span, measured from zero and signed, and the image's share."""
    from captum.attr import LayerGradCam  # takes seconds to import: not for the start of the page

    channels = TokenChannels()
    sizes: list[torch.Tensor] = []
    with routed(layer, passed.positions, channels) as kept:

        def score(embeddings: torch.Tensor) -> torch.Tensor:
            found = span_sums(passed.logprobs(embeddings), context.spans)
            state = kept[0].detach()  # a hook that held the tensor itself would keep the graph alive for good
            kept[0].register_hook(lambda gradient: sizes.append(_size(gradient * state)))
            return found

        leaf = passed.embeddings.detach().requires_grad_()
        cam = LayerGradCam(score, channels).attribute(leaf, target=number)
    size = sizes[0] if sizes else torch.zeros(passed.length, device=cam.device)
    return cam.detach()[0, 0].float(), size[passed.positions].sum() / size.sum().clamp(min=1e-12)


GRAD_CAM = Method(
    "grad_cam", "Grad-CAM",
    "Patches whose hidden state at a middle layer points where the words' probability rises.",
    "One direction for all patches, the mean gradient: made for convolutions, rough for tokens.",
    "activation × gradient", False, ("gradients",),
    lambda _prompt, spans, _params: Cost(spans, spans), grad_cam,
    (Param("layer", "After layer (0: the middle one)", 0, 200, 0), REFERENCE),
)  # fmt: skip
