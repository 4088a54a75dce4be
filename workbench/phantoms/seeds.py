"""Which random seeds training may draw, and which are kept for evaluation.

A seed decides a drawing up to one grey level: processors round the last bit of a float differently, so a few
pixels in a hundred thousand may differ by one. The pictures of the bundled benchmark are shipped as files
(`assets/bench/phantoms/`), so its results compare answer by answer on every machine. What is drawn when it
is needed (training, `bench grounding`, `train evaluate`) compares across machines as samples do, by its
interval.
"""

import numpy as np

HELD_OUT_SEED = 900_000_000  # training draws seeds below this, evaluation above
ROUNDED_SHARE = 0.01  # of the values; seen: one pixel in fifty thousand


def same_drawing(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two pictures (uint8, any shape) can be the same seed's, drawn on two processors."""
    if one.shape != other.shape:
        return False
    difference = np.abs(one.astype(np.int16) - other)
    return int(difference.max(initial=0)) <= 1 and float((difference > 0).mean()) <= ROUNDED_SHARE
