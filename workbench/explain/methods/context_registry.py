"""The registry of methods that run the model themselves. Adding one: a file here and an entry below."""

from workbench.explain.methods.context import ContextMethod
from workbench.explain.methods.gradients import GRADIENT_METHODS
from workbench.explain.methods.occlusion import OCCLUSION
from workbench.explain.methods.relevancy import RELEVANCY
from workbench.explain.methods.rise import RISE

CONTEXT_METHODS: dict[str, ContextMethod] = {
    method.name: method for method in (*GRADIENT_METHODS, RELEVANCY, OCCLUSION, RISE)
}
