"""Ultrasound sector with speckle: a cyst, a stone with its shadow, or nothing."""

import cv2
import numpy as np

from workbench.training.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_grey,
    side_of,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "cyst", "stone")


def _sector(size: int, apex: tuple[float, float], half: float, near: float, far: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size].astype(np.float32)
    radius = np.hypot(x - apex[0], y - apex[1])
    angle = np.arctan2(x - apex[0], y - apex[1])
    return (np.abs(angle) < half) & (radius > near) & (radius < far)


def _behind(size: int, apex: tuple[float, float], mask: np.ndarray, sector: np.ndarray) -> np.ndarray:
    """The part of the sector that lies behind a structure, as seen from the probe."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle = np.arctan2(x - apex[0], y - apex[1])
    radius = np.hypot(x - apex[0], y - apex[1])
    return sector & (angle > angle[mask].min()) & (angle < angle[mask].max()) & (radius > radius[mask].max())


def draw_ultrasound(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one sector; a cyst brightens what lies behind it, a stone hides it."""
    finding = finding or str(rng.choice(FINDINGS))
    apex = (size * rng.uniform(0.47, 0.53), size * rng.uniform(-0.12, -0.02))
    far = size * rng.uniform(0.92, 1.02)
    sector = _sector(size, apex, rng.uniform(0.55, 0.7), size * 0.14, far)
    tissue = rng.uniform(0.3, 0.45) + smooth_noise(rng, size, size // 6) * 0.08
    for _ in range(int(rng.integers(1, 4))):
        centre = (size * rng.uniform(0.3, 0.7), size * rng.uniform(0.3, 0.8))
        oval = ellipse_mask(
            size, centre, (size * rng.uniform(0.08, 0.2), size * 0.03), float(rng.uniform(-40, 40))
        )
        tissue = tissue + soften(oval, size / 50) * rng.uniform(0.08, 0.18)
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {}
    if finding != "none":
        side, zone = str(rng.choice(("left", "right"))), str(rng.choice(("upper", "lower")))
        x = size * (0.5 + (-1 if side == "left" else 1) * rng.uniform(0.1, 0.17))
        y = size * (rng.uniform(0.3, 0.4) if zone == "upper" else rng.uniform(0.6, 0.72))
        radius = size * (rng.uniform(0.05, 0.08) if finding == "cyst" else rng.uniform(0.03, 0.045))
        mask = blob_mask(rng, size, (x, y), radius, 0.06) & sector
        behind = soften(_behind(size, apex, mask, sector), size / 90)
        if finding == "cyst":
            tissue = tissue * (1 + 0.45 * behind)
            tissue = tissue * (1 - soften(mask, 1.0)) + 0.02 * soften(mask, 1.0)
        else:
            tissue = tissue * (1 - 0.85 * behind)
            tissue = np.maximum(tissue, soften(mask, 1.0) * 1.1)
        lesions, facts = (Region(finding, mask),), {"side": side_of(x, size), "zone": zone}
    speckle = cv2.GaussianBlur(rng.gamma(3.0, 1 / 3.0, (size, size)).astype(np.float32), (0, 0), 0.8)
    canvas = (tissue * (0.55 + 0.45 * speckle)).astype(np.float32) * soften(sector, 0.8)
    return Phantom("ultrasound", finish_grey(rng, canvas), finding, lesions, (), facts)
