"""Do the words depend on what a map marks? The figures of `perturbation` and `trust`, as metrics."""

from collections.abc import Callable

import numpy as np

from workbench.explain.explanations import explain
from workbench.explain.heatmap import HeatMap, Refusal
from workbench.explain.metrics.correlation import rank_correlation
from workbench.explain.metrics.metric import MapUnderTest, Metric, Score
from workbench.explain.metrics.perturbation import Curves, Perturbation
from workbench.explain.metrics.trust import Trust, trust, unmeasurable

CAUSAL_METHOD = "occlusion"
CURVE_COST = "about 230 pictures through the model; all figures of the curves share them"


def measured_trust(test: MapUnderTest) -> Trust:
    """Curves, controls and verdict of the map, measured once."""
    score = None if unmeasurable(test) else test.score  # a case without an image has no score
    return test.once("trust", lambda: trust(test.case, test.heat, shared=score, seed=test.seed))


_OF_ONE_ORDER = {"gap": "advantage", "deletion_auc": "deletion_auc", "insertion_auc": "insertion_auc"}


def _figure(name: str) -> Callable[[MapUnderTest], Score | Refusal]:
    """A figure of the map's own curves beside its controls', or one of the whole measurement."""

    def compute(test: MapUnderTest) -> Score | Refusal:
        found = measured_trust(test).perturbation
        if found is None:
            return Refusal(measured_trust(test).reason)
        if name in _OF_ONE_ORDER:
            value, controls = float(getattr(found.of_map, _OF_ONE_ORDER[name])), _controls(found, name)
        else:
            value, controls = float(getattr(found, name)), {}
        return Score(value, found.pictures, controls, found.of_map)

    return compute


def _controls(found: Perturbation, name: str) -> dict[str, float]:
    """The figure of the inverse order, the centre prior and the mean random order."""

    def read(curve: Curves) -> float:
        return float(getattr(curve, _OF_ONE_ORDER[name]))

    random = float(np.mean([read(curve) for curve in found.random])) if name == "gap" else found.random_auc
    return {"inverse": read(found.inverse), "centre": read(found.centre), "random": random}


def _chance(test: MapUnderTest) -> Score | Refusal:
    found = measured_trust(test).perturbation
    if found is None:
        return Refusal(measured_trust(test).reason)
    return Score(float(found.chance), len(found.small.controls))


def _focus(test: MapUnderTest) -> Score | Refusal:
    found = measured_trust(test)
    return Refusal(found.reason) if found.focus is None else Score(float(found.focus), len(test.heat.values))


def causal_map(test: MapUnderTest) -> HeatMap | Refusal:
    """The occlusion map of the same span, made once."""
    return test.once(CAUSAL_METHOD, lambda: explain(test.case, test.span, CAUSAL_METHOD))


def _agreement(test: MapUnderTest) -> Score | Refusal:
    causal = causal_map(test)
    if isinstance(causal, Refusal):
        return causal
    return Score(rank_correlation(test.heat.values, causal.values), len(test.heat.values))


def _curve_metric(name: str, label: str, meaning: str, direction: str, low: float, high: float) -> Metric:
    controls = ("inverse", "centre", "random") if name in _OF_ONE_ORDER else ()
    return Metric(
        name, label, meaning, direction, low, high, "nats", _figure(name), controls=controls, cost=CURVE_COST
    )


FAITHFULNESS = (
    _curve_metric(
        "gap", "Gap to random", "How much more the words depend on patches that the map ranks high "
        "than on patches in random order; mean of the two gaps.", "higher", -np.inf, np.inf),
    _curve_metric(
        "deletion_gap", "Deletion gap", "How much lower the words' score lies, while patches are "
        "removed, than with random removal.", "higher", -np.inf, np.inf),
    _curve_metric(
        "insertion_gap", "Insertion gap", "How much higher the words' score lies, while patches are "
        "put back, than with random order.", "higher", -np.inf, np.inf),
    _curve_metric(
        "deletion_auc", "Deletion", "Mean score while the strongest patches are removed first.",
        "lower", -np.inf, 0.0),
    _curve_metric(
        "insertion_auc", "Insertion", "Mean score while the strongest patches are put back first.",
        "higher", -np.inf, 0.0),
    _curve_metric(
        "comprehensiveness", "Comprehensiveness", "Loss when the strongest patches are removed; mean "
        "over small fractions.", "higher", -np.inf, np.inf),
    _curve_metric(
        "sufficiency", "Sufficiency", "Loss when only the strongest patches are kept; mean over small "
        "fractions.", "lower", -np.inf, np.inf),
    Metric(
        "chance", "Chance", "How often a random order loses as much as the map's: the rank of the "
        "comprehensiveness.", "lower", 0.0, 1.0, "share", _chance, n="random orders", cost=CURVE_COST),
    Metric(
        "random_sd", "Spread of random orders", "Spread of the gap over random orders: what chance alone "
        "gives.", "lower", 0.0, np.inf, "nats", _figure("random_sd"), cost=CURVE_COST),
    Metric(
        "focus", "Focus", "How many times its even share the strongest fifth of the patches holds.",
        "higher", 0.0, 5.0, "times", _focus, n="patches", cost=CURVE_COST),
    Metric(
        "agreement", "Agreement with occlusion", "Rank correlation with the map of occlusion.",
        "higher", -1.0, 1.0, "correlation", _agreement, n="patches",
        cost="one occlusion map, which the maps of one span share"),
)  # fmt: skip
