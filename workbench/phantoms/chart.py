"""Bar chart: two to five bars in named colours on light paper."""

import cv2
import numpy as np

from workbench.phantoms.canvas import Phantom, Region, finish_colour

COLOURS = {
    "red": (0.85, 0.15, 0.15), "blue": (0.15, 0.3, 0.85), "green": (0.15, 0.6, 0.25),
    "orange": (0.95, 0.55, 0.1), "grey": (0.5, 0.5, 0.5),
}  # fmt: skip


def draw_chart(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one chart; `facts` holds each bar's height in per cent and the number of bars.

    `finding` is taken for the common signature of the drawers; a chart has none.
    """
    count = int(rng.integers(2, 6))
    names = [str(name) for name in rng.permutation(list(COLOURS))[:count]]
    # Heights differ by a tenth of the axis at least, so that "taller" is plain to see.
    heights = rng.permutation(np.linspace(0.15, 0.95, 9))[:count]
    canvas = np.full((size, size, 3), rng.uniform(0.9, 1.0), np.float32)
    left, right, base, top = (round(size * v) for v in (0.12, 0.93, 0.86, 0.08))
    ink = (float(rng.uniform(0, 0.3)),) * 3
    if rng.random() < 0.6:
        for y in np.linspace(base, top, 6)[1:]:
            cv2.line(canvas, (left, round(y)), (right, round(y)), (0.8, 0.8, 0.8), 1)
    slot, width = (right - left) / count, rng.uniform(0.5, 0.85)
    bars = []
    for number, (name, height) in enumerate(zip(names, heights, strict=True)):
        x0 = round(left + slot * (number + (1 - width) / 2))
        x1 = round(left + slot * (number + (1 + width) / 2))
        y0 = round(base - (base - top) * height)
        colour = tuple(float(np.clip(v + rng.uniform(-0.05, 0.05), 0, 1)) for v in COLOURS[name])
        cv2.rectangle(canvas, (x0, y0), (x1, base), colour, -1)
        mask = np.zeros((size, size), bool)
        mask[y0 : base + 1, x0 : x1 + 1] = True
        bars.append(Region(f"{name} bar", mask))
    cv2.line(canvas, (left, base), (right, base), ink, max(1, size // 100))
    cv2.line(canvas, (left, top), (left, base), ink, max(1, size // 100))
    facts: dict[str, str | int | bool] = {"count": count}
    facts |= {f"{name} bar": round(100 * float(h)) for name, h in zip(names, heights, strict=True)}
    return Phantom("chart", finish_colour(rng, canvas), "none", (), tuple(bars), facts)
