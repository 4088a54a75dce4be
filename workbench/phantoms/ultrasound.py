"""Ultrasound sector with speckle: a cyst, a stone with its shadow, or nothing."""

from dataclasses import dataclass

import cv2
import numpy as np

from workbench.phantoms.canvas import (
    Phantom,
    Region,
    blob_mask,
    ellipse_mask,
    finish_grey,
    side_of,
    smooth_noise,
    soften,
)

FINDINGS = ("none", "cyst", "stone")
MIDLINE = 0.05  # of the picture's width: a lesion's centre keeps this far from the lines between the zones


@dataclass(frozen=True)
class _Fan:
    """The probe's view: distance from its centre (pixels) and beam angle of every pixel, and what it sees."""

    depth: np.ndarray
    angle: np.ndarray
    near: float
    far: float
    half: float

    @property
    def sector(self) -> np.ndarray:
        return (np.abs(self.angle) < self.half) & (self.depth > self.near) & (self.depth < self.far)


def _fan(rng: np.random.Generator, size: int) -> _Fan:
    """A wide view from a curved probe or a narrow one from a small probe, tilted a few degrees."""
    curved = rng.random() < 0.6
    left = size * rng.uniform(0.46, 0.54)
    top = size * (rng.uniform(-0.2, -0.08) if curved else rng.uniform(-0.02, 0.03))
    y, x = np.mgrid[:size, :size].astype(np.float32)
    depth = np.hypot(x - left, y - top)
    angle = np.arctan2(x - left, y - top) - np.deg2rad(rng.uniform(-5, 5))
    near = size * (rng.uniform(0.2, 0.28) if curved else rng.uniform(0.03, 0.07))
    far = size * rng.uniform(0.9, 0.99) - min(top, 0.0)
    return _Fan(depth, angle, near, far, rng.uniform(0.55, 0.66) if curved else rng.uniform(0.6, 0.75))


def _speckle(rng: np.random.Generator, fan: _Fan) -> np.ndarray:
    """Grain that runs across the beam and widens with depth; its mean is 1."""
    size = fan.depth.shape[0]
    beams = int(size * rng.uniform(0.45, 0.8))
    grain = rng.standard_gamma(rng.uniform(1.6, 3.5), (size, beams), np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=0.7, sigmaY=rng.uniform(0.5, 0.9))
    across = ((fan.angle + fan.half) / (2 * fan.half) * (beams - 1)).astype(np.float32)
    along = (fan.depth / fan.far * (size - 1)).astype(np.float32)
    return cv2.remap(grain / grain.mean(), across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _tissue(rng: np.random.Generator, fan: _Fan) -> np.ndarray:
    """Brightness without grain: depth gain, layers under the probe, bright planes, greyer organs."""
    size = fan.depth.shape[0]
    reach = (fan.depth - fan.near) / (fan.far - fan.near)
    tissue = rng.uniform(0.3, 0.45) + smooth_noise(rng, size, size // 6) * 0.07
    tissue = tissue * (1 + rng.uniform(-0.35, 0.2) * reach)
    for _ in range(int(rng.integers(1, 4))):
        layer = (reach - rng.uniform(0.02, 0.14)) / rng.uniform(0.008, 0.018)
        tissue = tissue + rng.uniform(0.06, 0.18) * np.exp(-(layer**2))
    for _ in range(int(rng.integers(1, 5))):
        centre = (size * rng.uniform(0.25, 0.75), size * rng.uniform(0.3, 0.85))
        organ = rng.random() < 0.5
        axes = (size * rng.uniform(0.1, 0.24), size * (rng.uniform(0.06, 0.14) if organ else 0.015))
        oval = ellipse_mask(size, centre, axes, float(rng.uniform(-50, 50)))
        shift = rng.uniform(-0.12, 0.08) if organ else rng.uniform(0.08, 0.2)
        tissue = tissue + soften(oval, size / 60) * shift
    return np.clip(tissue, 0.15, 0.8).astype(np.float32)


def _place(rng: np.random.Generator, fan: _Fan, radius: float) -> tuple[float, float]:
    """Centre of a lesion of `radius` that lies inside the sector with room behind it, in a random quarter."""
    size = fan.depth.shape[0]
    room = cv2.distanceTransform(fan.sector.astype(np.uint8), cv2.DIST_L2, 3) > radius + 3
    room &= (fan.depth < fan.far - radius - 0.14 * size) & (
        fan.depth > max(fan.near + 0.12 * size, 0.32 * size)
    )
    offset = np.arange(size) - size / 2
    right, lower = rng.random() < 0.5, rng.random() < 0.5
    columns = offset * (1 if right else -1) > MIDLINE * size
    rows = offset * (1 if lower else -1) > MIDLINE * size
    points = np.argwhere(room & rows[:, None] & columns[None, :])
    y, x = points[int(rng.integers(len(points)))]
    return float(x), float(y)


def _behind(fan: _Fan, mask: np.ndarray, start: float) -> np.ndarray:
    """The part of the sector beyond depth `start` that the beams through `mask` reach."""
    seen = fan.angle[mask]
    return fan.sector & (fan.angle > seen.min()) & (fan.angle < seen.max()) & (fan.depth > start) & ~mask


def _cyst(rng: np.random.Generator, fan: _Fan, tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mask and tissue with a black hole and brighter tissue behind it."""
    size = tissue.shape[0]
    radius = size * rng.uniform(0.05, 0.085)
    mask = blob_mask(rng, size, _place(rng, fan, radius), radius, 0.12)
    behind = soften(_behind(fan, mask, float(fan.depth[mask].mean())), size / 100)
    hole = soften(mask, 1.0)
    return mask, (tissue + rng.uniform(0.16, 0.24) * behind) * (1 - hole) + 0.02 * hole


def _stone(rng: np.random.Generator, fan: _Fan, tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mask and tissue with a bright cap that faces the probe and a shadow behind it."""
    size = tissue.shape[0]
    radius = size * rng.uniform(0.045, 0.06)
    x, y = _place(rng, fan, radius)
    disc = blob_mask(rng, size, (x, y), radius, 0.1)
    start = float(fan.depth[round(y), round(x)])
    mask = disc & (fan.depth < start + radius * 0.15)
    shadow = soften(_behind(fan, mask, start - 0.2 * radius), size / 130)
    dark = tissue * (1 - rng.uniform(0.8, 0.92) * shadow)
    return mask, np.maximum(dark, soften(mask, 0.9) * 1.1)


def draw_ultrasound(rng: np.random.Generator, size: int, finding: str | None = None) -> Phantom:
    """Draw one sector; `finding` is one of FINDINGS, random when None.

    The lesion has random numbers of its own: the same seed with another finding differs only at the lesion
    and behind it, as seen from the probe. A region is the cyst or the stone, without what it does behind it.
    """
    finding = finding or str(rng.choice(FINDINGS))
    own = np.random.default_rng(int(rng.integers(2**63)))
    fan = _fan(rng, size)
    tissue = _tissue(rng, fan)
    lesions: tuple[Region, ...] = ()
    facts: dict[str, str | int | bool] = {}
    if finding != "none":
        mask, tissue = (_cyst if finding == "cyst" else _stone)(own, fan, tissue)
        y, x = np.argwhere(mask).mean(0)
        lesions = (Region(finding, mask),)
        facts = {"side": side_of(x, size), "zone": "upper" if y < size / 2 else "lower"}
    grain = rng.uniform(0.4, 0.65)
    canvas = tissue * (1 - grain + grain * _speckle(rng, fan)) * soften(fan.sector, 0.8)
    return Phantom("ultrasound", finish_grey(rng, canvas.astype(np.float32)), finding, lesions, (), facts)
