"""Axial head slice: skull, brain, ventricles; mass, haematoma under the skull, or infarct."""

import numpy as np

from workbench.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_grey,
    paint,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "mass", "haematoma", "infarct")
ZONES = ("front", "middle", "back")


def _lesion(rng: np.random.Generator, size: int, finding: str, side: str, zone: str) -> np.ndarray:
    sign = -1 if side == "left" else 1
    y = size * ({"front": 0.3, "middle": 0.5, "back": 0.69}[zone] + rng.uniform(-0.025, 0.025))
    if finding == "haematoma":
        outer = ellipse_mask(size, (size / 2, size / 2), (size * 0.33, size * 0.41))
        inner = ellipse_mask(
            size, (size / 2 - sign * size * rng.uniform(0.05, 0.07), size / 2), (size * 0.325, size * 0.42)
        )
        band = np.abs(np.arange(size)[:, None] - y) < size * rng.uniform(0.11, 0.15)
        half = (np.arange(size)[None, :] - size / 2) * sign > 0
        return outer & ~inner & band & half
    x = size / 2 + sign * size * rng.uniform(0.14, 0.19)
    radius = size * (rng.uniform(0.055, 0.085) if finding == "mass" else rng.uniform(0.075, 0.1))
    brain = ellipse_mask(size, (size / 2, size / 2), (size * 0.32, size * 0.4))
    return blob_mask(rng, size, (x, y), radius, 0.12 if finding == "mass" else 0.4) & brain


def _paint_lesion(rng: np.random.Generator, canvas: np.ndarray, mask: np.ndarray, finding: str) -> None:
    size = canvas.shape[0]
    if finding == "mass":
        paint(canvas, soften(mask, size / 140), rng.uniform(0.8, 0.92))
        ys, xs = np.nonzero(mask)
        core = ellipse_mask(size, (xs.mean(), ys.mean()), (np.ptp(xs) * 0.26, np.ptp(ys) * 0.26))
        paint(canvas, soften(core, size / 140), rng.uniform(0.2, 0.35))
    else:
        level = rng.uniform(0.82, 0.95) if finding == "haematoma" else rng.uniform(0.16, 0.24)
        paint(canvas, soften(mask, size / (150 if finding == "haematoma" else 70)), level)


def draw_brain(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one slice; the front of the head is at the top of the picture."""
    finding = finding or str(rng.choice(FINDINGS))
    canvas = np.full((size, size), rng.uniform(0, 0.04), np.float32)
    centre = (size / 2, size / 2)
    skull = ellipse_mask(size, centre, (size * rng.uniform(0.365, 0.39), size * rng.uniform(0.44, 0.465)))
    inside = ellipse_mask(size, centre, (size * 0.335, size * 0.415))
    paint(canvas, soften(skull, 1.0), rng.uniform(0.6, 0.85))
    paint(canvas, soften(inside, 1.0), rng.uniform(0.06, 0.14))
    brain = ellipse_mask(size, centre, (size * 0.32, size * 0.4))
    paint(canvas, soften(brain, size / 90), rng.uniform(0.42, 0.52))
    canvas += smooth_noise(rng, size, size // 20) * 0.05 * brain
    ventricles = np.zeros((size, size), bool)
    for sign in (-1, 1):
        ventricles |= ellipse_mask(
            size,
            (size * (0.5 + sign * 0.055), size * 0.47),
            (size * rng.uniform(0.02, 0.032), size * rng.uniform(0.09, 0.12)),
            -sign * rng.uniform(8, 20),
        )
    paint(canvas, soften(ventricles, size / 120), rng.uniform(0.1, 0.18))
    midline = np.zeros((size, size), bool)
    midline[int(size * 0.12) : int(size * 0.88), size // 2 - 1 : size // 2 + 1] = True
    paint(canvas, soften(midline & brain, 0.8) * 0.5, 0.7)
    facts: dict[str, str | int | bool] = {}
    lesions: tuple[Region, ...] = ()
    if finding != "none":
        side, zone = str(rng.choice(("left", "right"))), str(rng.choice(ZONES))
        mask = _lesion(rng, size, finding, side, zone)
        _paint_lesion(rng, canvas, mask, finding)
        lesions = (Region(finding, mask),)
        facts = {"side": side, "zone": zone}
    anatomy = (Region("brain", brain), Region("ventricle", ventricles))
    return Phantom("brain", finish_grey(rng, canvas), finding, lesions, anatomy, facts)
