"""Heat maps for any span of an answer, from one shared pass, with the image share beside each."""

from workbench.explain.contextual import context_cost, explain_with_context
from workbench.explain.evidence import Evidence, gather_evidence, image_shares
from workbench.explain.explain import explain, explain_spans, get_method, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods import METHODS, Method
from workbench.explain.methods.context_registry import CONTEXT_METHODS
from workbench.explain.spans import all_span, answer_span, resolve_span, step_spans

# Left out of the screen's list: RISE holds the model too long, and the plain gradients misled on the pair.
SCREEN_METHODS = METHODS | {
    name: CONTEXT_METHODS[name] for name in ("relevancy", "integrated_gradients", "occlusion")
}

__all__ = [
    "SCREEN_METHODS",
    "CONTEXT_METHODS",
    "Evidence",
    "HeatMap",
    "METHODS",
    "Method",
    "Refusal",
    "Span",
    "all_span",
    "answer_span",
    "context_cost",
    "explain",
    "explain_spans",
    "explain_with_context",
    "gather_evidence",
    "get_method",
    "image_shares",
    "refusal_before_pass",
    "resolve_span",
    "step_spans",
]
