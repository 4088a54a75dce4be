"""Axial CT slice of the abdomen: liver left of the picture, spleen right; one finding or none."""

import numpy as np

from workbench.training.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_grey,
    paint,
    side_of,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "liver mass", "kidney stone", "free fluid")


def _zone(y: float, size: int) -> str:
    return "upper" if y < size / 2 else "lower"


def _lesion(
    rng: np.random.Generator, size: int, finding: str, organs: dict[str, list[np.ndarray]], body: np.ndarray
) -> tuple[np.ndarray, float]:
    """Mask and grey value of the finding."""
    if finding == "liver mass":
        inside = np.argwhere(soften(organs["liver"][0], size / 30) > 0.85)
        y, x = inside[int(rng.integers(len(inside)))]
        mask = blob_mask(rng, size, (x, y), size * rng.uniform(0.045, 0.075), 0.15)
        return mask & organs["liver"][0], rng.uniform(0.25, 0.33)
    if finding == "kidney stone":
        kidney = organs["kidney"][int(rng.integers(2))]
        inside = np.argwhere(soften(kidney, size / 60) > 0.8)
        y, x = inside[int(rng.integers(len(inside)))]
        return ellipse_mask(size, (x, y), (size * rng.uniform(0.018, 0.028),) * 2), 1.0
    sign = rng.choice((-1, 1))
    centre = (size * (0.5 + sign * rng.uniform(0.29, 0.33)), size * rng.uniform(0.62, 0.72))
    mask = ellipse_mask(size, centre, (size * 0.05, size * rng.uniform(0.1, 0.15)), -sign * 25)
    return mask & body, rng.uniform(0.24, 0.3)


def draw_abdomen(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one slice; the finding's side and zone are those of its centre in the picture."""
    finding = finding or str(rng.choice(FINDINGS))
    wide, tall = rng.uniform(0.9, 1.05), rng.uniform(0.9, 1.05)

    def at(x: float, y: float) -> tuple[float, float]:
        return size * (0.5 + x * wide), size * (0.5 + y * tall)

    def oval(x: float, y: float, a: float, b: float, angle: float = 0.0) -> np.ndarray:
        return ellipse_mask(size, at(x, y), (size * a * wide, size * b * tall), angle + rng.uniform(-8, 8))

    body = ellipse_mask(size, at(0, 0), (size * 0.43 * wide, size * 0.33 * tall))
    fat = ellipse_mask(size, at(0, 0), (size * 0.38 * wide, size * 0.28 * tall))
    j = rng.uniform(-0.015, 0.015, 8)
    liver = (oval(-0.2 + j[0], -0.06, 0.16, 0.18, 20) | oval(-0.06 + j[1], -0.13, 0.12, 0.08, -15)) & fat
    organs = {
        "liver": [liver],
        "spleen": [oval(0.28 + j[2], -0.02, 0.06, 0.12, -20) & fat & ~liver],
        "kidney": [
            oval(-0.17 + j[3], 0.14 + j[4], 0.055, 0.075, 20) & fat,
            oval(0.17 + j[5], 0.13 + j[6], 0.055, 0.075, -20) & fat,
        ],
    }
    canvas = np.full((size, size), rng.uniform(0, 0.03), np.float32)
    paint(canvas, soften(body, 1.0), rng.uniform(0.3, 0.4))
    paint(canvas, soften(fat, 1.5), rng.uniform(0.12, 0.2))
    stomach = oval(0.14, -0.13 + j[7], 0.1, 0.08, 15) & fat & ~liver
    paint(canvas, soften(stomach, 1.0), rng.uniform(0.34, 0.42))
    level = rng.uniform(0.46, 0.58)
    for name, shift in (("liver", 0.0), ("spleen", 0.03), ("kidney", rng.uniform(0.06, 0.16))):
        for mask in organs[name]:
            paint(canvas, soften(mask, 1.0), level + shift)
    spine = oval(0, 0.16, 0.055, 0.06)
    paint(canvas, soften(spine, 1.0), rng.uniform(0.8, 0.95))
    paint(canvas, soften(oval(0.03, 0.06, 0.022, 0.022), 0.8), level + 0.12)
    canvas += smooth_noise(rng, size, size // 10) * 0.02 * body
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {}
    if finding != "none":
        mask, value = _lesion(rng, size, finding, organs, body)
        paint(canvas, soften(mask, 0.8), value)
        y, x = np.argwhere(mask).mean(0)
        lesions = (Region(finding, mask),)
        facts = {"side": side_of(x, size), "zone": _zone(y, size)}
    anatomy = tuple(Region(name, np.logical_or.reduce(masks)) for name, masks in organs.items())
    return Phantom("abdomen", finish_grey(rng, canvas), finding, lesions, anatomy, facts)
