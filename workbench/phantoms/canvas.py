"""Drawing helpers that every phantom shares: smooth noise, soft shapes, exact masks, picture zones."""

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

Kind = Literal[
    "chest",
    "brain",
    "smear",
    "fundus",
    "skin",
    "abdomen",
    "ultrasound",
    "histology",
    "endoscopy",
    "chart",
    "unknown",
]


@dataclass(frozen=True)
class Region:
    """A drawn structure with its exact footprint: `mask` bool `[H, W]`."""

    name: str
    mask: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 in pixels, end exclusive."""
        ys, xs = np.nonzero(self.mask)
        return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


@dataclass(frozen=True)
class Phantom:
    """A drawn picture whose content is known exactly.

    `pixels` uint8 RGB `[H, W, 3]`; `finding` is the name of what is abnormal ("none" if nothing is);
    `lesions` are the findings' regions, `anatomy` the normal structures; `facts` holds the drawn
    parameters that questions are made from (side, zone, count, colour).
    """

    kind: Kind
    pixels: np.ndarray
    finding: str
    lesions: tuple[Region, ...]
    anatomy: tuple[Region, ...]
    facts: dict[str, str | int | bool] = field(default_factory=dict)


def smooth_noise(rng: np.random.Generator, size: int, cell: int) -> np.ndarray:
    """Band-limited noise in -1..1, float32 `[size, size]`, with features of about `cell` pixels."""
    coarse = rng.uniform(-1, 1, (max(2, size // cell + 2),) * 2).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def ellipse_mask(
    size: int, centre: tuple[float, float], axes: tuple[float, float], angle: float = 0.0
) -> np.ndarray:
    """Filled ellipse, bool `[size, size]`; centre and axes in pixels (x, y), angle in degrees."""
    mask = np.zeros((size, size), np.uint8)
    middle = (round(centre[0]), round(centre[1]))
    half = (max(1, round(axes[0])), max(1, round(axes[1])))
    cv2.ellipse(mask, middle, half, angle, 0, 360, 1, -1)
    return mask.astype(bool)


def blob_mask(
    rng: np.random.Generator, size: int, centre: tuple[float, float], radius: float, irregular: float
) -> np.ndarray:
    """Closed random outline around `centre`; `irregular` 0 is a disc, 0.5 is ragged."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radii = np.full_like(angles, radius)
    for harmonic in range(2, 9):
        phase = rng.uniform(0, 2 * np.pi)
        strength = irregular / (harmonic**0.7)
        radii += radius * strength * rng.uniform(0.3, 1) * np.sin(harmonic * angles + phase) * 0.6
    points = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], 1)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask.astype(bool)


def soften(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Float32 0..1 version of a mask with a soft edge."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.3, sigma))


def finish_grey(rng: np.random.Generator, grey: np.ndarray) -> np.ndarray:
    """Exposure, contrast, blur and noise of a grey picture in 0..1; returns uint8 RGB."""
    size = grey.shape[0]
    grey = grey * rng.uniform(0.85, 1.15) + rng.uniform(-0.05, 0.05)
    grey = np.clip(grey, 0, 1) ** rng.uniform(0.8, 1.25)
    grey = grey + smooth_noise(rng, size, size // 4) * 0.02
    grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), rng.uniform(0.4, 1.1))
    grey = grey + rng.normal(0, rng.uniform(0.005, 0.025), grey.shape)
    return np.repeat((np.clip(grey, 0, 1) * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def finish_colour(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    """White balance, blur and noise of a colour picture in 0..1; returns uint8 RGB."""
    colour = colour * rng.uniform(0.92, 1.08, 3) * rng.uniform(0.9, 1.1)
    colour = cv2.GaussianBlur(colour.astype(np.float32), (0, 0), rng.uniform(0.4, 1.0))
    colour = colour + rng.normal(0, rng.uniform(0.004, 0.02), colour.shape)
    return (np.clip(colour, 0, 1) * 255).astype(np.uint8)


def side_of(x: float, size: int) -> str:
    """Side of the PICTURE (not of the patient)."""
    return "left" if x < size / 2 else "right"


def paint(canvas: np.ndarray, cover: np.ndarray, value: float | np.ndarray) -> None:
    """Blend `value` into `canvas` in place where `cover` (0..1) says so."""
    weight = cover if canvas.ndim == 2 else cover[:, :, None]
    canvas += (np.asarray(value, np.float32) - canvas) * weight
