"""Stained blood smear: red cells, a counted number of white cells, platelets."""

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

MAX_WHITE = 3


def _place(
    rng: np.random.Generator, taken: list[tuple[float, float, float]], size: int, radius: float, gap: float
) -> tuple[float, float] | None:
    for _ in range(40):
        x, y = rng.uniform(radius + 2, size - radius - 2, 2)
        if all((x - a) ** 2 + (y - b) ** 2 > ((radius + r) * gap) ** 2 for a, b, r in taken):
            taken.append((x, y, radius))
            return float(x), float(y)
    return None


def _white_cell(
    rng: np.random.Generator, canvas: np.ndarray, x: float, y: float, radius: float
) -> np.ndarray:
    size = canvas.shape[0]
    cell = blob_mask(rng, size, (x, y), radius, 0.06)
    paint(canvas, soften(cell, 0.8), np.array([0.76, 0.68, 0.84]) + rng.uniform(-0.04, 0.04, 3))
    purple = np.array([0.36, 0.2, 0.56]) + rng.uniform(-0.05, 0.05, 3)
    for _ in range(int(rng.integers(1, 4))):
        offset = rng.uniform(-0.3, 0.3, 2) * radius
        lobe = blob_mask(rng, size, (x + offset[0], y + offset[1]), radius * rng.uniform(0.45, 0.6), 0.15)
        paint(canvas, soften(lobe & cell, 0.8), purple)
    return cell


def draw_smear(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one field; `finding` is the number of white cells as text ("0" to "3"), random when None."""
    white = int(finding) if finding is not None else int(rng.integers(0, MAX_WHITE + 1))
    paper = np.array([0.93, 0.88, 0.84]) + rng.uniform(-0.04, 0.04, 3)
    canvas = np.tile(paper.astype(np.float32), (size, size, 1))
    canvas += smooth_noise(rng, size, size // 3)[:, :, None] * 0.02
    taken: list[tuple[float, float, float]] = []
    lesions = []
    for _ in range(white):
        radius = size * rng.uniform(0.085, 0.105)
        spot = _place(rng, taken, size, radius, 1.15)
        if spot is not None:
            lesions.append(Region("white blood cell", _white_cell(rng, canvas, *spot, radius)))
    red_cells = np.zeros((size, size), bool)
    red = np.array([0.86, 0.55, 0.55]) + rng.uniform(-0.05, 0.05, 3)
    for _ in range(int(rng.integers(10, 26))):
        radius = size * rng.uniform(0.045, 0.058)
        spot = _place(rng, taken, size, radius, 1.02)
        if spot is None:
            continue
        cell = ellipse_mask(size, spot, (radius, radius * rng.uniform(0.88, 1)), rng.uniform(0, 180))
        paint(canvas, soften(cell, 0.8), red + rng.uniform(-0.03, 0.03, 3))
        paint(canvas, soften(ellipse_mask(size, spot, (radius * 0.4, radius * 0.4)), 2.0) * 0.5, paper)
        red_cells |= cell
    platelets = np.zeros((size, size), bool)
    has_platelets = bool(rng.random() < 0.5)
    for _ in range(int(rng.integers(3, 8)) if has_platelets else 0):
        spot = _place(rng, taken, size, size * 0.016, 1.2)
        if spot is not None:
            dot = blob_mask(rng, size, spot, size * rng.uniform(0.014, 0.02), 0.2)
            paint(canvas, soften(dot, 0.6), np.array([0.5, 0.33, 0.6]))
            platelets |= dot
    facts: dict[str, str | int | bool] = {"count": len(lesions), "platelets": has_platelets}
    if len(lesions) == 1:
        x0, y0, x1, y1 = lesions[0].box
        facts["side"] = "left" if (x0 + x1) / 2 < size / 2 else "right"
        facts["zone"] = "upper" if (y0 + y1) / 2 < size / 2 else "lower"
    anatomy = (Region("red blood cell", red_cells),)
    if platelets.any():
        anatomy += (Region("platelet", platelets),)
    pixels = finish_colour(rng, canvas)
    return Phantom("smear", pixels, str(len(lesions)), tuple(lesions), anatomy, facts)
