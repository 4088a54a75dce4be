"""Logit lens per patch (arXiv 2410.07149): the words that an image token already spells."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.shared import TokenMaps, shared_method
from workbench.models.session import LoadedModel

PATCH_CHUNK = 128  # patches × vocabulary logits held at once


@dataclass(frozen=True)
class LensWord:
    """A token of the vocabulary as text, and its probability at the patch."""

    text: str
    probability: float


def lens_words(evidence: Evidence, layer: int, top: int = 5) -> list[tuple[LensWord, ...]] | Refusal:
    """The `top` most likely words at every image token after layer `layer` (from 0), likeliest first.

    Early layers are seldom readable; a word of several tokens shows its first piece. A Refusal for a layer
    or a number of words that doesn't exist, and when the model is no longer loaded.
    """
    model, layers = evidence.model(), len(evidence.states)
    if isinstance(model, Refusal):
        return model
    if not 0 <= layer < layers:
        return Refusal(f"This model has no layer {layer}.", f"Choose a whole number from 0 to {layers - 1}.")
    if not 1 <= top <= evidence.vocabulary:
        return Refusal(f"{top} words can't be shown.", "Choose a whole number from 1 up.")
    found = [part.topk(top) for part in _log_probabilities(model, evidence.states[layer])]
    chances = torch.cat([part.values for part in found]).exp().cpu().tolist()
    ids = torch.cat([part.indices for part in found]).tolist()
    words = {token: model.tokenizer.decode([token]) for row in ids for token in row}
    return [
        tuple(LensWord(words[token], chance) for token, chance in zip(*row, strict=True))
        for row in zip(ids, chances, strict=True)
    ]


def _log_probabilities(model: LoadedModel, states: torch.Tensor) -> Iterator[torch.Tensor]:
    """log softmax of W · norm(h) for states `[P, d]`, chunk by chunk `[≤ PATCH_CHUNK, V]`, in float32."""
    parts = model.decoder
    device = parts.final_norm.weight.device
    with model.lock, torch.inference_mode():
        for chunk in states.split(PATCH_CHUNK):
            yield parts.unembedding(parts.final_norm(chunk.to(device))).float().log_softmax(-1)


def lens_map(evidence: Evidence, params: Params) -> TokenMaps | Refusal:
    """Probability of every answer token at every image token after a layer."""
    model = evidence.model()
    if isinstance(model, Refusal):
        return model
    targets = list(evidence.ids)
    found = _log_probabilities(model, evidence.states[params["layer"]])
    values = torch.cat([part[:, targets].exp().cpu() for part in found]).T.numpy()
    share = evidence.attention_share.mean((0, 1))
    return TokenMaps(values.astype(np.float32), share, np.ones_like(share))


LOGIT_LENS = shared_method(
    "logit_lens",
    "Logit lens",
    "How likely the word is when a patch's own state after a layer is read out as if it were to be spoken.",
    "Likeness, not cause; early layers aren't readable, and of a long word only the pieces can be looked up.",
    "probability", False, "mean", lens_map,
    (Param("layer", "Layer", limit="layers"),),
)  # fmt: skip
