import numpy as np
import pytest

from tests.explain.test_patch_grid import raster
from workbench.explain import HeatMap, Refusal, agreement
from workbench.explain.agreements import energy_overlap, top_overlap


def heat(values, boxes=None) -> HeatMap:
    values = np.asarray(values, np.float32)
    boxes = raster(1, len(values)) if boxes is None else boxes
    return HeatMap(values, boxes, True, "x", 0.5)


def test_a_map_agrees_with_itself_whatever_its_scale():
    values = np.random.default_rng(0).random(40)
    (found,) = agreement({"a": heat(values), "b": heat(7 * values)})
    assert (found.first, found.second, found.patches) == ("a", "b", 40)
    assert found.rank == pytest.approx(1) and found.overlap == 1 and found.energy == pytest.approx(1)


def test_opposite_maps_disagree_by_hand():
    (found,) = agreement({"a": heat([0, 1, 2, 3]), "b": heat([3, 2, 1, 0])})
    assert found.rank == pytest.approx(-1) and found.overlap == 0
    assert found.energy == pytest.approx((0 + 1 + 1 + 0) / 6)


def test_top_overlap_and_energy_by_hand():
    a, b = np.array([9.0, 8, 7, 0, 0, 0]), np.array([0.0, 8, 9, 7, 0, 0])
    assert top_overlap(a, b, top=0.5) == pytest.approx(2 / 4)
    assert energy_overlap(np.array([1.0, 3, -5]), np.array([2.0, 2, 9])) == pytest.approx(2 / 13 + 2 / 13)
    assert energy_overlap(np.array([-1.0, 0]), np.array([1.0, 0])) is None


def test_two_random_maps_overlap_by_chance_only():
    """The docstring's figure: top tenths of random maps have an IoU of about 0.05."""
    draw = np.random.default_rng(1)
    found = np.mean([top_overlap(draw.random(200), draw.random(200)) for _ in range(300)])
    assert found == pytest.approx(0.1 / 1.9, abs=0.01)


def test_a_flat_map_has_no_order_to_agree_with():
    (found,) = agreement({"a": heat([1, 1, 1, 1]), "b": heat([0, 1, 2, 3])})
    assert found.rank is None and found.overlap is None
    assert found.energy == pytest.approx(0 + 1 / 6 + 1 / 4 + 1 / 4)


def test_maps_over_other_patches_are_read_on_the_coarser_ones():
    fine = heat([1, 3, 0, 0, 4, 6, 2, 2], raster(1, 8))
    coarse = heat([2, 0, 5, 2], raster(1, 4, step=20))
    tall = raster(1, 4, step=20)
    tall[:, 3] = 10
    coarse = heat(coarse.values, tall)
    (found,) = agreement({"fine": fine, "coarse": coarse})
    assert found.patches == 4
    assert found.rank == pytest.approx(1, abs=0.06) and found.energy == pytest.approx(1)


def test_padding_does_not_count_and_pairs_come_in_order():
    boxes = raster(1, 5)
    boxes[4] = [50, 0, 50, 0]
    a = heat([0, 1, 2, 3, 99], boxes)
    b = heat([0, 1, 2, 3, -99], boxes)
    found = agreement({"a": a, "b": b, "c": a})
    assert [(pair.first, pair.second) for pair in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found[0].patches == 4 and found[0].rank == pytest.approx(1)


def test_one_map_or_too_few_patches_are_refused():
    assert isinstance(agreement({"a": heat([1, 2, 3])}), Refusal)
    assert isinstance(agreement({"a": heat([1, 2]), "b": heat([1, 2])}), Refusal)
