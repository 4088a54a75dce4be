"""The grounding term of the reward and how it is mixed in (rules: bench/scores/test_composite.py)."""

import numpy as np
import pytest

from workbench.bench.scores.composite import composite_reward
from workbench.training.rl.reward import attention_shares, grounding_reward, with_grounding

GOOD = "<CT_SCAN><thinking>A dark liver.</thinking><answer>fatty liver</answer>"


def test_grounding_is_attention_beyond_chance() -> None:
    assert grounding_reward(0.5, 0.2) == pytest.approx(0.375)  # 0.3 / 0.8
    assert grounding_reward(0.2, 0.2) == 0
    assert grounding_reward(0.1, 0.2) == 0
    assert grounding_reward(1.0, 0.2) == 1
    assert grounding_reward(0.0, 0.0) == 0
    assert grounding_reward(1.0, 1.0) == 0
    with pytest.raises(ValueError, match="share"):
        grounding_reward(1.2, 0.2)


def test_attention_inside_boxes_counts_partly_covered_patches_by_their_area() -> None:
    # Four patches of 10 × 10 in a picture of 20 × 20, and padding; the boxes' union is 5 × 20 at the left.
    patches = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [0, 10, 10, 20], [10, 10, 20, 20], [0, 0, 0, 0]])
    attention = np.array([0.3, 0.1, 0.1, 0.1, 0.2])
    boxes = ((0.0, 0.0, 5.0, 15.0), (0.0, 5.0, 5.0, 20.0))
    inside, area = attention_shares(attention, patches, boxes, (20, 20))
    assert inside == pytest.approx((0.3 / 2 + 0.1 / 2) / 0.8)  # 0.25
    assert area == pytest.approx(0.25)
    assert attention_shares(np.zeros(5), patches, boxes, (20, 20)) == (0.0, pytest.approx(0.25))


def test_grounding_is_mixed_in_by_its_weight() -> None:
    plain = composite_reward(GOOD, "", "fatty liver", "<MRI_SCAN>")
    assert plain.grounding is None
    mixed = with_grounding(plain, 0.5, 0.2)
    assert mixed.total == pytest.approx(0.8 * 0.955 + 0.1)
    assert (mixed.grounding, mixed.llm) == (0.5, 1)
