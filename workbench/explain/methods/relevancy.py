"""Attention × gradient relevancy through all decoder layers (arXiv 2103.15679), streamed.

Ā = mean over heads of ReLU(∂f/∂A ⊙ A) and R ← R + Ā·R. Only the predicting rows of R are wanted, so
r ← r + r·Ā from the top layer down, which is the order in which the backward pass visits the layers: a few
rows of one layer's A live at a time, and no N × N matrix is ever kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from workbench.explain.methods.attribution import (
    Attribution,
    Cost,
    Method,
    SpanMaps,
    guarded,
    span_sums,
)
from workbench.explain.methods.decoder_pass import DecoderPass, capture
from workbench.explain.methods.params import Params
from workbench.models.probe import attention_rows

IMPLEMENTATION = "workbench_relevancy"
ROW_CHUNK = 64
SHARE = "image tokens' part of the relevance that left the rows which wrote the words"


@dataclass
class RelevancyStream:
    """The running relevance `[N]` of one backward pass; `start` sets it anew."""

    relevance: torch.Tensor = field(default_factory=lambda: torch.zeros(0))

    def start(self, rows: torch.Tensor, length: int) -> None:
        """All relevance on the predicting rows."""
        self.relevance = torch.zeros(length, device=rows.device)
        self.relevance[rows] = 1

    def watch(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        scaling: float,
        output: torch.Tensor,
    ) -> None:
        """Take one layer into account as soon as backward delivers the gradient of its `output`.

        `query` `[1, H, N, dh]`, `key` and `value` `[1, G, N, dh]`, `output` `[1, N, H, dh]`.
        """
        query, key, value = query.detach(), key.detach(), value.detach()
        output.register_hook(lambda gradient: self._absorb(query, key, value, mask, scaling, gradient))

    def _absorb(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        scaling: float,
        gradient: torch.Tensor,
    ) -> None:
        repeat = query.shape[1] // key.shape[1]
        key = key.repeat_interleave(repeat, dim=1)
        value = value[0].repeat_interleave(repeat, dim=0).float()
        relevance = self.relevance.to(query.device)
        added = torch.zeros_like(relevance)
        for rows in relevance.nonzero().flatten().split(ROW_CHUNK):
            attention = attention_rows(query, key, mask, scaling, rows)
            pull = gradient[0, rows].transpose(0, 1).float() @ value.transpose(-1, -2)
            added += relevance[rows] @ (attention * pull).relu().mean(0)
        self.relevance = relevance + added


_ACTIVE: ContextVar[RelevancyStream | None] = ContextVar("workbench_relevancy_stream", default=None)


def streamed_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Stock SDPA attention; lets the active stream watch the output's gradient."""
    output, weights = sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    stream = _ACTIVE.get()
    if stream is not None and output.requires_grad:
        scaling = kwargs.get("scaling") or query.shape[-1] ** -0.5
        stream.watch(query, key, value, attention_mask, float(scaling), output)
    return output, weights


@contextmanager
def streaming(text: nn.Module) -> Iterator[RelevancyStream]:
    """Route the decoder's attention through a stream in this block; the kernel is given back as found."""
    AttentionInterface.register(IMPLEMENTATION, streamed_attention)
    AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
    stream, found = RelevancyStream(), text.config._attn_implementation
    token = _ACTIVE.set(stream)
    try:
        text.config._attn_implementation = IMPLEMENTATION
        yield stream
    finally:
        text.config._attn_implementation = found
        _ACTIVE.reset(token)


def span_relevance(passed: DecoderPass, context: Attribution) -> Iterator[torch.Tensor]:
    """Relevance that reached each position, without the start, float32 `[N]` for every span."""
    leaf = passed.embeddings.detach().requires_grad_()
    with streaming(passed.text) as stream:
        scores = span_sums(passed.logprobs(leaf), context.spans)[0]
        for index, span in enumerate(context.spans):
            rows = passed.rows[list(span.tokens)]
            stream.start(rows, leaf.shape[1])
            torch.autograd.grad(scores[index], leaf, retain_graph=index + 1 < len(scores))
            relevance = stream.relevance.clone()
            relevance[rows] -= 1
            yield relevance


def relevancy(context: Attribution, _: Params) -> SpanMaps:
    """One forward and a backward a span; peak memory is the activations plus ROW_CHUNK rows of one layer."""
    with guarded(context.model):
        passed = capture(context)
        relevance = torch.stack(list(span_relevance(passed, context)))
    image = relevance[:, passed.positions]
    share = image.sum(-1) / relevance.sum(-1).clamp(min=1e-12)
    return SpanMaps(image.cpu().numpy(), share.cpu().numpy(), SHARE, Cost(1, len(context.spans)))


RELEVANCY = Method(
    "relevancy", "Relevancy",
    "Attention weights that push the words up, followed through all layers back to the patches.",
    "Shows support only, never what spoke against the words; positions that all heads rest on can dominate.",
    "relevance", False, ("gradients",), lambda _prompt, spans, _params: Cost(1, spans), relevancy,
)  # fmt: skip
