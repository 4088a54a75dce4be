"""Pictures that are no medical images: noise, plain grounds, patterns, pages, landscapes, simple faces."""

from collections.abc import Callable

import cv2
import numpy as np

from workbench.phantoms.canvas import Phantom, finish_colour, smooth_noise


def _colour(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0, 1, 3).astype(np.float32)


def _plain(rng: np.random.Generator, size: int) -> np.ndarray:
    value = float(rng.choice((0.0, 0.5, 1.0))) if rng.random() < 0.5 else _colour(rng)
    return np.full((size, size, 3), value, np.float32)


def _noise(rng: np.random.Generator, size: int) -> np.ndarray:
    cell = int(rng.choice((1, 2, 6, 20, 60)))
    channels = [smooth_noise(rng, size, cell) for _ in range(3)]
    return np.stack(channels, -1) * rng.uniform(0.2, 0.5) + 0.5


def _gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    y, x = np.meshgrid(ramp, ramp, indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    along = (np.cos(angle) * x + np.sin(angle) * y)[:, :, None]
    return _colour(rng) * along + _colour(rng) * (1 - along)


def _pattern(rng: np.random.Generator, size: int) -> np.ndarray:
    period = int(rng.integers(6, max(8, size // 5)))
    y, x = np.mgrid[:size, :size] // period
    on = (x + y) % 2 if rng.random() < 0.5 else (x if rng.random() < 0.5 else y) % 2
    return np.where(on[:, :, None] > 0, _colour(rng), _colour(rng)).astype(np.float32)


def _page(rng: np.random.Generator, size: int) -> np.ndarray:
    canvas = np.full((size, size, 3), rng.uniform(0.85, 1), np.float32)
    ink = (rng.uniform(0, 0.3),) * 3
    height = max(3, round(size / rng.uniform(18, 34)))
    for top in range(height, size - height, round(height * rng.uniform(1.5, 2.0))):
        if rng.random() < 0.12:
            continue
        x, end = round(size * 0.07), round(size * rng.uniform(0.6, 0.94))
        while x < end:
            width = int(rng.integers(height, height * 5))
            cv2.rectangle(canvas, (x, top), (min(end, x + width), top + height // 2), ink, -1)
            x += width + height // 2
    return canvas


def _landscape(rng: np.random.Generator, size: int) -> np.ndarray:
    canvas = np.empty((size, size, 3), np.float32)
    sky = np.linspace(0.6, 0.95, size, dtype=np.float32)[:, None, None]
    canvas[:] = sky * np.array([0.55, 0.75, 1.0]) * rng.uniform(0.7, 1.05)
    sun = (int(rng.integers(size)), int(rng.integers(size // 3)))
    cv2.circle(canvas, sun, max(3, size // 14), (1.0, 0.9, 0.5), -1)
    for layer in range(int(rng.integers(2, 5))):
        base = size * (0.45 + 0.14 * layer)
        ridge = base + smooth_noise(rng, size, size // 3)[0] * size * 0.12
        points = np.concatenate([np.stack([np.arange(size), ridge], 1), [[size, size], [0, size]]])
        green = np.array([0.25, 0.5, 0.2]) * rng.uniform(0.5, 1.3, 3)
        cv2.fillPoly(canvas, [points.round().astype(np.int32)], tuple(float(v) for v in green))
    for _ in range(int(rng.integers(0, 4))):
        x, y, w = int(rng.integers(size)), int(size * rng.uniform(0.5, 0.9)), max(4, size // 10)
        wall = tuple(float(v) for v in _colour(rng))
        cv2.rectangle(canvas, (x, y - w), (x + w, y), wall, -1)
        roof = np.array([[x - 3, y - w], [x + w + 3, y - w], [x + w // 2, y - 2 * w]], np.int32)
        cv2.fillPoly(canvas, [roof], (0.6, 0.2, 0.15))
    return canvas


def _face(rng: np.random.Generator, size: int) -> np.ndarray:
    canvas = _gradient(rng, size)
    cx, cy = (int(size * rng.uniform(0.35, 0.65)) for _ in range(2))
    r = round(size * rng.uniform(0.18, 0.38))
    skin = np.array([0.9, 0.7, 0.55]) * rng.uniform(0.4, 1.1)
    cv2.ellipse(canvas, (cx, cy), (round(r * 0.8), r), 0, 0, 360, tuple(float(v) for v in skin), -1)
    cv2.ellipse(canvas, (cx, cy - r // 2), (round(r * 0.85), r // 2), 0, 180, 360, (0.2, 0.12, 0.08), -1)
    for side in (-1, 1):
        cv2.circle(canvas, (cx + side * r // 3, cy - r // 8), max(2, r // 10), (0.05, 0.05, 0.1), -1)
    cv2.ellipse(canvas, (cx, cy + r // 3), (r // 3, r // 7), 0, 0, 180, (0.6, 0.1, 0.15), max(1, r // 16))
    return canvas


def _shapes(rng: np.random.Generator, size: int) -> np.ndarray:
    canvas = _plain(rng, size)
    for _ in range(int(rng.integers(3, 14))):
        colour = tuple(float(v) for v in _colour(rng))
        centre = (int(rng.integers(size)), int(rng.integers(size)))
        reach = int(rng.integers(max(3, size // 30), max(5, size // 4)))
        if rng.random() < 0.5:
            cv2.circle(canvas, centre, reach, colour, -1)
        else:
            corner = (centre[0] + reach, centre[1] + int(reach * rng.uniform(0.3, 1.5)))
            cv2.rectangle(canvas, centre, corner, colour, -1)
    return canvas


SCENES: tuple[Callable[[np.random.Generator, int], np.ndarray], ...] = (
    _plain, _noise, _gradient, _pattern, _page, _landscape, _face, _shapes,
)  # fmt: skip


def draw_unknown(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one picture that no medical technique makes; a third are grey, so that colour gives nothing away.

    `finding` is taken for the common signature of the drawers; there is never one here.
    """
    scene = SCENES[int(rng.integers(len(SCENES)))]
    canvas = np.clip(scene(rng, size), 0, 1).astype(np.float32)
    if rng.random() < 0.35:
        canvas = np.repeat(canvas.mean(-1, keepdims=True), 3, axis=2)
    untouched = scene is _plain and rng.random() < 0.7
    pixels = (canvas * 255).astype(np.uint8) if untouched else finish_colour(rng, canvas)
    return Phantom("unknown", pixels, "none", (), (), {"scene": scene.__name__.strip("_")})
