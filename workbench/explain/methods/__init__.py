"""The registry of attribution methods. Adding one: a file here and an entry in METHODS."""

from workbench.explain.methods.attention import ATTENTION_METHODS
from workbench.explain.methods.base import Method, TokenMaps
from workbench.explain.methods.localisation_heads import LOCALISATION_HEADS
from workbench.explain.methods.logit_attribution import CONTRASTIVE_ATTRIBUTION, LOGIT_ATTRIBUTION
from workbench.explain.methods.logit_lens import LOGIT_LENS
from workbench.explain.methods.params import Param, settled
from workbench.explain.methods.token_activation import TOKEN_ACTIVATION

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        *ATTENTION_METHODS,
        LOCALISATION_HEADS,
        LOGIT_ATTRIBUTION,
        CONTRASTIVE_ATTRIBUTION,
        TOKEN_ACTIVATION,
        LOGIT_LENS,
    )
}

__all__ = ["METHODS", "Method", "Param", "TokenMaps", "settled"]
