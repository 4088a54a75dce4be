"""The registry of attribution methods. Adding one: a file here and an entry in METHODS."""

from workbench.explain.methods.attention import ATTENTION_METHODS
from workbench.explain.methods.base import Method, Param, TokenMaps
from workbench.explain.methods.logit_attribution import LOGIT_ATTRIBUTION

METHODS: dict[str, Method] = {method.name: method for method in (*ATTENTION_METHODS, LOGIT_ATTRIBUTION)}

__all__ = ["METHODS", "Method", "Param", "TokenMaps"]
