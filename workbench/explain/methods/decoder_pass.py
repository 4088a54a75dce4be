"""The text decoder alone, as a differentiable function of what enters it at every token."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workbench.explain.methods.attribution import Attribution
from workbench.models.answer import Prompt
from workbench.models.session import LoadedModel

_TOKEN_INPUTS = ("inputs_embeds", "input_ids", "past_key_values", "use_cache")
_DEEPSTACK = "deepstack_visual_embeds"


class _Captured(Exception):
    """Ends a forward pass at the door of the decoder: the rest of it isn't needed."""


@dataclass(frozen=True)
class DecoderPass:
    """Prompt + answer at the decoder's entrance.

    `embeddings` `[1, N, w]`: image tokens already projected and put in place; w = d, or (1 + K)·d for a
    decoder with K DeepStack streams (zero at text tokens), which thereby change together with the embedding.
    `positions` `[P]` of the image tokens, `rows` `[T]` the rows whose logits produce the answer ids `targets`
    `[T]`, `width` d.
    """

    text: nn.Module
    unembedding: nn.Module
    arguments: dict[str, Any]
    embeddings: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor
    targets: torch.Tensor
    width: int

    @property
    def length(self) -> int:
        """Tokens of prompt + answer, N."""
        return self.embeddings.shape[1]

    @property
    def image(self) -> torch.Tensor:
        """What enters at the image tokens, `[1, P, w]`."""
        return self.embeddings[:, self.positions]

    @property
    def tokens(self) -> torch.Tensor:
        """Embeddings that enter the first layer, without DeepStack streams, `[1, N, d]`."""
        return self.embeddings[..., : self.width]

    def with_image(self, image: torch.Tensor) -> torch.Tensor:
        """Embeddings `[B, N, w]` with the image tokens replaced by `[B, P, w]`."""
        batch = self.embeddings.expand(len(image), -1, -1)
        return batch.index_copy(1, self.positions, image.to(batch.dtype))

    def inputs(self, embeddings: torch.Tensor | None = None) -> dict[str, Any]:
        """The decoder's other arguments for embeddings `[B, N, w]` (default: the captured ones)."""
        embeddings = self.embeddings if embeddings is None else embeddings
        arguments = {key: widened(value, len(embeddings)) for key, value in self.arguments.items()}
        if embeddings.shape[-1] > self.width:
            streams = embeddings[:, self.positions, self.width :].unflatten(-1, (-1, self.width))
            arguments[_DEEPSTACK] = list(streams.flatten(0, 1).unbind(1))
        return arguments

    def logprobs(self, embeddings: torch.Tensor) -> torch.Tensor:
        """log p of every answer token, float32 `[B, T]`, from embeddings `[B, N, w]`."""
        tokens = embeddings[..., : self.width]
        hidden = self.text(inputs_embeds=tokens, use_cache=False, **self.inputs(embeddings)).last_hidden_state
        return self.chosen(hidden[:, self.rows])

    def chosen(self, hidden: torch.Tensor) -> torch.Tensor:
        """log p of the answer ids, float32 `[B, T]`, from the decoder's output at the predicting rows."""
        logp = self.unembedding(hidden).float().log_softmax(-1)
        return logp.gather(-1, self.targets.expand(len(hidden), -1)[..., None])[..., 0]


def widened(value: Any, batch: int) -> Any:
    """Repeat a batch-1 tensor; multi-axis position ids `[3, 1, N]` carry the batch in their second place."""
    if isinstance(value, dict):
        return {key: widened(part, batch) for key, part in value.items()}
    if not torch.is_tensor(value) or value.ndim == 0 or batch == 1:
        return value
    if value.shape[0] == 1:
        return value.expand(batch, *value.shape[1:])
    if value.ndim == 3 and value.shape[1] == 1:
        return value.expand(-1, batch, -1)
    return value


def text_decoder(model: LoadedModel) -> nn.Module:
    """The module that owns the decoder layers; raises ValueError when no module does."""
    layers = model.decoder.layers
    for module in model.model.modules():
        if getattr(module, "layers", None) is layers:
            return module
    raise ValueError(f"{type(model.model).__name__} has no module that owns its decoder layers")


def capture_pass(model: LoadedModel, prompt: Prompt, ids: tuple[int, ...]) -> DecoderPass:
    """Run the vision side once and stop where the decoder begins; the model must be held by `guarded`.

    The embeddings carry no graph. Raises ValueError for an empty answer.
    """
    if not ids:
        raise ValueError("cannot teacher-force an empty answer")
    text, kept = text_decoder(model), {}

    def stop(_module: nn.Module, _arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        kept.update(keywords)
        raise _Captured

    targets = torch.tensor(ids, device=model.device)
    hook = text.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        with torch.no_grad():
            model.model(**model.family.extend(prompt.inputs, targets), use_cache=False)
    except _Captured:
        pass
    finally:
        hook.remove()
    embeddings = kept["inputs_embeds"].detach()
    rows = torch.arange(prompt.length - 1, prompt.length - 1 + len(ids), device=embeddings.device)
    positions = torch.from_numpy(prompt.image_positions).to(embeddings.device)
    arguments = {key: value for key, value in kept.items() if key not in (*_TOKEN_INPUTS, _DEEPSTACK)}
    entering = _with_streams(embeddings, kept.get(_DEEPSTACK), positions)
    targets = targets.to(embeddings.device)
    return DecoderPass(
        text, model.decoder.unembedding, arguments, entering, positions, rows, targets, embeddings.shape[-1]
    )


def _with_streams(
    embeddings: torch.Tensor, streams: list[torch.Tensor] | None, positions: torch.Tensor
) -> torch.Tensor:
    """Embeddings `[1, N, d]` and K DeepStack streams `[P, d]` side by side, `[1, N, (1 + K)·d]`."""
    if not streams:
        return embeddings
    joined = torch.cat([stream.detach().to(embeddings) for stream in streams], dim=-1)
    placed = embeddings.new_zeros(1, embeddings.shape[1], joined.shape[-1])
    return torch.cat([embeddings, placed.index_copy(1, positions, joined[None])], dim=-1)


def capture(context: Attribution) -> DecoderPass:
    """`capture_pass` of the context's own prompt and answer."""
    return capture_pass(context.model, context.prompt, context.answer.ids)
