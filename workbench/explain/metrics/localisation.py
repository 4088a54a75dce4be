"""Does a map point at the right place? Scores against a region, each beside the centre prior and the area.

Everything is measured in original pixels. Only evidence for the words counts: the
negative part of a signed map is set to 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.explain.heatmap import Refusal
from workbench.explain.metrics.geometry import (
    Cells,
    area_inside,
    areas,
    centre_prior,
    centres,
    check_map,
    cut,
)
from workbench.explain.metrics.metric import MapUnderTest, Metric, Score

TOP_QUANTILE = 0.9


@dataclass(frozen=True)
class LocalisationScore:
    """One figure of a map, the same figure of the centre prior, and the region's share of the picture."""

    name: str
    value: float
    centre_prior: float
    area_share: float


def localise(
    values: np.ndarray, boxes: np.ndarray, region: np.ndarray
) -> tuple[LocalisationScore, ...] | Refusal:
    """All figures of LOCALISATION for a map `values` `[P]`, `boxes` `[P, 4]` and a region bool `[H, W]`.

    A map without a single positive value is refused. Raises ValueError for arrays that don't fit together
    or an empty region (`region_mask` makes one and says so in words).
    """
    check_map(values, boxes)
    if not region.any():
        raise ValueError("the region is empty")
    evidence = np.maximum(values, 0).astype(np.float64)
    if evidence.max() <= 0:
        return Refusal("The map holds no evidence for these words.", "There is nothing to compare.")
    height, width = region.shape
    of_map = _figures(evidence, boxes, region)
    of_prior = _figures(centre_prior(boxes, (width, height)).astype(np.float64), boxes, region)
    share = float(region.mean())
    return tuple(LocalisationScore(name, value, of_prior[name], share) for name, value in of_map.items())


def _figures(values: np.ndarray, boxes: np.ndarray, region: np.ndarray) -> dict[str, float]:
    cells = cut(values, boxes, region)
    return {
        "pointing": pointing(values, boxes, region),
        "energy": energy_inside(values, boxes, region),
        "iou_top": iou_above(cells, quantile(cells, TOP_QUANTILE)),
        "iou_otsu": iou_above(cells, otsu(cells)),
        "auprc": average_precision(cells),
    }


def pointing(values: np.ndarray, boxes: np.ndarray, region: np.ndarray) -> float:
    """1 when the centre of the strongest patch lies in the region, else 0; tolerance 0 pixels.

    Patches that tie for strongest share the point, as a random pick among them would. A peak in the padding
    is a miss. Zhang et al., Top-down Neural Attention by Excitation Backprop, 2016.
    """
    peak = values == values.max()
    real = areas(boxes) > 0
    at = np.floor(centres(boxes)).astype(int)
    x, y = np.clip(at[:, 0], 0, region.shape[1] - 1), np.clip(at[:, 1], 0, region.shape[0] - 1)
    return float((region[y, x] & real)[peak].mean())


def energy_inside(values: np.ndarray, boxes: np.ndarray, region: np.ndarray) -> float:
    """Share of the map's positive sum that lies in the region; a patch's value spreads evenly over its box.

    Evidence on padding counts as outside: it is nowhere in the picture. `values` has no negative entry
    and a positive sum. Wang et al., Score-CAM, 2020 (energy-based pointing game).
    """
    box_area = areas(boxes)
    part = area_inside(region, boxes) / np.where(box_area > 0, box_area, 1)
    return float((values * part).sum() / values.sum())


def quantile(cells: Cells, share: float) -> float:
    """Smallest value that at least `share` of the picture's area does not exceed."""
    order = np.argsort(cells.value, kind="stable")
    reached = cells.area[order].cumsum()
    at = np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))
    return float(cells.value[order][min(at, len(order) - 1)])


def otsu(cells: Cells) -> float:
    """Threshold that best splits the pixels in two: largest w0 · w1 · (m0 − m1)² (Otsu, 1979), exact.

    Candidates are the map's own values; a pixel belongs to the upper class when it exceeds the threshold.
    """
    levels, where = np.unique(cells.value, return_inverse=True)
    weight = np.bincount(where, cells.area) / cells.area.sum()
    below = weight.cumsum()[:-1]
    if len(below) == 0:
        return float(levels[0])
    mass = (weight * levels).cumsum()
    low, high = mass[:-1] / below, (mass[-1] - mass[:-1]) / (1 - below)
    return float(levels[(below * (1 - below) * (high - low) ** 2).argmax()])


def iou_above(cells: Cells, threshold: float) -> float:
    """Intersection over union, by area, of the region and the pixels whose value exceeds the threshold."""
    chosen = cells.value > threshold
    shared = cells.inside[chosen].sum()
    return float(shared / (cells.area[chosen].sum() + cells.inside.sum() - shared))


def average_precision(cells: Cells) -> float:
    """Area under precision over recall for "is this pixel in the region?", Σ (R_n − R_{n−1}) · P_n.

    Pixels of equal value enter together, so a constant map scores the region's share of the area.
    """
    levels, where = np.unique(-cells.value, return_inverse=True)
    taken = np.bincount(where, cells.area, len(levels)).cumsum()
    found = np.bincount(where, cells.inside, len(levels))
    return float((found / found.sum() * found.cumsum() / taken).sum())


def measured_localisation(test: MapUnderTest) -> tuple[LocalisationScore, ...] | Refusal:
    """Every localisation figure of the map over the picture that holds the region, computed once."""
    region = test.region
    if region is None:
        return Refusal("There is no known region to compare with.", "Draw or name the region first.")
    heat = test.heat.of_picture(test.region_picture)
    return test.once("localisation", lambda: localise(heat.values, heat.boxes, region))


def _localised(name: str) -> Callable[[MapUnderTest], Score | Refusal]:
    def compute(test: MapUnderTest) -> Score | Refusal:
        found = measured_localisation(test)
        if isinstance(found, Refusal):
            return found
        (score,) = (score for score in found if score.name == name)
        return Score(score.value, 1, {"centre prior": score.centre_prior, "area": score.area_share})

    return compute


LOCALISATION = tuple(
    Metric(
        name, label, meaning, "higher", 0.0, 1.0, "share", _localised(name), "localisation", "maps",
        ("centre prior", "area"), needs=("region",),
    )
    for name, label, meaning in (
        ("pointing", "Pointing game", "Whether the strongest patch has its centre in the region."),
        ("energy", "Energy inside", "Share of the evidence that lies in the region."),
        ("iou_top", "Overlap of the top 10 %", "Overlap of the region with the strongest tenth."),
        ("iou_otsu", "Overlap at Otsu's threshold", "Overlap of the region with the map's own bright part."),
        ("auprc", "Precision over recall", "How well the map's values tell region pixels from the others."),
    )
)  # fmt: skip
