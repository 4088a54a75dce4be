"""The registry of metrics of a map. Adding one: a file in this folder and its name below."""

from workbench.explain.metrics.faithfulness import FAITHFULNESS
from workbench.explain.metrics.localisation import LOCALISATION
from workbench.explain.metrics.metric import Metric
from workbench.explain.metrics.road import ROAD
from workbench.explain.metrics.robustness import ROBUSTNESS
from workbench.explain.metrics.sanity import SANITY
from workbench.registry import Registry

METRICS: Registry[Metric] = Registry(
    "metric", "workbench.metrics", (*FAITHFULNESS, ROAD, *ROBUSTNESS, *LOCALISATION, *SANITY)
)
