"""Direct logit attribution: how many logits each patch added to or took from the word."""

import numpy as np
import torch

from workbench.explain.contributions import direct_contribution, final_scale, head_directions, readout_rows
from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.shared import TokenMaps, shared_method
from workbench.models.session import LoadedModel

CAVEAT = "Counts the direct path only: what the image wrote into earlier words is credited to those words."
SHARE = "part of the heads' direct write-out to the word, without signs, that was read from image tokens"
NO_FOIL = -1


def logit_attribution(evidence: Evidence, _: Params) -> TokenMaps:
    """Σ over layers and heads of A · (v · u), signed, in logits; additive over tokens.

    The image share is Σ_heads |image part| / Σ_heads (|image part| + |text part|): how much of the
    attention's direct write-out to the word was read from image columns.
    """
    found = evidence.contribution
    return _token_maps(found.patches, found.image, found.whole)


def _token_maps(
    patches: np.ndarray, image: np.ndarray, whole: np.ndarray, void: frozenset[int] = frozenset()
) -> TokenMaps:
    weight = np.abs(image).sum((0, 1))
    total = weight + np.abs(whole - image).sum((0, 1))
    reason = "The foil is the word itself, so there is nothing to tell apart." if void else ""
    return TokenMaps(patches.astype(np.float32), weight, total, void=void, void_reason=reason)


def contrastive_attribution(evidence: Evidence, params: Params) -> TokenMaps | Refusal:
    """The same for logit(word) − logit(foil): what spoke for the word rather than for the foil.

    Tokens that are the foil themselves are void. Needs the model's weights, no further pass.
    """
    foil, model = params["foil"], evidence.model()
    if foil == NO_FOIL:
        return Refusal("No foil word was chosen.", "Choose the word that the answer might have been instead.")
    if isinstance(model, Refusal):
        return model
    with model.lock, torch.inference_mode():
        patches, image, whole = _contrast(evidence, model, foil)
    void = frozenset(t for t, token in enumerate(evidence.ids) if token == foil)
    return _token_maps(patches, image, whole, void)


def _contrast(evidence: Evidence, model: LoadedModel, foil: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patches `[T, P]`, image part and whole `[L, H, T]` towards logit(word) − logit(foil)."""
    parts = model.decoder
    readout = readout_rows(parts, torch.tensor(evidence.ids)) - readout_rows(parts, torch.tensor([foil]))
    readout = readout / final_scale(parts, evidence.hidden)[:, None]
    heads = evidence.attention.shape[1]
    patches, image, whole = torch.zeros(len(evidence.ids), len(evidence.boxes)), [], []
    for layer, attention in enumerate(evidence.attention):
        output, values = evidence.head_output[layer].float(), evidence.values[layer].float()
        directions = head_directions(parts, layer, output, readout)
        values = values.repeat_interleave(heads // len(values), dim=0)
        written = direct_contribution(torch.from_numpy(attention), values, directions)
        patches += written.sum(0)
        image.append(written.sum(-1))
        whole.append((output * directions).sum(-1))
    return patches.numpy(), torch.stack(image).numpy(), torch.stack(whole).numpy()


LOGIT_ATTRIBUTION = shared_method(
    "logit_attribution",
    "Direct logit attribution",
    "Signed: what each patch, read by attention, added to (+) or took from (−) the word's logit.",
    CAVEAT, "logits", True, "sum", logit_attribution, share_meaning=SHARE,
)  # fmt: skip
CONTRASTIVE_ATTRIBUTION = shared_method(
    "logit_contrast",
    "Direct logit attribution against a foil",
    "Signed: what each patch did for the word (+) or for the foil (−), in the difference of their logits.",
    "Counts the direct path only, and a foil that nobody would have said makes the map of the word alone.",
    "logits", True, "sum", contrastive_attribution,
    (Param("foil", "Foil word, as a token number", NO_FOIL, default=NO_FOIL, limit="vocabulary"),), SHARE,
    ("foil",),
)  # fmt: skip
