"""Localisation heads: the elbow is a value, entropy counts spots, the planted head wins."""

from dataclasses import replace

import numpy as np
import pytest

from tests.explain.cases import WORD, answer_of, case_of
from tests.explain.methods.conftest import attribution_of
from tests.explain.test_patch_grid import raster
from tests.tiny import picture
from workbench.explain import Refusal, Span, explain, gather_evidence, head_grid, rank_heads
from workbench.explain.methods.localisation_heads import (
    LOCALISATION_HEADS,
    elbow,
    row_choice,
    spatial_entropy,
)
from workbench.explain.patch_grid import patch_grids
from workbench.models.answer import Question

BOXES = raster(4, 4)
GRIDS = patch_grids(BOXES)


def spot(*patches: int, weight: float = 1.0) -> np.ndarray:
    values = np.zeros(16)
    values[list(patches)] = weight
    return values


def test_the_elbow_is_where_the_sorted_curve_turns_up():
    assert elbow(np.array([0.9, 0.02, 0.01, 0.03, 0.8, 0.04])) == pytest.approx(0.04)
    assert elbow(np.array([0.3])) == 0.3
    assert elbow(np.full(4, 0.2)) == pytest.approx(0.2)


def test_heads_are_kept_by_their_attention_and_not_by_their_number():
    """Peer bug 10: the first head of the first layer reads the image most; an index filter would drop it."""
    share = np.array([[0.9, 0.01, 0.02], [0.01, 0.03, 0.02]])
    attention = np.stack([[spot(5) * s for s in row] for row in share])
    assert row_choice(attention, share, GRIDS)[0] == 0
    late = share[::-1, ::-1]
    assert row_choice(attention[::-1, ::-1], late, GRIDS)[0] == 5


def test_spatial_entropy_counts_spots_by_their_mass():
    assert spatial_entropy(spot(5, 6, 9), GRIDS) == pytest.approx(0)
    assert spatial_entropy(spot(0, 15), GRIDS) == pytest.approx(np.log(2))
    assert spatial_entropy(spot(0, 5), GRIDS) == pytest.approx(0)  # patches that touch at a corner are one
    uneven = spot(0, weight=3.0) + spot(15)
    assert spatial_entropy(uneven, GRIDS) == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert np.isnan(spatial_entropy(np.zeros(16), GRIDS))
    assert np.isnan(spatial_entropy(np.full(16, 0.5), GRIDS))


def test_spots_of_two_tiles_are_two_even_when_their_numbers_touch():
    grids = patch_grids(np.concatenate([raster(2, 2), raster(2, 2, x=20)]))
    values = np.array([0, 0, 0, 1.0, 1.0, 0, 0, 0])
    assert spatial_entropy(values, grids) == pytest.approx(np.log(2))


@pytest.fixture
def evidence(tiny):
    """Two layers of three heads over 4 × 4 patches; (0, 2) reads one spot, (1, 0) two, others little."""
    found = gather_evidence(tiny, tiny.prepare(Question("left"), picture(48, 48)), answer_of((7, 11)))
    share = np.array([[0.01, 0.02, 0.6], [0.7, 0.01, 0.03]])
    maps = [[spot(1), spot(2), spot(5, 6) / 2], [spot(0, 15) / 2, spot(9), spot(8)]]
    attention = np.array(maps) * share[..., None]
    return replace(
        found,
        attention=np.repeat(attention[:, :, None], 2, axis=2).astype(np.float32),
        attention_share=np.repeat(share[..., None], 2, axis=2).astype(np.float32),
        boxes=BOXES,
    )


def test_a_head_on_one_spot_ranks_before_one_on_two(evidence):
    best = row_choice(evidence.attention[:, :, 0], evidence.attention_share[:, :, 0], GRIDS)
    assert best.tolist()[0] in (2, 5) and best.tolist().index(2) < best.tolist().index(3)
    ranked = rank_heads(evidence)
    assert {(head.layer, head.head) for head in ranked} >= {(0, 2), (1, 0)}
    assert all(head.votes == 1.0 for head in ranked)
    assert ranked[0].share >= ranked[-1].share


def test_the_map_is_the_mean_of_the_chosen_heads(tiny, evidence):
    asked = replace(attribution_of(tiny, picture(48, 48), (7, 11), (0, 1)), kept=evidence)
    found = LOCALISATION_HEADS.compute(asked, {"count": 1})
    assert found.note == "layer.head: 1.0"
    assert found.values[0] == pytest.approx(0.7 * spot(0, 15) / 2, abs=1e-6)
    assert found.image_share == pytest.approx([0.7])
    two = LOCALISATION_HEADS.compute(asked, {"count": 2})
    assert two.values.sum() == pytest.approx((0.7 + 0.6) / 2, abs=1e-6)


@pytest.mark.parametrize("count", [0, 11])
def test_a_number_of_heads_out_of_range_is_refused(tiny, count):
    case = case_of(tiny, picture(48, 48), (7, 11))
    found = explain(case, WORD, "attention_localisation_heads", {"count": count})
    assert isinstance(found, Refusal) and "1 to 10" in found.hint


def test_the_head_grid_holds_every_heads_map_of_the_span(evidence):
    grid = head_grid(evidence, Span("all", "both", (0, 1)))
    assert grid.values.shape == (2, 3, 16) and grid.share.shape == grid.entropy.shape == (2, 3)
    assert np.allclose(grid.values[1, 0], evidence.attention[1, 0, 0])
    assert grid.entropy[0, 2] == pytest.approx(0) and grid.entropy[1, 0] == pytest.approx(np.log(2))
    assert grid.share[0, 2] == pytest.approx(0.6)
