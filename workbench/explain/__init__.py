"""Heat maps for any span of an answer, from one shared pass, with the image share beside each."""

from workbench.explain.evidence import Evidence, gather_evidence, image_shares
from workbench.explain.explain import explain, explain_spans, get_method, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods import METHODS, Method
from workbench.explain.spans import all_span, answer_span, resolve_span, step_spans

__all__ = [
    "METHODS", "Evidence", "HeatMap", "Method", "Refusal", "Span", "all_span", "answer_span", "explain",
    "explain_spans", "gather_evidence", "get_method", "image_shares", "refusal_before_pass", "resolve_span",
    "step_spans",
]  # fmt: skip
