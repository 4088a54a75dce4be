"""How far a heat map can be believed: localisation, perturbation, sanity tests and a verdict in words."""

from workbench.explain.metrics.geometry import centre_prior, region_mask
from workbench.explain.metrics.localisation import LOCALISATION, LocalisationScore, localise
from workbench.explain.metrics.metric import Metric
from workbench.explain.metrics.perturbation import PERTURBATION, Curves, Perturbation, perturb
from workbench.explain.metrics.sanity import (
    Cascade,
    random_token,
    randomise_parameters,
    rank_correlation,
    swapped_image,
)
from workbench.explain.metrics.scoring import SharedScore, span_scorer
from workbench.explain.metrics.trust import Trust, trust
from workbench.explain.metrics.verdict import Verdict, concentration, judge

__all__ = [
    "LOCALISATION", "PERTURBATION", "Cascade", "Curves", "LocalisationScore", "Metric", "Perturbation",
    "SharedScore", "Trust", "Verdict", "centre_prior", "concentration", "judge", "localise", "perturb",
    "random_token", "randomise_parameters", "rank_correlation", "region_mask", "span_scorer",
    "swapped_image", "trust",
]  # fmt: skip
