"""ROAD: remove with imputation, most relevant first against least relevant first (Rong et al., 2022)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.explain.heatmap import Refusal
from workbench.explain.metrics.fills import removable
from workbench.explain.metrics.geometry import check_map, pixel_slices
from workbench.explain.metrics.imputation import NOISE, impute
from workbench.explain.metrics.metric import MapUnderTest, Metric, Score
from workbench.explain.metrics.ranking import fraction_counts, map_order
from workbench.explain.metrics.scoring import PictureScore
from workbench.explain.metrics.trust import unmeasurable
from workbench.explain.sheet import Place

FRACTIONS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Road:
    """Scores at `fractions` of imputed patches: `most` and `least` relevant first, float64 `[F]`, nats.

    `n` pictures were scored.
    """

    fractions: np.ndarray
    most: np.ndarray
    least: np.ndarray
    n: int

    @property
    def value(self) -> float:
        """Mean of least − most over the fractions; 0 on average for a random order."""
        return float((self.least - self.most).mean())


def road(
    score: PictureScore,
    picture: np.ndarray,
    values: np.ndarray,
    boxes: np.ndarray,
    *,
    fractions: Sequence[float] = FRACTIONS,
    noise: float = NOISE,
    seed: int = 0,
    places: Sequence[Place] | None = None,
) -> Road:
    """ROAD of a map `values` `[P]`, `boxes` `[P, 4]` on `picture` uint8 `[H, W, 3]`, without retraining.

    With the `places` of several pictures on a sheet each is imputed from its own pixels. Both ends of one
    order are imputed with the same noise. Raises ValueError for fewer than two patches in the picture or a
    fraction outside 0..1.
    """
    check_map(values, boxes)
    there = removable(boxes, (picture.shape[1], picture.shape[0]))
    if len(there) < 2:
        raise ValueError("want at least two patches in the picture")
    counts = fraction_counts(len(there), fractions)
    order = there[map_order(values[there], np.random.default_rng(seed))]
    pictures = [
        _imputed(picture, covered(boxes[way[:count]], picture.shape[:2]), noise, seed, places)
        for way in (order, order[::-1])
        for count in counts
    ]
    scores = np.asarray(score(pictures), np.float64).reshape(2, len(counts))
    return Road(counts / len(there), scores[0], scores[1], len(pictures))


def _imputed(
    picture: np.ndarray, removed: np.ndarray, noise: float, seed: int, places: Sequence[Place] | None
) -> np.ndarray:
    generator = np.random.default_rng(seed)
    if places is None or len(places) == 1:
        return impute(picture, removed, generator, noise)
    out = picture.copy()
    for x0, y0, x1, y1 in places:
        here = np.s_[y0:y1, x0:x1]
        out[here] = impute(np.ascontiguousarray(picture[here]), removed[here], generator, noise)
    return out


def covered(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centres lie in any of the boxes `[K, 4]`, bool `[H, W]`."""
    out = np.zeros(shape, bool)
    for rows, columns in pixel_slices(boxes):
        out[rows, columns] = True
    return out


def _road(test: MapUnderTest) -> Score | Refusal:
    if refused := unmeasurable(test):
        return refused
    sheet = test.case.sheet
    found = road(test.score, sheet.pixels, test.heat.values, test.boxes, seed=test.seed, places=sheet.places)
    return Score(found.value, found.n, {"random": 0.0}, found)


ROAD = Metric(
    "road", "ROAD",
    "How much lower the words' score lies with the strongest patches imputed than with the weakest.",
    "higher", -np.inf, np.inf, "nats", _road, controls=("random",),
    cost=f"{2 * len(FRACTIONS)} pictures through the model",
)  # fmt: skip
