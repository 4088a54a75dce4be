"""Bar chart: two to five upright bars in named colours over a pair of axes."""

import cv2
import numpy as np

from workbench.training.phantoms.canvas import Phantom, Region

FINDINGS = ("none",)
COLOURS = {
    "red": (0.84, 0.14, 0.14),
    "blue": (0.14, 0.32, 0.8),
    "green": (0.18, 0.6, 0.24),
    "orange": (0.98, 0.6, 0.1),
    "grey": (0.52, 0.52, 0.52),
}
MOST_BARS = len(COLOURS)
_LEVELS = 9  # heights differ by a whole level, less the jitter, so that the order can be seen
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX)
Box = tuple[int, int, int, int]


def _text(
    rng: np.random.Generator, canvas: np.ndarray, at: tuple[int, int], letters: int, ink: float
) -> None:
    signs = "abcdefghiklmnoprstuvz" if rng.random() < 0.7 else "0123456789"
    text = "".join(signs[int(rng.integers(len(signs)))] for _ in range(letters))
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    scale = canvas.shape[0] / 600 * (1.8 if font == cv2.FONT_HERSHEY_PLAIN else 1)
    cv2.putText(canvas, text, at, font, scale, (ink,) * 3, 1, cv2.LINE_AA)


def _axes(rng: np.random.Generator, canvas: np.ndarray, plot: Box) -> None:
    x0, y0, x1, y1 = plot
    size, ink, thick = canvas.shape[0], float(rng.uniform(0, 0.35)), int(rng.integers(1, 3))
    ticks = np.linspace(y1, y0, int(rng.integers(4, 8)))[1:]
    grid = rng.random() < 0.5
    for y in np.round(ticks).astype(int):
        if grid:
            shade = (float(rng.uniform(0.75, 0.85)),) * 3
            cv2.line(canvas, (x0, int(y)), (x1, int(y)), shade, 1)
        cv2.line(canvas, (x0 - size // 60, int(y)), (x0, int(y)), (ink,) * 3, 1)
        _text(rng, canvas, (max(0, x0 - size // 11), int(y) + size // 90), 2, ink)
    if rng.random() < 0.4:
        cv2.rectangle(canvas, (x0, y0), (x1, y1), (ink,) * 3, 1)
    cv2.line(canvas, (x0, y0), (x0, y1), (ink,) * 3, thick)
    cv2.line(canvas, (x0, y1), (x1, y1), (ink,) * 3, thick)
    if rng.random() < 0.6:
        _text(rng, canvas, (x0 + size // 12, max(size // 25, y0 - size // 40)), int(rng.integers(6, 18)), ink)


def _bars(rng: np.random.Generator, canvas: np.ndarray, plot: Box) -> dict[str, np.ndarray]:
    """Paint the bars from left to right; colour name to mask."""
    x0, y0, x1, y1 = plot
    size = canvas.shape[0]
    count = int(rng.integers(2, MOST_BARS + 1))
    names = [str(name) for name in rng.permutation(list(COLOURS))[:count]]
    levels = rng.choice(np.arange(1, _LEVELS + 1), count, replace=False) + rng.uniform(-0.2, 0.2, count)
    heights = np.round(levels / (_LEVELS + 0.5) * (y1 - y0)).astype(int)
    slot, share = (x1 - x0) / count, rng.uniform(0.45, 0.9)
    outline, ink = rng.random() < 0.35, (float(rng.uniform(0, 0.3)),) * 3
    masks: dict[str, np.ndarray] = {}
    for index, (name, height) in enumerate(zip(names, heights, strict=True)):
        middle = x0 + slot * (index + 0.5)
        left, right = round(middle - slot * share / 2) + 1, round(middle + slot * share / 2)
        corners = (left, y1 - int(height)), (right, y1 - 1)
        colour = np.clip(np.array(COLOURS[name]) + rng.uniform(-0.06, 0.06), 0, 1).tolist()
        cv2.rectangle(canvas, *corners, colour, -1)
        if outline:
            cv2.rectangle(canvas, *corners, ink, 1)
        mask = np.zeros((size, size), bool)
        mask[corners[0][1] : y1, left : right + 1] = True
        masks[name] = mask
        _text(rng, canvas, (left, min(size - 2, y1 + size // 18)), int(rng.integers(1, 5)), ink[0])
    return masks


def draw_chart(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one chart, RGB uint8 `[size, size, 3]`; a chart has no finding, so `finding` stays "none".

    `anatomy` holds the bars from left to right ("red bar", …). `facts` has the `count`, the colours of the
    `tallest` and the `shortest` bar and, by its name, the height of every bar in pixels; no two are equal.
    """
    if finding not in (None, *FINDINGS):
        raise ValueError(f"a chart has no finding {finding!r}")
    light = rng.uniform(0.86, 1.0) + rng.uniform(-0.04, 0.04, 3)
    canvas = np.tile(light.astype(np.float32), (size, size, 1))
    left, top = round(size * rng.uniform(0.1, 0.2)), round(size * rng.uniform(0.06, 0.16))
    right, bottom = round(size * rng.uniform(0.86, 0.97)), round(size * rng.uniform(0.82, 0.92))
    plot = (left, top, right, bottom)
    if rng.random() < 0.3:
        canvas[top:bottom, left:right] = np.clip(light * rng.uniform(0.93, 1.05), 0.82, 1)
    _axes(rng, canvas, plot)
    masks = _bars(rng, canvas, plot)
    heights = {name: int(mask.any(axis=1).sum()) for name, mask in masks.items()}
    facts: dict[str, str | int | bool] = {
        "count": len(masks),
        "tallest": max(heights, key=lambda name: heights[name]),
        "shortest": min(heights, key=lambda name: heights[name]),
    }
    facts |= {f"{name} bar": height for name, height in heights.items()}
    bars = tuple(Region(f"{name} bar", mask) for name, mask in masks.items())
    return Phantom("chart", _finish(rng, canvas), "none", (), bars, facts)


def _finish(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """A little blur and noise; the colours keep their names."""
    if rng.random() < 0.6:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 0.8))
    noise = rng.standard_normal(canvas.shape, np.float32) * np.float32(rng.uniform(0.001, 0.015))
    return (np.clip(canvas + noise, 0, 1) * 255).astype(np.uint8)
