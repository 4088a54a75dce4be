"""Axial CT slice of the abdomen: liver left of the picture, spleen right; one finding or none."""

from dataclasses import dataclass

import cv2
import numpy as np

from workbench.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_grey,
    paint,
    side_of,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "liver mass", "kidney stone", "free fluid")
BODY, CAVITY = (0.43, 0.33), (0.38, 0.28)  # half width and height, of the picture's width
MIDLINE = 0.04  # of the picture's width: a lesion's centre keeps this far from the lines between the zones


@dataclass(frozen=True)
class _Frame:
    """Where the body lies: unit offsets from its centre → pixels, stretched and turned by `turn` degrees."""

    size: int
    centre: tuple[float, float]
    stretch: tuple[float, float]
    turn: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        angle = np.deg2rad(self.turn)
        dx, dy = x * self.stretch[0], y * self.stretch[1]
        return (
            self.size * (self.centre[0] + dx * np.cos(angle) - dy * np.sin(angle)),
            self.size * (self.centre[1] + dx * np.sin(angle) + dy * np.cos(angle)),
        )

    def oval(self, x: float, y: float, half: tuple[float, float], angle: float = 0.0) -> np.ndarray:
        axes = (self.size * half[0] * self.stretch[0], self.size * half[1] * self.stretch[1])
        return ellipse_mask(self.size, self.at(x, y), axes, angle + self.turn)


def _frame(rng: np.random.Generator, size: int) -> _Frame:
    centre = (0.5 + rng.uniform(-0.02, 0.02), 0.5 + rng.uniform(-0.03, 0.03))
    scale = rng.uniform(0.92, 1.06)
    return _Frame(size, centre, (scale, scale * rng.uniform(0.92, 1.12)), rng.uniform(-9, 9))


def _organs(rng: np.random.Generator, frame: _Frame, cavity: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Liver, spleen, kidneys, stomach and gut loops, no two of which overlap."""

    def oval(x: float, y: float, a: float, b: float, angle: float) -> np.ndarray:
        grow = rng.uniform(0.88, 1.12, 2)
        x, y = x + rng.uniform(-0.015, 0.015), y + rng.uniform(-0.015, 0.015)
        return frame.oval(x, y, (a * grow[0], b * grow[1]), angle + rng.uniform(-10, 10))

    loops = np.zeros_like(cavity)
    for _ in range(int(rng.integers(0, 5))):
        loops |= oval(rng.uniform(-0.12, 0.16), rng.uniform(-0.02, 0.05), 0.04, 0.035, 0)
    wanted = {
        "liver": [oval(-0.2, -0.05, 0.15, 0.17, 20) | oval(-0.07, -0.13, 0.12, 0.08, -15)],
        "spleen": [oval(0.28, -0.02, 0.06, 0.12, -20)],
        "kidney": [oval(-0.17, 0.15, 0.055, 0.075, 20), oval(0.17, 0.14, 0.055, 0.075, -20)],
        "stomach": [oval(0.13, -0.13, 0.1, 0.075, 15)],
        "loops": [loops],
    }
    free = cavity & ~frame.oval(0, 0.17, (0.075, 0.08))
    organs: dict[str, list[np.ndarray]] = {}
    for name in ("kidney", "liver", "spleen", "stomach", "loops"):
        organs[name] = [mask & free for mask in wanted[name]]
        free = free & ~np.logical_or.reduce(wanted[name])
    return organs


def _skeleton(rng: np.random.Generator, frame: _Frame, canvas: np.ndarray) -> None:
    """Spine with its canal, ribs in the wall, and sometimes the table under the body."""
    bone = rng.uniform(0.8, 0.95)
    half = (rng.uniform(0.048, 0.06), rng.uniform(0.045, 0.058))
    paint(canvas, soften(frame.oval(0, 0.16, half), 1.0), bone)
    paint(canvas, soften(frame.oval(0, 0.235, (0.016, 0.035)), 0.8), bone)
    paint(canvas, soften(frame.oval(0, 0.205, (0.02, 0.014)), 0.8), 0.35)
    ribs = np.zeros(canvas.shape, bool)
    for angle in np.arange(rng.uniform(0, 30), 360, rng.uniform(26, 40)):
        x, y = 0.405 * np.cos(np.deg2rad(angle)), 0.305 * np.sin(np.deg2rad(angle))
        if y > -0.2 and rng.random() < 0.8:
            ribs |= frame.oval(x, y, (rng.uniform(0.014, 0.028), 0.009), angle + 90)
    paint(canvas, soften(ribs, 0.7), bone)
    if rng.random() < 0.5:
        low = (round(frame.size * frame.centre[0]), round(frame.size * rng.uniform(0.62, 0.66)))
        table = np.zeros_like(canvas)
        cv2.ellipse(table, low, (round(frame.size * 0.42), round(frame.size * 0.25)), 0, 30, 150, 1.0, 1)
        paint(canvas, soften(table > 0, 0.6), rng.uniform(0.3, 0.6))


def _pick(rng: np.random.Generator, where: np.ndarray) -> tuple[float, float]:
    """A point of `where` away from the picture's middle lines, upper or lower half by the toss of a coin."""
    size = where.shape[0]
    off = np.abs(np.arange(size) - size / 2) > MIDLINE * size
    upper = np.arange(size)[:, None] < size / 2
    allowed = where & off[:, None] & off[None, :]
    half = allowed & (upper if rng.random() < 0.5 else ~upper)
    points = np.argwhere(half if half.any() else allowed)
    y, x = points[int(rng.integers(len(points)))]
    return float(x), float(y)


def _fluid(rng: np.random.Generator, frame: _Frame, cavity: np.ndarray) -> np.ndarray:
    """A sickle along the wall of the cavity, at any flank of it."""
    angle = rng.uniform(30, 55) * rng.choice((-1, 1)) + (180 if rng.random() < 0.5 else 0)
    x, y = 0.33 * np.cos(np.deg2rad(angle)), 0.235 * np.sin(np.deg2rad(angle))
    tangent = np.rad2deg(np.arctan2(0.235 * np.cos(np.deg2rad(angle)), -0.33 * np.sin(np.deg2rad(angle))))
    return frame.oval(x, y, (rng.uniform(0.1, 0.14), rng.uniform(0.04, 0.055)), tangent) & cavity


def _lesion(
    rng: np.random.Generator,
    finding: str,
    frame: _Frame,
    organs: dict[str, list[np.ndarray]],
    cavity: np.ndarray,
) -> np.ndarray:
    size = frame.size
    if finding == "free fluid":
        return _fluid(rng, frame, cavity)
    if finding == "kidney stone":
        kidney = organs["kidney"][int(rng.integers(2))]
        deep = cv2.distanceTransform(kidney.astype(np.uint8), cv2.DIST_L2, 3)
        half = size * rng.uniform(0.02, 0.028)
        spot = _pick(rng, deep > min(half + 1, 0.9 * deep.max()))
        return ellipse_mask(size, spot, (half, half * rng.uniform(0.85, 1)), rng.uniform(0, 180)) & kidney
    liver = organs["liver"][0]
    deep = cv2.distanceTransform(liver.astype(np.uint8), cv2.DIST_L2, 3)
    radius = size * rng.uniform(0.045, 0.075)
    return blob_mask(rng, size, _pick(rng, deep > 0.95 * radius), radius, 0.15) & liver


def _healthy(
    rng: np.random.Generator, frame: _Frame, cavity: np.ndarray
) -> tuple[np.ndarray, dict[str, list[np.ndarray]], float, float]:
    """Picture without a finding, its organs, and the grey of fat and of the liver."""
    fat, level = rng.uniform(0.1, 0.2), rng.uniform(0.44, 0.56)
    canvas = np.full(cavity.shape, rng.uniform(0, 0.03), np.float32)
    paint(canvas, soften(frame.oval(0, 0, BODY), 1.0), fat + 0.02)
    paint(canvas, soften(frame.oval(0, 0, (0.41, 0.31)), 1.2), rng.uniform(0.32, 0.42))
    paint(canvas, soften(cavity, 1.2), fat)
    organs = _organs(rng, frame, cavity)
    gut = rng.uniform(0.34, 0.44)
    values = {"liver": level, "spleen": level + rng.uniform(-0.02, 0.05), "stomach": gut, "loops": gut + 0.04}
    values["kidney"] = level + rng.uniform(0.03, 0.11)
    for name, masks in organs.items():
        paint(canvas, soften(np.logical_or.reduce(masks), 0.9), values[name])
    _skeleton(rng, frame, canvas)
    paint(canvas, soften(frame.oval(0.03, 0.07, (0.024, 0.024)), 0.8), level + rng.uniform(0.06, 0.14))
    return canvas, organs, fat, level


def draw_abdomen(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one slice; `finding` is one of FINDINGS, random when None.

    The lesion has random numbers of its own: the same seed with another finding is the same slice otherwise.
    Fluid pushes organs aside, so that no pixel belongs to both.
    """
    finding = finding or str(rng.choice(FINDINGS))
    own = np.random.default_rng(int(rng.integers(2**63)))
    frame = _frame(rng, size)
    cavity = frame.oval(0, 0, CAVITY)
    canvas, organs, fat, level = _healthy(rng, frame, cavity)
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {}
    taken = np.zeros_like(cavity)
    if finding != "none":
        mask = _lesion(own, finding, frame, organs, cavity)
        grey = {"kidney stone": 1.05, "free fluid": fat + 0.35 * (level - fat)}.get(finding, level - 0.2)
        paint(canvas, soften(mask, 0.8), grey)
        y, x = np.argwhere(mask).mean(0)
        lesions = (Region(finding, mask),)
        facts = {"side": side_of(x, size), "zone": "upper" if y < size / 2 else "lower"}
        taken = mask if finding == "free fluid" else taken
    canvas += smooth_noise(rng, size, size // 10) * rng.uniform(0.005, 0.025) * frame.oval(0, 0, BODY)
    named = ("liver", "spleen", "kidney")
    anatomy = tuple(Region(name, np.logical_or.reduce(organs[name]) & ~taken) for name in named)
    return Phantom("abdomen", finish_grey(rng, canvas), finding, lesions, anatomy, facts)
