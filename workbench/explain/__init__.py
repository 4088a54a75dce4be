"""Heat maps for any span of an answer, from one shared pass, with the image share beside each."""

from workbench.explain.agreement import Agreement, agreement
from workbench.explain.comparison import Comparison, compare
from workbench.explain.contextual import context_cost, explain_with_context
from workbench.explain.evidence import Evidence, gather_evidence, image_shares
from workbench.explain.evidence_cache import EvidenceCache, shared_evidence
from workbench.explain.explain import explain, explain_spans, get_method, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods import METHODS, Method
from workbench.explain.methods.context_registry import CONTEXT_METHODS
from workbench.explain.methods.localisation_heads import HeadGrid, head_grid, rank_heads
from workbench.explain.methods.logit_attribution import foil_token
from workbench.explain.methods.logit_lens import LensWord, lens_words
from workbench.explain.spans import all_span, answer_span, resolve_span, step_spans
from workbench.explain.timeline import Timeline, span_attention, timeline

# The Trace screen's list. Left out: methods that hold the model too long (RISE, Shapley, search), the plain
# gradients, which misled on the shipped pair, and the contrast, which needs a foil word (Methods asks).
SCREEN_METHODS = {name: method for name, method in METHODS.items() if name != "logit_contrast"} | {
    name: CONTEXT_METHODS[name] for name in ("relevancy", "integrated_gradients", "occlusion")
}

__all__ = [
    "Agreement",
    "CONTEXT_METHODS",
    "Comparison",
    "Evidence",
    "EvidenceCache",
    "HeadGrid",
    "HeatMap",
    "LensWord",
    "METHODS",
    "Method",
    "Refusal",
    "SCREEN_METHODS",
    "Span",
    "Timeline",
    "agreement",
    "all_span",
    "answer_span",
    "compare",
    "context_cost",
    "explain",
    "explain_spans",
    "explain_with_context",
    "foil_token",
    "gather_evidence",
    "get_method",
    "head_grid",
    "image_shares",
    "lens_words",
    "rank_heads",
    "refusal_before_pass",
    "resolve_span",
    "shared_evidence",
    "span_attention",
    "step_spans",
    "timeline",
]
