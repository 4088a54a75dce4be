"""Direct logit attribution: how many logits each patch added to or took from the word (dossier A6)."""

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.methods.base import Method, Params, TokenMaps


def logit_attribution(evidence: Evidence, _: Params) -> TokenMaps:
    """Σ over layers and heads of A · (v · u), signed, in logits; additive over tokens.

    The image share is Σ_heads |image part| / Σ_heads (|image part| + |text part|): how much of the
    attention's direct write-out to the word was read from image columns.
    """
    image = evidence.contribution.sum(-1)
    text = evidence.head_total - image
    image_weight = np.abs(image).sum((0, 1))
    whole = image_weight + np.abs(text).sum((0, 1))
    return TokenMaps(evidence.contribution.sum((0, 1)).astype(np.float32), image_weight, whole)


LOGIT_ATTRIBUTION = Method(
    "logit_attribution",
    "Direct logit attribution",
    "Signed: what each patch, read by attention, added to (+) or took from (−) the word's logit.",
    "Counts the direct path only: what the image wrote into earlier words is credited to those words.",
    "logits",
    True,
    "sum",
    logit_attribution,
)
