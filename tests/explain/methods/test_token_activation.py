"""Token activation map: equal to the sequential formulation, no NaN, right patch on a known model."""

import math

import numpy as np
import pytest
import torch

from tests.explain.cases import WORD, answer_of, case_of, painted
from tests.explain.methods.conftest import PLACES
from tests.tiny import picture
from workbench.explain import HeatMap, explain, gather_evidence
from workbench.explain.evidence import Likeness
from workbench.explain.methods.token_activation import rank_gaussian, token_activation, without_interference
from workbench.models.answer import Question

BRIGHT_WORD = 301


def sequential(likeness: Likeness) -> np.ndarray:
    """One token after another, one earlier token after another, in plain Python."""
    out = []
    for k, word in enumerate(likeness.ids):
        own = [max(0.0, float(v)) for v in likeness.image[k]]
        weights = {i: max(0.0, float(likeness.text[k, i])) for i in range(k) if likeness.ids[i] != word}
        total, mixed = sum(weights.values()), [0.0] * len(own)
        for i, weight in weights.items():
            for j in range(len(own)):
                if total > 0:
                    mixed[j] += weight / total * max(0.0, float(likeness.image[i, j]))
        power = sum(c * c for c in mixed)
        scale = sum(m * c for m, c in zip(own, mixed, strict=True)) / power if power > 0 else 0.0
        out.append([max(0.0, m - scale * c) for m, c in zip(own, mixed, strict=True)])
    return np.array(out)


def one_window(window: list[float]) -> float:
    ordered = sorted(window)
    mean = sum(ordered) / 9
    deviation = math.sqrt(sum((v - mean) ** 2 for v in ordered) / 9)
    if mean == 0 or deviation / mean < 1e-6:
        return ordered[4]
    sigma = deviation / mean
    weights = [math.exp(-((rank - 4) ** 2) / (2 * sigma**2)) for rank in range(9)]
    return sum(w * v for w, v in zip(weights, ordered, strict=True)) / sum(weights)


def test_all_tokens_at_once_equal_one_after_another(tiny):
    prompt = tiny.prepare(Question("Is there evidence of a nodule?"), picture(90, 60))
    likeness = gather_evidence(tiny, prompt, answer_of((7, 11, 7, 40))).likeness
    found = without_interference(likeness)
    assert found.max() > 0
    assert np.allclose(found, sequential(likeness), atol=1e-5)


def test_interference_by_hand():
    """Word 2 is activated by word 0 (weight 3) and word 1 (weight 1): C = ¾·(4, 0) + ¼·(0, 4) = (3, 1)."""
    image = np.array([[4, 0], [0, 4], [6, 4]], np.float32)
    text = np.array([[9, 9, 9], [0, 9, 9], [3, 1, 9]], np.float32)
    found = without_interference(Likeness(image, text, np.array([5, 6, 8])))
    scale = (6 * 3 + 4 * 1) / (3 * 3 + 1 * 1)
    assert found[2] == pytest.approx([max(0, 6 - 3 * scale), 4 - scale])
    assert found[0].tolist() == [4, 0]


def test_the_same_word_earlier_does_not_interfere():
    image, text = np.array([[4.0, 0], [4, 0]], np.float32), np.full((2, 2), 3, np.float32)
    same, other = (without_interference(Likeness(image, text, np.array(ids)))[1] for ids in ([5, 5], [5, 6]))
    assert same.tolist() == [4, 0]
    assert other.tolist() == [0, 0]


def test_the_filter_equals_a_loop_over_windows():
    maps = np.random.default_rng(3).random((2, 4, 5))
    found, padded = rank_gaussian(maps), np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    for token, row, column in np.ndindex(maps.shape):
        window = padded[token, row : row + 3, column : column + 3].ravel().tolist()
        assert found[token, row, column] == pytest.approx(one_window(window), abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 2.5, 1e-30])
def test_flat_windows_keep_their_value(value):
    """Peer bug 22: the published filter divides by the spread of the window and gives NaN on a flat one."""
    flat = np.full((1, 3, 4), value)
    with np.errstate(all="raise", under="ignore"):
        assert np.allclose(rank_gaussian(flat), value)
        tied = rank_gaussian(np.array([[[1.0, 1, 1], [1, 1, 1], [1, 1, 2]]]))
    assert np.isfinite(tied).all()


@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_patch_that_looks_like_the_word_lights_up(planted, width, height, box):
    """A word whose unembedding reads brightness itself is likest to the bright patch, wherever it is."""
    with torch.no_grad():
        planted.model.lm_head.weight[BRIGHT_WORD, 0] = 1.0
    try:
        case = case_of(planted, painted(width, height, box), (BRIGHT_WORD,))
        evidence = gather_evidence(planted, case.prompt, case.answer)
        raw = without_interference(evidence.likeness)[-1]
        found = explain(case, WORD, "token_activation", evidence=evidence)
    finally:
        with torch.no_grad():
            planted.model.lm_head.weight[BRIGHT_WORD, 0] = 0.0
    assert np.abs(evidence.boxes[raw.argmax()] - np.array(box)).max() <= 0.12 * max(width, height)
    assert isinstance(found, HeatMap)
    assert 0 <= found.image_share <= 1


def test_a_word_like_no_patch_has_an_empty_map_and_no_share(planted):
    prompt = planted.prepare(Question("left"), painted(48, 48, (16, 32, 24, 40)))
    maps = token_activation(gather_evidence(planted, prompt, answer_of((BRIGHT_WORD,))), {})
    assert maps.values.tolist() == [[0.0] * 36]
    assert maps.share.tolist() == [0]
