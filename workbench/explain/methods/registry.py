"""The registry of attribution methods. Adding one: a file here and its name below."""

from workbench.explain.methods.attention import ATTENTION_METHODS
from workbench.explain.methods.attribution import Method
from workbench.explain.methods.grad_cam import GRAD_CAM
from workbench.explain.methods.gradients import GRADIENT_METHODS
from workbench.explain.methods.greedy_search import GREEDY_SEARCH
from workbench.explain.methods.localisation_heads import LOCALISATION_HEADS
from workbench.explain.methods.logit_attribution import CONTRASTIVE_ATTRIBUTION, LOGIT_ATTRIBUTION
from workbench.explain.methods.logit_lens import LOGIT_LENS
from workbench.explain.methods.occlusion import OCCLUSION
from workbench.explain.methods.relative_attention import RELATIVE_ATTENTION
from workbench.explain.methods.relevancy import RELEVANCY
from workbench.explain.methods.rise import RISE
from workbench.explain.methods.rollout import ROLLOUT
from workbench.explain.methods.shapley import SHAPLEY
from workbench.explain.methods.token_activation import TOKEN_ACTIVATION
from workbench.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    "workbench.methods",
    (
        *ATTENTION_METHODS,
        LOCALISATION_HEADS,
        LOGIT_ATTRIBUTION,
        CONTRASTIVE_ATTRIBUTION,
        TOKEN_ACTIVATION,
        LOGIT_LENS,
        *GRADIENT_METHODS,
        GRAD_CAM,
        RELEVANCY,
        RELATIVE_ATTENTION,
        OCCLUSION,
        RISE,
        SHAPLEY,
        GREEDY_SEARCH,
        ROLLOUT,
    ),
)
