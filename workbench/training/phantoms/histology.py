"""Tissue section, stained or glowing: crowded nuclei, necrosis, or evenly spread nuclei."""

import numpy as np

from workbench.training.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_colour,
    paint,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "crowded nuclei", "necrosis")


def _nuclei(
    rng: np.random.Generator, size: int, where: np.ndarray, spacing: float, radius: float
) -> np.ndarray:
    """Union of jittered round nuclei on a grid, kept where `where` is true."""
    mask = np.zeros((size, size), bool)
    step = size * spacing
    for y in np.arange(step / 2, size, step):
        for x in np.arange(step / 2, size, step):
            cx, cy = (np.clip(v + rng.uniform(-0.3, 0.3) * step, 0, size - 1) for v in (x, y))
            if where[int(cy), int(cx)]:
                r = size * radius * rng.uniform(0.8, 1.2)
                mask |= ellipse_mask(size, (cx, cy), (r, r * rng.uniform(0.7, 1)), float(rng.uniform(0, 180)))
    return mask


def draw_histology(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one field; `facts['stain']` is "haematoxylin" or "fluorescence"."""
    finding = finding or str(rng.choice(FINDINGS))
    glowing = bool(rng.random() < 0.35)
    region = np.zeros((size, size), bool)
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {"stain": "fluorescence" if glowing else "haematoxylin"}
    if finding != "none":
        side, zone = str(rng.choice(("left", "right"))), str(rng.choice(("upper", "lower")))
        x = size * (0.5 + (-1 if side == "left" else 1) * rng.uniform(0.2, 0.26))
        y = size * (0.5 + (-1 if zone == "upper" else 1) * rng.uniform(0.2, 0.26))
        region = blob_mask(rng, size, (x, y), size * rng.uniform(0.13, 0.18), 0.2)
        lesions, facts = (Region(finding, region),), facts | {"side": side, "zone": zone}
    ground = np.array([0.02, 0.02, 0.05]) if glowing else np.array([0.93, 0.7, 0.8])
    ink = np.array([0.2, 0.5, 0.95]) if glowing else np.array([0.45, 0.25, 0.6])
    if glowing and rng.random() < 0.5:
        ink = np.array([0.25, 0.9, 0.35])
    canvas = np.empty((size, size, 3), np.float32)
    canvas[:] = ground + rng.uniform(-0.02, 0.03, 3)
    canvas += (smooth_noise(rng, size, size // 12) * (0.01 if glowing else 0.05))[:, :, None]
    plain = _nuclei(rng, size, ~region, rng.uniform(0.09, 0.12), rng.uniform(0.016, 0.022))
    paint(canvas, soften(plain, 0.7), ink * rng.uniform(0.9, 1.1))
    if finding == "crowded nuclei":
        dense = _nuclei(rng, size, region, 0.05, 0.026) & region
        paint(canvas, soften(dense, 0.6), ink * (1.25 if glowing else 0.6))
    elif finding == "necrosis":
        paint(canvas, soften(region, 2.0), ground * 0.3 + 0.12 if glowing else np.array([0.95, 0.86, 0.86]))
    return Phantom("histology", finish_colour(rng, np.clip(canvas, 0, 1)), finding, lesions, (), facts)
