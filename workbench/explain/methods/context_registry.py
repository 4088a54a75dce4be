"""The registry of methods that run the model themselves. Adding one: a file here and an entry below."""

from workbench.explain.methods.context import ContextMethod
from workbench.explain.methods.grad_cam import GRAD_CAM
from workbench.explain.methods.gradients import GRADIENT_METHODS
from workbench.explain.methods.greedy_search import GREEDY_SEARCH
from workbench.explain.methods.occlusion import OCCLUSION
from workbench.explain.methods.relative_attention import RELATIVE_ATTENTION
from workbench.explain.methods.relevancy import RELEVANCY
from workbench.explain.methods.rise import RISE
from workbench.explain.methods.rollout import ROLLOUT
from workbench.explain.methods.shapley import SHAPLEY

CONTEXT_METHODS: dict[str, ContextMethod] = {
    method.name: method
    for method in (
        *GRADIENT_METHODS,
        GRAD_CAM,
        RELEVANCY,
        RELATIVE_ATTENTION,
        OCCLUSION,
        RISE,
        SHAPLEY,
        GREEDY_SEARCH,
        ROLLOUT,
    )  # fmt: skip
}
