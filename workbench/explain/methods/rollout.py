"""Attention rollout (arXiv 2005.00928), as a baseline only; one layer's matrix at a time."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.explain.methods.attribution import Attribution, Cost, Method, SpanMaps, guarded
from workbench.explain.methods.params import Params
from workbench.models.answer import Answer, Prompt
from workbench.models.probe import RowCollector, collecting
from workbench.models.session import LoadedModel


def residual_attention(mean: torch.Tensor, sink: int | None) -> torch.Tensor:
    """Ã = ½(A + I), rows re-normalised, `[N, N]` from the head mean A `[N, N]`.

    `sink` is a column that no other row may read: position 0 reads only itself, so in a causal decoder all
    mass would drain into it with depth.
    """
    mixed = (mean + torch.eye(len(mean))) / 2
    if sink is not None:
        own = mixed[sink, sink].clone()
        mixed[:, sink] = 0
        mixed[sink, sink] = own
    return mixed / mixed.sum(-1, keepdim=True)


def roll_out(model: LoadedModel, prompt: Prompt, answer: Answer) -> torch.Tensor:
    """(Ã_L ··· Ã_1) at the predicting rows and image columns, `[T, P]`, in one pass from the lowest layer up.

    Only the image's columns of the product, `[N, P]`, and one layer's attention are held at a time.
    """
    length, layers = prompt.length + len(answer.ids), model.decoder.layers
    collector = RowCollector(torch.arange(length), torch.arange(length))
    sink = None if 0 in prompt.image_positions else 0
    product = torch.eye(length)[:, torch.from_numpy(prompt.image_positions)]

    def multiply(module: nn.Module, _arguments: Any, _output: Any) -> None:
        nonlocal product
        mean = collector.layers.pop(module.layer_idx).attention.mean(0)
        product = residual_attention(mean, sink) @ product

    with model.lock, ExitStack() as stack:
        for layer in range(len(layers)):
            stack.callback(model.decoder.attention(layer).register_forward_hook(multiply).remove)
        stack.enter_context(collecting(collector))
        model.teacher_force(prompt, answer.ids)
    return product[prompt.length - 1 : length - 1]


def rollout(context: Attribution, _params: Params) -> SpanMaps:
    """Mean over each span's predicting rows."""
    with guarded(context.model):
        rows = roll_out(context.model, context.prompt, context.answer).detach().numpy()
    values = np.stack([rows[list(span.tokens)].mean(0) for span in context.spans])
    meaning = "part of the rolled-out attention that starts at image tokens, the first token left out"
    return SpanMaps(values, values.sum(-1).clip(0, 1), meaning, Cost(1), note="Baseline, not an explanation.")


def _cost(_prompt: Prompt, _spans: int, _params: Params) -> Cost:
    return Cost(1)


ROLLOUT = Method(
    "attention_rollout",
    "Baseline: attention rollout",
    "Attention multiplied through all layers; a reference to compare other methods with, not an explanation.",
    "Treats all heads alike and ignores what they carry; in a decoder it drains to the first tokens.",
    "rolled-out attention", False, ("runs",), _cost, rollout,
)  # fmt: skip
