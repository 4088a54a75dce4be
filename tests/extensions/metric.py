"""A metric from outside the package: how much of the map its strongest patch holds."""

import numpy as np

from workbench.explain import MapUnderTest, Metric, Refusal, Score


def peak_share(test: MapUnderTest) -> Score | Refusal:
    """max / Σ of the positive part; the even share 1 / P is what a flat map has."""
    positive = np.maximum(test.heat.values, 0)
    if positive.sum() == 0:
        return Refusal("The map holds no evidence for these words.")
    count = len(positive)
    return Score(float(positive.max() / positive.sum()), count, {"flat map": 1 / count})


PEAK_SHARE = Metric(
    name="outside_peak_share",
    label="Share of the strongest patch",
    meaning="How much of the evidence lies in one patch.",
    direction="higher",
    low=0.0,
    high=1.0,
    unit="share",
    compute=peak_share,
    n="patches",
    controls=("flat map",),
)
