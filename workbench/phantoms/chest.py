"""Frontal chest film: lungs, ribs, heart, diaphragm; nodule, consolidation, effusion or large heart."""

import cv2
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

FINDINGS = ("none", "nodule", "consolidation", "pleural effusion", "cardiomegaly")
ZONES = ("upper", "middle", "lower")


def _lungs(rng: np.random.Generator, size: int) -> dict[str, tuple[np.ndarray, tuple[float, ...]]]:
    lungs = {}
    half = rng.uniform(0.155, 0.18) * size
    tall = rng.uniform(0.29, 0.33) * size
    middle_y = rng.uniform(0.45, 0.49) * size
    for side, sign in (("left", -1), ("right", 1)):
        cx = size * (0.5 + sign * rng.uniform(0.2, 0.22))
        box = (cx, middle_y, half, tall)
        lungs[side] = (ellipse_mask(size, (cx, middle_y), (half, tall), -sign * rng.uniform(2, 7)), box)
    return lungs


def _ribs(rng: np.random.Generator, canvas: np.ndarray, body: np.ndarray) -> None:
    size = canvas.shape[0]
    ribs = np.zeros_like(canvas)
    spacing = rng.uniform(0.065, 0.085) * size
    for row in range(2, 11):
        y = 0.08 * size + row * spacing
        for sign in (-1, 1):
            centre = (round(size * (0.5 + sign * 0.02)), round(y))
            axes = (round(size * 0.38), round(size * rng.uniform(0.1, 0.13)))
            start, end = (180, 275) if sign < 0 else (265, 360)
            cv2.ellipse(ribs, centre, axes, sign * 8, start, end, 1.0, max(2, size // 64))
    paint(canvas, soften(ribs > 0, 1.0) * body * rng.uniform(0.18, 0.35), 0.75)


def _lesion(rng: np.random.Generator, size: int, finding: str, lung: tuple, zone: str) -> np.ndarray:
    mask, (cx, cy, half, tall) = lung
    if finding == "pleural effusion":
        level = cy + tall * rng.uniform(0.35, 0.6)
        rows = np.arange(size)[:, None]
        columns = np.arange(size)[None, :]
        outward = np.sign(cx - size / 2)
        meniscus = level - outward * (columns - cx) * 0.25
        return (rows > meniscus) & mask
    y = cy + {"upper": -0.55, "middle": 0.0, "lower": 0.5}[zone] * tall + rng.uniform(-0.06, 0.06) * tall
    x = cx + rng.uniform(-0.3, 0.3) * half
    if finding == "nodule":
        return blob_mask(rng, size, (x, y), rng.uniform(0.03, 0.05) * size, 0.05)
    return blob_mask(rng, size, (x, y), rng.uniform(0.085, 0.115) * size, 0.35) & mask


def draw_chest(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one film; `finding` is one of FINDINGS, random when None."""
    finding = finding or str(rng.choice(FINDINGS))
    canvas = np.full((size, size), rng.uniform(0.0, 0.06), np.float32)
    body = ellipse_mask(size, (size / 2, size * 0.56), (size * 0.46, size * 0.55))
    paint(canvas, soften(body, size / 60), rng.uniform(0.5, 0.62))
    lungs = _lungs(rng, size)
    for mask, _ in lungs.values():
        paint(canvas, soften(mask, size / 70), rng.uniform(0.14, 0.24))
    spine = np.zeros((size, size), bool)
    spine[:, int(size * 0.475) : int(size * 0.525)] = True
    paint(canvas, soften(spine & body, size / 80) * 0.6, 0.75)
    large = finding == "cardiomegaly"
    heart_half = size * (rng.uniform(0.225, 0.26) if large else rng.uniform(0.115, 0.14))
    heart = ellipse_mask(size, (size * 0.53, size * 0.6), (heart_half, size * rng.uniform(0.135, 0.16)), 15)
    paint(canvas, soften(heart, size / 90) * 0.92, rng.uniform(0.66, 0.74))
    _ribs(rng, canvas, body)
    canvas += smooth_noise(rng, size, size // 24) * 0.025 * body
    facts: dict[str, str | int | bool] = {}
    lesions: tuple[Region, ...] = ()
    if large:
        lesions = (Region("cardiomegaly", heart),)
        facts = {"side": "centre", "zone": "middle"}
    elif finding != "none":
        side = str(rng.choice(("left", "right")))
        zone = "lower" if finding == "pleural effusion" else str(rng.choice(ZONES))
        mask = _lesion(rng, size, finding, lungs[side], zone)
        edge = size / 45 if finding == "consolidation" else size / 160
        level = rng.uniform(0.7, 0.82)
        texture = 1 + 0.2 * smooth_noise(rng, size, size // 16) * (finding == "consolidation")
        paint(canvas, np.clip(soften(mask, edge) * texture, 0, 1) * rng.uniform(0.8, 0.95), level)
        lesions = (Region(finding, mask),)
        facts = {"side": side, "zone": zone}
    anatomy = tuple(Region("lung", mask) for mask, _ in lungs.values()) + (Region("heart", heart),)
    return Phantom("chest", finish_grey(rng, canvas), finding, lesions, anatomy, facts)
