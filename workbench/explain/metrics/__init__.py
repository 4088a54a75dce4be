"""How far a heat map can be believed: localisation, perturbation, sanity tests and a verdict in words."""

from workbench.explain.metrics.geometry import centre_prior, region_mask
from workbench.explain.metrics.localisation import LOCALISATION, LocalisationScore, localise
from workbench.explain.metrics.metric import Metric
from workbench.explain.metrics.perturbation import PERTURBATION, Curves, Perturbation, perturb
from workbench.explain.metrics.road import ROAD_METRIC, Road, road
from workbench.explain.metrics.robustness import (
    ROBUSTNESS,
    Infidelity,
    Sensitivity,
    infidelity,
    sensitivity_max,
)
from workbench.explain.metrics.sanity import (
    SANITY,
    Cascade,
    Randomised,
    any_map,
    efficient_randomisation,
    random_token,
    randomise_parameters,
    rank_correlation,
    swapped_image,
)
from workbench.explain.metrics.scoring import SharedScore, as_image, span_scorer
from workbench.explain.metrics.small_fractions import SmallFractions
from workbench.explain.metrics.trust import Trust, trust
from workbench.explain.metrics.verdict import Verdict, concentration, judge

METRICS: dict[str, Metric] = PERTURBATION | {"road": ROAD_METRIC} | ROBUSTNESS | LOCALISATION | SANITY

__all__ = [
    "LOCALISATION", "METRICS", "PERTURBATION", "ROAD_METRIC", "ROBUSTNESS", "SANITY", "Cascade", "Curves",
    "Infidelity", "LocalisationScore", "Metric", "Perturbation", "Randomised", "Road", "Sensitivity",
    "SharedScore", "SmallFractions", "Trust", "Verdict", "any_map", "as_image", "centre_prior",
    "concentration", "efficient_randomisation", "infidelity", "judge", "localise", "perturb", "random_token",
    "randomise_parameters", "rank_correlation", "region_mask", "road", "sensitivity_max", "span_scorer",
    "swapped_image", "trust",
]  # fmt: skip
