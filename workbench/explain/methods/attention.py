"""Row attention: where the rows that produced the words looked, with and without sinks (arXiv 2503.03321)."""

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.methods.params import Param, Params
from workbench.explain.methods.shared import TokenMaps, shared_method

UNIT = "attention weight"
CAVEAT = "Attention says where the model looked, not what decided; models can look right and answer wrong."


def _maps(values: np.ndarray, share: np.ndarray, note: str = "") -> TokenMaps:
    return TokenMaps(values.astype(np.float32), share, np.ones_like(share), note)


def mean_attention(evidence: Evidence, _: Params) -> TokenMaps:
    """Mean over layers and heads; a token's values sum to its image share."""
    return _maps(evidence.attention.mean((0, 1)), evidence.attention_share.mean((0, 1)))


def max_attention(evidence: Evidence, _: Params) -> TokenMaps:
    """Largest weight that any head of any layer gives to the patch; the share is that of the mean."""
    return _maps(evidence.attention.max((0, 1)), evidence.attention_share.mean((0, 1)))


def head_attention(evidence: Evidence, params: Params) -> TokenMaps:
    """One head of one layer, both counted from 0."""
    layer, head = params["layer"], params["head"]
    return _maps(evidence.attention[layer, head], evidence.attention_share[layer, head])


def sink_free_attention(evidence: Evidence, _: Params) -> TokenMaps:
    """Mean attention without the patches that act as sinks; their mass leaves the share as well."""
    values = evidence.attention.mean((0, 1)).copy()
    values[:, evidence.sinks] = 0
    count = len(evidence.sinks)
    found = "no sink patch found, so this equals the mean" if count == 0 else f"{count} sink patches removed"
    return _maps(values, values.sum(-1), found)


ATTENTION_METHODS = (
    shared_method(
        "attention_mean", "Attention, mean", "Mean attention over all layers and heads.",
        CAVEAT, UNIT, False, "mean", mean_attention,
    ),
    shared_method(
        "attention_max", "Attention, strongest head", "The largest weight that any head gives to a patch.",
        "Attention says where the model looked, not what decided, and one odd head can dominate this map.",
        UNIT, False, "mean", max_attention,
    ),
    shared_method(
        "attention_sinks_removed", "Attention, sinks removed",
        "Mean attention without patches that soak up attention whatever the question is.",
        CAVEAT, UNIT, False, "mean", sink_free_attention,
    ),
    shared_method(
        "attention_head", "Attention, one head", "A chosen head of a chosen layer.",
        CAVEAT, UNIT, False, "mean", head_attention,
        (Param("layer", "Layer", limit="layers"), Param("head", "Head", limit="heads")), needs=("head",),
    ),
)  # fmt: skip
