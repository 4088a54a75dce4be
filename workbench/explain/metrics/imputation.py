"""Noisy linear imputation: removed pixels become what their surroundings suggest (Rong et al., ROAD, 2022).

A removed pixel is the weighted mean of its eight neighbours (1/6 beside it, 1/12 across a corner) plus a
little noise, so that neither the fill's colour nor the hole's outline tells the model what was removed. The
equations of all removed pixels are solved together, without a matrix: the operator is a 3 x 3 filter, and
conjugate gradients start from a solution on a coarser picture.
"""

import cv2
import numpy as np

KERNEL = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], np.float32) / 12
NOISE = 0.01  # standard deviation of the noise, as a fraction of the grey range; the paper's released default
TOLERANCE = 1e-4  # of the residual's norm: a hundredth of a grey level on common holes
ROUNDS = 400
COARSEST = 8  # pixels on the shorter side below which no coarser picture is made


def impute(
    picture: np.ndarray, removed: np.ndarray, generator: np.random.Generator, noise: float = NOISE
) -> np.ndarray:
    """`picture` uint8 `[H, W, 3]` with the pixels `removed` bool `[H, W]` replaced; a new uint8 array.

    With nothing left to go by (all pixels removed) the picture's mean colour is used. Raises ValueError when
    the shapes don't fit.
    """
    if removed.shape != picture.shape[:2]:
        raise ValueError(f"removed is {removed.shape}; the picture is {picture.shape[:2]}")
    if not removed.any():
        return picture.copy()
    known = picture.astype(np.float32)
    if removed.all():
        filled = np.broadcast_to(known.mean((0, 1)), known.shape)
    else:
        filled = solve_holes(known, removed)
    filled = filled + generator.normal(0, noise * 255, known.shape)
    out = picture.copy()
    out[removed] = np.clip(np.rint(filled[removed]), 0, 255).astype(np.uint8)
    return out


def solve_holes(known: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """Each removed pixel the weighted mean of its neighbours in the picture, float32 `[H, W, 3]`.

    `known` float32 `[H, W, 3]`, `removed` bool `[H, W]` with at least one pixel kept. Other pixels are
    returned as they were.
    """
    hole = removed[..., None].astype(np.float32)
    weight = _neighbours(np.ones_like(hole[..., 0]))[..., None]
    fixed = known * (1 - hole)
    wanted = _neighbours(fixed) * hole
    guess = _coarse_guess(known, removed) * hole
    residual = wanted - hole * (weight * guess - _neighbours(guess))
    goal = TOLERANCE * float(np.linalg.norm(wanted)) + 1e-6
    step = residual.copy()
    power = float((residual**2).sum())
    for _ in range(ROUNDS):
        if power**0.5 <= goal:
            break
        applied = hole * (weight * step - _neighbours(step))
        length = power / max(float((step * applied).sum()), 1e-20)
        guess += length * step
        residual -= length * applied
        last, power = power, float((residual**2).sum())
        step = residual + power / last * step
    return fixed + guess


def _neighbours(values: np.ndarray) -> np.ndarray:
    return cv2.filter2D(values, cv2.CV_32F, KERNEL, borderType=cv2.BORDER_CONSTANT)


def _coarse_guess(known: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """The solution on a picture of half the size, enlarged: far from a hole's edge it is nearly right."""
    height, width = removed.shape
    kept = 1 - removed.astype(np.float32)
    small = (max(1, width // 2), max(1, height // 2))
    mass = cv2.resize(kept, small, interpolation=cv2.INTER_AREA)
    if min(small) < COARSEST or not (mass > 0).any():
        return np.broadcast_to(known[~removed].mean(0), known.shape).astype(np.float32)
    total = cv2.resize(known * kept[..., None], small, interpolation=cv2.INTER_AREA)
    mean = total / np.maximum(mass, 1e-6)[..., None]
    return cv2.resize(solve_holes(mean, mass == 0), (width, height), interpolation=cv2.INTER_LINEAR)
