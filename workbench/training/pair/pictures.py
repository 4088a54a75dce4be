"""Pictures for training: padding, augmentation, tensors. Padding equals the shipped image processor's."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

PAD_GREY = 127  # int(0.5 * 255): the processor pads with its image mean


def pad_square(pixels: np.ndarray, value: int = PAD_GREY) -> tuple[np.ndarray, int, int]:
    """Centre a picture `[H, W(, C)]` on a square; returns it with the x and y offset of the original."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    out = np.full((side, side, *pixels.shape[2:]), value, pixels.dtype)
    dy, dx = (side - height) // 2, (side - width) // 2
    out[dy : dy + height, dx : dx + width] = pixels
    return out, dx, dy


def to_tensor(pixels: np.ndarray, size: int) -> torch.Tensor:
    """uint8 RGB square `[S, S, 3]` → float32 `[3, size, size]` in -1..1, as the processor does."""
    if pixels.shape[0] != size:
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(2, 0, 1).contiguous()


@lru_cache(maxsize=2000)
def load_square(path: Path, side: int) -> np.ndarray:
    """Read a picture from disk as a padded uint8 RGB square of `side` pixels."""
    pixels = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return cv2.resize(pad_square(pixels)[0], (side, side), interpolation=cv2.INTER_AREA)


def random_affine(rng: np.random.Generator, side: int) -> np.ndarray:
    """Small rotation, scale and shift `[2, 3]`; flips are in `mirror.py`, because questions name sides."""
    centre = (side / 2, side / 2)
    matrix = cv2.getRotationMatrix2D(centre, rng.uniform(-10, 10), rng.uniform(0.9, 1.15))
    matrix[:, 2] += rng.uniform(-0.05, 0.05, 2) * side
    return matrix


def warp(
    pixels: np.ndarray, matrix: np.ndarray, fill: int, interpolation: int = cv2.INTER_LINEAR
) -> np.ndarray:
    """Apply an affine to a square picture or mask."""
    side = pixels.shape[0]
    return cv2.warpAffine(pixels, matrix, (side, side), flags=interpolation, borderValue=(fill,) * 3)


def jitter(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """Brightness, contrast, gamma and noise of a uint8 picture."""
    grey = pixels.astype(np.float32) / 255
    grey = np.clip(grey * rng.uniform(0.8, 1.2) + rng.uniform(-0.08, 0.08), 0, 1) ** rng.uniform(0.8, 1.25)
    grey += rng.normal(0, rng.uniform(0, 0.02), grey.shape)
    return (np.clip(grey, 0, 1) * 255).astype(np.uint8)
