"""Mirrored pictures: side words swapped where they speak of this picture, and nowhere else."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from workbench.phantoms.sample import Sample, Statement
from workbench.training.pair.architecture import Size
from workbench.training.pair.corpus import CorpusImage
from workbench.training.pair.mirror import may_mirror, mirrored, swap_sides
from workbench.training.pair.stream import MIRRORED, BatchStream, Mixture


def sample() -> Sample:
    return Sample(
        "Is the mass on the left side?",
        ("Left", "right"),
        "Left",
        "MRI",
        "position",
        True,
        (
            Statement("perception", "mass", "It shows a mass in the left upper zone of the picture."),
            Statement("knowledge", "liver", "The liver typically lies on the right."),
            Statement("rationale", "position", "Therefore the answer is left."),
        ),
        ("mass",),
    )


def test_side_words_are_swapped_as_whole_words() -> None:
    assert (
        swap_sides("Left of the right lobe, upright; leftover") == "Right of the left lobe, upright; leftover"
    )


def test_mirrored_sample_swaps_everything_but_facts() -> None:
    found = mirrored(sample())
    assert (found.question, found.options, found.answer) == (
        "Is the mass on the right side?", ("Right", "left"), "Right",
    )  # fmt: skip
    assert found.statements[0].sentence == "It shows a mass in the right upper zone of the picture."
    assert found.statements[1].sentence == "The liver typically lies on the right."
    assert found.statements[2].sentence == "Therefore the answer is right."
    assert mirrored(found) == sample()


def test_only_symmetric_anatomy_is_mirrored() -> None:
    assert may_mirror("MRI", "brain tissue") and may_mirror("blood smear", "blood")
    assert not may_mirror("CT", "abdomen") and not may_mirror("X-ray", "chest lung")


def test_stream_mirrors_pixels_regions_and_words_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[16:32, 4:20] = 255
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    image = CorpusImage(
        "a", tmp_path / "a.png", "MRI", "head", 64, 64, (("mass", (4, 16, 20, 32)),), None, {}, (sample(),)
    )  # fmt: skip
    still = np.array([[1.0, 0, 0], [0, 1, 0]])
    monkeypatch.setattr("workbench.training.pair.stream.random_affine", lambda rng, side: still)
    monkeypatch.setattr("workbench.training.pair.stream.jitter", lambda rng, pixels: pixels)
    stream = BatchStream.__new__(BatchStream)
    stream.images, stream.size, stream.mixture = [image], Size(), Mixture(derived=0.0, questions=1)
    stream.structures = ["mass"]
    sides = set()
    for seed in range(40):
        shown = stream._real(np.random.default_rng(seed))
        across = np.flatnonzero(shown.regions["mass"].any(0)).mean() / 256
        bright = np.flatnonzero((shown.square > 128).any((0, 2))).mean() / 256
        assert abs(across - bright) < 0.02
        answer = shown.samples[0].answer.lower()
        assert answer == ("left" if across < 0.5 else "right")
        sides.add(answer)
    assert sides == {"left", "right"} and 0 < MIRRORED < 1
