"""Tissue section, stained or glowing: crowded nuclei, necrosis, or evenly spread nuclei."""

import cv2
import numpy as np

from workbench.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    finish_colour,
    paint,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "crowded nuclei", "necrosis")
GLOWING = 0.35  # share of fluorescence pictures


def _nuclei(rng: np.random.Generator, within: np.ndarray, step: float, radius: float) -> np.ndarray:
    """How strongly each pixel is stained, float32 0..1: jittered ovals on a turned grid.

    `step` and `radius` are in pixels; only the nuclei whose centre `within` (bool) holds are drawn.
    """
    size = within.shape[0]
    reach = np.arange(-0.75 * size, 0.75 * size, step)
    grid = np.stack(np.meshgrid(reach, reach), -1).reshape(-1, 2)
    grid[:, 0] += step / 2 * (np.round(grid[:, 1] / step) % 2)
    turn = rng.uniform(0, np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    spots = grid @ spin.T + size / 2 + rng.uniform(-0.3, 0.3, grid.shape) * step
    halves = (
        radius
        * rng.uniform(0.85, 1.15, (len(spots), 1))
        * np.stack([np.ones(len(spots)), rng.uniform(0.65, 1, len(spots))], 1)
    )
    angles, strength = rng.uniform(0, 180, len(spots)), rng.uniform(0.75, 1, len(spots))
    columns, rows = np.clip(np.round(spots).astype(int), 0, size - 1).T
    inside = ((spots >= -radius) & (spots < size + radius)).all(1) & within[rows, columns]
    stained = np.zeros(within.shape, np.float32)
    # Sixteenths of a pixel, so that small nuclei do not all round to the same shape.
    middles, axes = (np.round(values[inside] * 16).astype(int).tolist() for values in (spots, halves))
    for middle, half, angle, value in zip(middles, axes, angles[inside], strength[inside], strict=True):
        cv2.ellipse(stained, middle, half, angle, 0, 360, float(value), -1, cv2.LINE_8, 4)
    return stained


def _cluster(rng: np.random.Generator, region: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Crowded nuclei inside `region`, float32 0..1, and the outline that they fill."""
    core = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 3) > 0.7 * radius
    dense = _nuclei(rng, core, 1.8 * radius, radius) * region
    reach = 2 * round(radius) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    filled = cv2.morphologyEx((dense > 0).astype(np.uint8), cv2.MORPH_CLOSE, disc)
    return dense, filled.astype(bool)


def _fibres(rng: np.random.Generator, size: int) -> np.ndarray:
    """Wavy streaks in one direction, float32 -1..1."""
    long, short = rng.uniform(0.15, 0.5), rng.uniform(0.02, 0.05)
    coarse = rng.uniform(-1, 1, (int(1.5 / short), int(1.5 / long) + 2)).astype(np.float32)
    turned = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(0, 180), 1.5)
    return cv2.warpAffine(
        cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), turned, (size, size),
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip


def _colours(rng: np.random.Generator, glowing: bool) -> tuple[np.ndarray, np.ndarray]:
    """Colour of the ground and of the nuclei."""
    if glowing:
        ink = np.array([0.2, 0.45, 0.95]) if rng.random() < 0.5 else np.array([0.25, 0.9, 0.35])
        return np.array([0.02, 0.02, 0.04]) + rng.uniform(0, 0.03, 3), ink * rng.uniform(0.6, 0.85)
    ground = np.array([0.9, 0.66, 0.78]) + rng.uniform(-0.06, 0.06, 3)
    return ground, np.array([0.42, 0.25, 0.58]) + rng.uniform(-0.07, 0.07, 3)


def _place(rng: np.random.Generator, size: int) -> tuple[np.ndarray, str, str]:
    """Outline of the finding in one quarter of the picture, its side and its zone."""
    side, zone = str(rng.choice(("left", "right"))), str(rng.choice(("upper", "lower")))
    x = size * (0.5 + (-1 if side == "left" else 1) * rng.uniform(0.19, 0.29))
    y = size * (0.5 + (-1 if zone == "upper" else 1) * rng.uniform(0.19, 0.29))
    return blob_mask(rng, size, (x, y), size * rng.uniform(0.13, 0.18), 0.3), side, zone


def draw_histology(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one field; `finding` is one of FINDINGS, random when None.

    `facts['stain']` is "haematoxylin" or "fluorescence". The lesion has random numbers of its own: the same
    seed with another finding differs only inside the outline.
    """
    finding = finding or str(rng.choice(FINDINGS))
    own = np.random.default_rng(int(rng.integers(2**63)))
    glowing = bool(rng.random() < GLOWING)
    ground, ink = _colours(rng, glowing)
    canvas = np.tile(ground.astype(np.float32), (size, size, 1))
    texture = _fibres(rng, size) * rng.uniform(0.3, 1) + smooth_noise(rng, size, size // 12) * 0.5
    contrast = np.array([0.006, 0.01, 0.01] if glowing else [0.03, 0.07, 0.05], np.float32)
    step = size * rng.uniform(0.07, 0.115)
    radius = step * rng.uniform(0.17, 0.23)
    stained = _nuclei(rng, np.ones((size, size), bool), step, radius)
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {"stain": "fluorescence" if glowing else "haematoxylin"}
    if finding != "none":
        region, side, zone = _place(own, size)
        if finding == "crowded nuclei":
            dense, region = _cluster(own, region, radius * own.uniform(1.35, 1.6))
            darker = ink * (1.25 if glowing else 0.62)
        else:
            pale = ground * 0.5 if glowing else ground * 0.45 + np.array([0.96, 0.88, 0.88]) * 0.55
            paint(canvas, soften(region, 2.0), pale)
        stained *= 1 - soften(region, 1.0)
        lesions, facts = (Region(finding, region),), facts | {"side": side, "zone": zone}
    canvas += texture[:, :, None] * contrast
    paint(canvas, cv2.GaussianBlur(stained, (0, 0), 0.6), ink)
    if finding == "crowded nuclei":
        paint(canvas, cv2.GaussianBlur(dense, (0, 0), 0.6), darker)
    return Phantom("histology", finish_colour(rng, canvas), finding, lesions, (), facts)
