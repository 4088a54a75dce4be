"""Fundus photograph: disc, macula, vessels; dark haemorrhages or yellow exudates in one quadrant."""

import cv2
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

FINDINGS = ("none", "haemorrhages", "exudates")


def _vessels(rng: np.random.Generator, size: int, disc: tuple[float, float], sign: int) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    for up in (-1, 1):
        for spread in (0.55, 0.95):
            t = np.linspace(0, 1, 30)
            x = disc[0] + sign * size * 0.75 * t * rng.uniform(0.8, 1.05)
            y = disc[1] + up * size * 0.36 * spread * np.sin(np.pi * t * rng.uniform(0.55, 0.8))
            points = np.stack([x, y + rng.normal(0, 1, 30)], 1).round().astype(np.int32)
            cv2.polylines(mask, [points], False, 1, max(1, round(size / (70 if spread > 0.6 else 100))))
        back = np.stack([disc[0] - sign * size * 0.2 * t, disc[1] + up * size * 0.25 * t], 1)
        cv2.polylines(mask, [back.round().astype(np.int32)], False, 1, max(1, size // 100))
    return mask.astype(bool)


def _spots(rng: np.random.Generator, size: int, side: str, zone: str) -> np.ndarray:
    cx = size * (0.5 + (-0.2 if side == "left" else 0.2))
    cy = size * (0.5 + (-0.21 if zone == "upper" else 0.21))
    mask = np.zeros((size, size), bool)
    for _ in range(int(rng.integers(5, 11))):
        x, y = cx + rng.normal(0, 0.05) * size, cy + rng.normal(0, 0.05) * size
        mask |= blob_mask(rng, size, (x, y), size * rng.uniform(0.012, 0.026), 0.25)
    return mask


def draw_fundus(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one photograph; `facts['disc']` is the side of the picture that holds the optic disc."""
    finding = finding or str(rng.choice(FINDINGS))
    canvas = np.full((size, size, 3), rng.uniform(0, 0.03), np.float32)
    retina = ellipse_mask(size, (size / 2, size / 2), (size * 0.47, size * 0.47))
    base = np.array([0.78, 0.4, 0.18]) + rng.uniform(-0.07, 0.07, 3)
    paint(canvas, soften(retina, 1.0), base)
    canvas += (smooth_noise(rng, size, size // 5) * 0.05 * retina)[:, :, None]
    disc_side = str(rng.choice(("left", "right")))
    sign = 1 if disc_side == "left" else -1
    disc_at = (size * (0.5 - sign * 0.28), size * rng.uniform(0.47, 0.53))
    disc = ellipse_mask(size, disc_at, (size * 0.06, size * 0.067))
    macula = ellipse_mask(size, (size * (0.5 + sign * 0.08), size * 0.51), (size * 0.07, size * 0.07))
    paint(canvas, soften(macula, size / 25) * 0.45, np.array([0.45, 0.2, 0.1]))
    vessels = _vessels(rng, size, disc_at, sign) & retina
    paint(canvas, soften(vessels, 0.7) * 0.8, np.array([0.5, 0.13, 0.1]))
    paint(canvas, soften(disc, size / 100), np.array([0.97, 0.83, 0.55]))
    facts: dict[str, str | int | bool] = {"disc": disc_side}
    lesions: tuple[Region, ...] = ()
    if finding != "none":
        side, zone = str(rng.choice(("left", "right"))), str(rng.choice(("upper", "lower")))
        mask = _spots(rng, size, side, zone) & retina
        colour = np.array([0.33, 0.04, 0.05]) if finding == "haemorrhages" else np.array([0.98, 0.9, 0.45])
        paint(canvas, soften(mask, 0.7), colour + rng.uniform(-0.03, 0.03, 3))
        lesions = (Region(finding, mask),)
        facts |= {"side": side, "zone": zone}
    anatomy = (Region("optic disc", disc), Region("vessels", vessels))
    return Phantom("fundus", finish_colour(rng, canvas), finding, lesions, anatomy, facts)
