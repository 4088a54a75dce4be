"""Imputation by hand on small holes; the solver against a dense solve."""

import numpy as np
import pytest

from workbench.explain.metrics.imputation import KERNEL, impute, solve_holes


def _ramp(height: int = 9, width: int = 14) -> np.ndarray:
    across = np.broadcast_to(np.arange(width) * 10, (height, width))
    return np.repeat(across[..., None], 3, 2).astype(np.uint8)


def test_one_removed_pixel_is_the_weighted_mean_of_its_neighbours():
    picture = np.zeros((3, 3, 3), np.uint8)
    picture[0, 1] = 60  # beside it: 1/6
    picture[2, 2] = 120  # across a corner: 1/12
    removed = np.zeros((3, 3), bool)
    removed[1, 1] = True
    found = impute(picture, removed, np.random.default_rng(0), noise=0)
    assert found[1, 1].tolist() == [20, 20, 20]  # 60 / 6 + 120 / 12
    assert (found[~removed] == picture[~removed]).all()


def test_a_hole_in_a_ramp_is_the_ramp():
    picture, removed = _ramp(), np.zeros((9, 14), bool)
    removed[2:7, 4:11] = True
    found = impute(picture, removed, np.random.default_rng(0), noise=0)
    assert np.abs(found.astype(int) - picture.astype(int)).max() <= 1


def test_the_solution_equals_a_dense_solve_also_at_the_border():
    generator = np.random.default_rng(2)
    known = generator.uniform(0, 255, (12, 15, 3)).astype(np.float32)
    removed = generator.random((12, 15)) > 0.4
    removed[:4, :5] = True  # a hole that reaches two borders
    places = {tuple(at): number for number, at in enumerate(np.argwhere(removed))}
    matrix, wanted = np.zeros((len(places), len(places))), np.zeros((len(places), 3))
    for (row, column), number in places.items():
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                at, weight = (row + dr, column + dc), KERNEL[dr + 1, dc + 1]
                if not (0 <= at[0] < 12 and 0 <= at[1] < 15) or weight == 0:
                    continue
                matrix[number, number] += weight
                if at in places:
                    matrix[number, places[at]] -= weight
                else:
                    wanted[number] += weight * known[at]
    expected = np.linalg.solve(matrix, wanted)
    assert np.abs(solve_holes(known, removed)[removed] - expected).max() < 0.5


def test_a_large_hole_is_solved_to_a_grey_level():
    across = np.broadcast_to(np.linspace(0, 255, 224, dtype=np.float32)[None, :, None], (224, 224, 3)).copy()
    removed = np.zeros((224, 224), bool)
    removed[:, 8:216] = True  # known on both sides only: the answer is the ramp between them
    assert np.abs(solve_holes(across, removed) - across).max() < 2


def test_all_removed_nothing_removed_noise_and_wrong_shapes():
    picture = _ramp()
    generator = np.random.default_rng(0)
    assert (impute(picture, np.zeros((9, 14), bool), generator) == picture).all()
    assert (impute(picture, np.ones((9, 14), bool), generator, noise=0) == 65).all()  # the mean of 0 .. 130
    flat = np.full((40, 40, 3), 100, np.uint8)
    removed = np.zeros((40, 40), bool)
    removed[5:35, 5:35] = True
    noisy = impute(flat, removed, generator, noise=0.02)[removed].astype(float)
    assert noisy.std() == pytest.approx(0.02 * 255, rel=0.1)
    with pytest.raises(ValueError, match="removed is"):
        impute(picture, np.zeros((3, 3), bool), generator)
