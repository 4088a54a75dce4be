"""Rare findings that no ordinary drawer draws: a healthy phantom and one lesion with its exact mask."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.phantoms.brain import draw_brain
from workbench.phantoms.canvas import (
    Kind,
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    paint,
    smooth_noise,
    soften,
)
from workbench.phantoms.chest import draw_chest
from workbench.phantoms.fundus import draw_fundus

RARE: dict[str, Kind] = {
    "dextrocardia": "chest",
    "butterfly mass": "brain",
    "cherry red spot": "fundus",
}


def _mask(phantom: Phantom, name: str) -> np.ndarray:
    return next(region.mask for region in phantom.anatomy if region.name == name)


def _finish(rng: np.random.Generator, canvas: np.ndarray, added: np.ndarray) -> np.ndarray:
    """uint8 RGB of a 0..1 picture; only what was `added` (bool) gets the grain that the rest has already."""
    grain = rng.normal(0, rng.uniform(0.005, 0.02), canvas.shape[:2]) * added
    return (np.clip(canvas + grain[:, :, None], 0, 1) * 255).round().astype(np.uint8)


def _dextrocardia(rng: np.random.Generator, size: int) -> Phantom:
    """The whole film mirrored, and the apex of the heart drawn out towards the left of the picture."""
    healthy = draw_chest(rng, size, "none")
    regions = [Region(region.name, region.mask[:, ::-1].copy()) for region in healthy.anatomy]
    canvas = healthy.pixels[:, ::-1].astype(np.float32) / 255
    heart = next(region.mask for region in regions if region.name == "heart")
    apex_at = (size * rng.uniform(0.375, 0.4), size * rng.uniform(0.63, 0.66))
    apex = ellipse_mask(size, apex_at, (size * rng.uniform(0.09, 0.11), size * 0.085), -25)
    level = float(np.quantile(canvas[heart], 0.6))
    whole = heart | apex
    # The heart's own soft edge is filled too, or a dark seam would part it from its apex. Ribs that are
    # brighter than the heart stay in front of it.
    added = whole & (soften(heart, size / 90) < 0.97)
    cover = soften(whole, size / 90) * added * (canvas[:, :, 0] < level)
    paint(canvas, cover, level)
    anatomy = tuple(Region("heart", whole) if region.name == "heart" else region for region in regions)
    pixels = _finish(rng, canvas, added)
    facts: dict[str, str | int | bool] = {"side": "centre", "zone": "middle"}
    return Phantom("chest", pixels, "dextrocardia", (Region("dextrocardia", whole),), anatomy, facts)


def _butterfly_mass(rng: np.random.Generator, size: int) -> Phantom:
    """Two bright wings and the bridge between them, in front of or behind the ventricles."""
    healthy = draw_brain(rng, size, "none")
    zone = str(rng.choice(("front", "back")))
    y = size * (rng.uniform(0.27, 0.31) if zone == "front" else rng.uniform(0.66, 0.7))
    mask = ellipse_mask(size, (size / 2, y), (size * 0.1, size * rng.uniform(0.025, 0.035)))
    for sign in (-1, 1):
        x = size * (0.5 + sign * rng.uniform(0.1, 0.125))
        mask |= blob_mask(rng, size, (x, y), size * rng.uniform(0.065, 0.08), 0.18)
    mask &= _mask(healthy, "brain")
    canvas = healthy.pixels.astype(np.float32) / 255
    level = rng.uniform(0.8, 0.92) * (1 + 0.06 * smooth_noise(rng, size, size // 16))[:, :, None]
    paint(canvas, soften(mask, size / 140), level)
    facts: dict[str, str | int | bool] = {"side": "centre", "zone": zone}
    pixels, lesion = _finish(rng, canvas, mask), Region("butterfly mass", mask)
    return replace(healthy, pixels=pixels, finding="butterfly mass", lesions=(lesion,), facts=facts)


def _cherry_red_spot(rng: np.random.Generator, size: int) -> Phantom:
    """A red dot where the macula is, in a pale disc that veils the vessels behind it."""
    healthy = draw_fundus(rng, size, "none")
    away = 1 if healthy.facts["disc"] == "left" else -1
    at = (size * (0.5 + away * 0.08), size * 0.51)
    pale = ellipse_mask(size, at, (size * rng.uniform(0.13, 0.16), size * rng.uniform(0.12, 0.15)))
    spot = ellipse_mask(size, at, (size * rng.uniform(0.038, 0.05), size * rng.uniform(0.038, 0.05)))
    canvas = healthy.pixels.astype(np.float32) / 255
    veil = np.array([0.93, 0.85, 0.68]) + rng.uniform(-0.04, 0.04, 3)
    paint(canvas, soften(pale, size / 40) * rng.uniform(0.7, 0.85), veil)
    paint(canvas, soften(spot, size / 110), np.array([0.75, 0.08, 0.08]) + rng.uniform(-0.05, 0.05, 3))
    lesions = (Region("cherry red spot", spot), Region("pale macula", pale & ~spot))
    facts = healthy.facts | {"side": "centre", "zone": "middle"}
    pixels = _finish(rng, canvas, pale)
    return replace(healthy, pixels=pixels, finding="cherry red spot", lesions=lesions, facts=facts)


_DRAW: dict[str, Callable[[np.random.Generator, int], Phantom]] = {
    "dextrocardia": _dextrocardia,
    "butterfly mass": _butterfly_mass,
    "cherry red spot": _cherry_red_spot,
}


def draw_rare(rng: np.random.Generator, size: int, name: str) -> Phantom:
    """Draw the rare finding `name` (a key of RARE) on a healthy phantom of its kind, `size` pixels square.

    The first lesion carries the finding's name. `facts["side"]` is "centre": none of them lies on one side.
    Raises KeyError for a name that is not in RARE.
    """
    return _DRAW[name](rng, size)
