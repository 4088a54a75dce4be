"""Endoscopy: pink mucosa with folds around a dark lumen; a polyp, an ulcer, blood, or nothing."""

import numpy as np

from workbench.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_colour,
    paint,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "polyp", "ulcer", "bleeding")


def _wall(rng: np.random.Generator, size: int) -> np.ndarray:
    """Mucosa whose brightness rings around the lumen."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    lumen = 0.5 + rng.uniform(-0.08, 0.08, 2)
    warp = smooth_noise(rng, size, size // 4) * 0.05
    radius = np.hypot(x - lumen[0], y - lumen[1]) + warp
    folds = 0.08 * np.sin(radius * rng.uniform(35, 60) + rng.uniform(0, 6))
    light = np.clip(0.25 + radius * 1.5, 0, 0.85) + folds * (radius > 0.12)
    light = light * np.clip((radius - 0.02) / 0.1, 0.08, 1)
    tint = np.array([0.95, 0.55, 0.5]) + rng.uniform(-0.06, 0.06, 3)
    return (light[:, :, None] * tint).astype(np.float32)


def _paint_finding(rng: np.random.Generator, canvas: np.ndarray, finding: str, mask: np.ndarray) -> None:
    if finding == "polyp":
        rim = np.clip(soften(mask, 4.0) - soften(mask, 1.0), 0, 1)
        paint(canvas, rim, np.array([0.35, 0.12, 0.12]))
        paint(canvas, soften(mask, 1.2), np.array([0.98, 0.58, 0.56]) * rng.uniform(0.9, 1.02))
        y, x = np.argwhere(mask).mean(0)
        shine = ellipse_mask(len(mask), (x - 2, y - 3), (len(mask) / 60, len(mask) / 80))
        paint(canvas, soften(shine, 1.0), 1.0)
    elif finding == "ulcer":
        paint(canvas, soften(mask, 3.5), np.array([0.75, 0.12, 0.12]))
        paint(canvas, soften(mask, 0.8), np.array([0.93, 0.9, 0.62]))
    else:
        paint(canvas, soften(mask, 1.0), np.array([0.5, 0.02, 0.04]) * rng.uniform(0.8, 1.2))


def draw_endoscopy(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one view in a round or cut-off black frame."""
    finding = finding or str(rng.choice(FINDINGS))
    canvas = _wall(rng, size)
    frame = ellipse_mask(size, (size / 2, size / 2), (size * rng.uniform(0.47, 0.58),) * 2)
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {}
    if finding != "none":
        side, zone = str(rng.choice(("left", "right"))), str(rng.choice(("upper", "lower")))
        x = size * (0.5 + (-1 if side == "left" else 1) * rng.uniform(0.15, 0.26))
        y = size * (0.5 + (-1 if zone == "upper" else 1) * rng.uniform(0.14, 0.25))
        ragged = 0.1 if finding == "polyp" else 0.35
        mask = blob_mask(rng, size, (x, y), size * rng.uniform(0.06, 0.095), ragged) & frame
        _paint_finding(rng, canvas, finding, mask)
        lesions, facts = (Region(finding, mask),), {"side": side, "zone": zone}
    for _ in range(int(rng.integers(3, 9))):
        spot = ellipse_mask(size, tuple(rng.uniform(0.15, 0.85, 2) * size), (size / 90, size / 110))
        paint(canvas, soften(spot, 0.8) * 0.8, 1.0)
    canvas *= soften(frame, 1.0)[:, :, None]
    return Phantom("endoscopy", finish_colour(rng, canvas), finding, lesions, (), facts)
