"""Dermoscopy: one pigmented lesion with a regular or irregular border and one of three colours."""

import cv2
import numpy as np

from workbench.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    finish_colour,
    paint,
    side_of,
    smooth_noise,
    soften,
)

FINDINGS = ("regular", "irregular")
COLOURS = {"brown": (0.45, 0.27, 0.16), "black": (0.12, 0.09, 0.09), "red": (0.72, 0.22, 0.2)}


def _hairs(rng: np.random.Generator, canvas: np.ndarray) -> None:
    size = canvas.shape[0]
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(5, 12))):
        start, bend, end = rng.uniform(0, size, (3, 2))
        t = np.linspace(0, 1, 24)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        cv2.polylines(mask, [curve.round().astype(np.int32)], False, 1, max(1, size // 130))
    paint(canvas, soften(mask > 0, 0.5) * 0.9, np.array([0.12, 0.08, 0.06]))


def draw_skin(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one picture; `finding` names the border, "regular" or "irregular"."""
    finding = finding or str(rng.choice(FINDINGS))
    tone = np.array([0.88, 0.68, 0.58]) * rng.uniform(0.75, 1.05) + rng.uniform(-0.03, 0.03, 3)
    canvas = np.tile(tone.astype(np.float32), (size, size, 1))
    canvas += smooth_noise(rng, size, size // 6)[:, :, None] * 0.03
    x, y = size * (0.5 + rng.choice((-1, 1)) * rng.uniform(0.1, 0.2)), size * rng.uniform(0.34, 0.66)
    irregular = rng.uniform(0.4, 0.6) if finding == "irregular" else rng.uniform(0.0, 0.05)
    mask = blob_mask(rng, size, (x, y), size * rng.uniform(0.14, 0.21), irregular)
    name = str(rng.choice(list(COLOURS)))
    colour = np.array(COLOURS[name]) + rng.uniform(-0.03, 0.03, 3)
    mottle = 1 + (0.35 if finding == "irregular" else 0.12) * smooth_noise(rng, size, size // 12)
    paint(canvas, soften(mask, size / 120), colour * mottle[:, :, None])
    hair = bool(rng.random() < 0.4)
    if hair:
        _hairs(rng, canvas)
    facts: dict[str, str | int | bool] = {"colour": name, "hair": hair, "side": side_of(x, size)}
    return Phantom("skin", finish_colour(rng, canvas), finding, (Region("skin lesion", mask),), (), facts)
