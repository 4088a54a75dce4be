"""Reading blocked: the prompt's keys and values are computed once, only the rows after them again.

The third perturbation tier (`tiers.py`): some image columns are masked for the rows that are run again.
What image tokens told one another, and what earlier rows read of them, stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from workbench.explain.heatmap import Refusal
from workbench.explain.methods.decoder_pass import DecoderPass, widened

KeysValues = tuple[torch.Tensor, torch.Tensor]
_PREFIX_ONLY = ("attention_mask", "visual_pos_masks", "deepstack_visual_embeds")


class SharedPrefix(DynamicCache):
    """A cache that shows one prefix to every row of a batch and keeps nothing of what it is given."""

    def __init__(self, layers: list[KeysValues], length: int) -> None:
        super().__init__()
        self._prefix, self._length = layers, length

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> KeysValues:
        """Prefix and new states of a layer, joined: `[B, G, n + R, dh]` each."""
        batch = len(key_states)
        key, value = (part.expand(batch, -1, -1, -1) for part in self._prefix[layer_idx])
        return torch.cat([key, key_states], dim=2), torch.cat([value, value_states], dim=2)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Length of the prefix."""
        return self._length


@dataclass(frozen=True)
class PrefixPass:
    """A decoder pass whose rows before `start` are kept as keys and values; see `prefix_pass`."""

    passed: DecoderPass
    start: int
    layers: list[KeysValues]

    @property
    def end(self) -> int:
        """One more than the last row that predicts an answer token."""
        return int(self.passed.rows[-1]) + 1

    def logprobs(self, blocked: torch.Tensor) -> torch.Tensor:
        """log p of the answer, float32 `[B, T]`, when the rows from `start` can't read the image tokens of
        `blocked` (bool `[B, P]`)."""
        passed, batch = self.passed, len(blocked)
        arguments = {
            key: widened(_cut(value, self.start, self.end, passed.length), batch)
            for key, value in passed.arguments.items()
            if key not in _PREFIX_ONLY
        }
        hidden = passed.text(
            inputs_embeds=passed.tokens[:, self.start : self.end].expand(batch, -1, -1),
            attention_mask=self._mask(blocked),
            past_key_values=SharedPrefix(self.layers, self.start),
            **arguments,
        ).last_hidden_state
        return passed.chosen(hidden[:, passed.rows - self.start])

    def _mask(self, blocked: torch.Tensor) -> Any:
        """What the rows may attend to, like the decoder's own mask with the blocked columns taken out."""
        passed = self.passed
        allowed = torch.ones(len(blocked), self.end, dtype=torch.bool, device=passed.rows.device)
        allowed[:, passed.positions] = ~blocked.to(allowed.device)
        own = passed.arguments.get("attention_mask")
        if isinstance(own, Mapping):  # one mask a kind of layer: sliding windows
            return {key: self._join(mask, allowed) for key, mask in own.items()}
        return self._join(own, allowed)

    def _join(self, own: torch.Tensor | None, allowed: torch.Tensor) -> torch.Tensor:
        rows = torch.arange(self.start, self.end, device=allowed.device)
        base = (torch.arange(self.end, device=allowed.device) <= rows[:, None])[None, None]
        if own is not None and own.ndim == 4:
            base = own[:, :, self.start : self.end, : self.end]
            base = base if base.dtype == torch.bool else base == 0
        elif own is not None:
            base = base & own[:, None, None, : self.end].bool()
        return base & allowed[:, None, None]


def prefix_refusal(passed: DecoderPass) -> Refusal | None:
    """Why no prefix can be kept, if so."""
    if int(passed.positions.max()) >= int(passed.rows[0]):
        return Refusal("The picture is the last thing this model reads, so no row reads it afterwards.")
    kinds = set(getattr(passed.text.config, "layer_types", None) or ()) - {"full_attention"}
    if kinds and not isinstance(passed.arguments.get("attention_mask"), Mapping):
        return Refusal(
            f"This model's layers of the kind {', '.join(sorted(kinds))} can't be blocked from reading here.",
            "Choose the pixels.",
        )
    return None


def prefix_pass(passed: DecoderPass, start: int) -> PrefixPass:
    """Run the rows before `start` once and keep their keys and values.

    All image tokens must lie before `start`, and `start` at or before the first predicting row; ValueError
    otherwise.
    """
    if not int(passed.positions.max()) < start <= int(passed.rows[0]):
        raise ValueError(f"a prefix of {start} rows does not end between the image and the answer")
    cache = DynamicCache()  # without a config every layer keeps all of its keys, windows or not
    arguments = {key: _cut(value, 0, start, passed.length) for key, value in passed.inputs().items()}
    passed.text(inputs_embeds=passed.tokens[:, :start], past_key_values=cache, use_cache=True, **arguments)
    return PrefixPass(passed, start, [(layer.keys, layer.values) for layer in cache.layers])


def _cut(value: Any, start: int, end: int, length: int) -> Any:
    """Rows start … end of an argument that is as long as the sequence; anything else as it is."""
    if isinstance(value, Mapping):
        return {key: _cut(part, start, end, length) for key, part in value.items()}
    if not torch.is_tensor(value) or value.ndim == 0 or value.shape[-1] != length:
        return value
    return value[..., start:end, :end] if value.ndim == 4 else value[..., start:end]
