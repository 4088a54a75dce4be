"""The curves over an invented score whose best order is known; no model takes part."""

import numpy as np
import pytest

from workbench.explain.metrics import FAITHFULNESS, Curves, Perturbation, perturb
from workbench.explain.metrics.fills import fill_picture
from workbench.explain.metrics.perturbation import map_order, step_counts
from workbench.explain.metrics.small_fractions import SmallFractions, small_fractions

WIDTH, HEIGHT = 24, 8  # 6 x 2 patches of 4 x 4 pixels
BOXES = np.array([[x, y, x + 4, y + 4] for y in (0, 4) for x in range(0, 24, 4)], np.float32)
WORTH = np.array([0, 0, 1, 0, 8, 0, 0, 2, 0, 0, 4, 0], np.float64)


NONE = SmallFractions(np.array([0.1]), np.zeros(1), np.zeros(1), 0.0, np.zeros(1))


def _picture() -> np.ndarray:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[::2, ::2] = 255
    return picture


def additive(pictures) -> np.ndarray:
    """Each patch that is still as it was adds its worth; −16 with none of them."""
    whole = _picture()
    out = []
    for picture in pictures:
        same = [(picture[y0:y1, x0:x1] == whole[y0:y1, x0:x1]).all() for x0, y0, x1, y1 in BOXES.astype(int)]
        out.append(-16 + (WORTH * same).sum())
    return np.array(out)


def _perturb(values, **options):
    return perturb(additive, _picture(), np.asarray(values, np.float32), BOXES, **options)


def _small(score, order, **options):
    picture = _picture()
    fill, full = fill_picture(picture, "mean"), float(score([picture])[0])
    return small_fractions(score, picture, fill, BOXES, np.asarray(order), full=full, **options)


def test_the_right_order_wins_the_inverse_loses_and_random_lies_at_nothing():
    right = _perturb(WORTH)
    generator = np.random.default_rng(5)
    shuffled = [_perturb(generator.random(12)).gap for _ in range(30)]
    assert right.gap > max(shuffled)
    assert right.gap > 2 * right.random_sd
    inverse = _perturb(-WORTH)
    assert inverse.gap < min(shuffled)
    assert abs(np.mean(shuffled)) < 0.15 * right.gap
    assert np.mean([abs(gap) > 2 * right.random_sd for gap in shuffled]) <= 0.1
    assert right.deletion_gap > 0 and right.insertion_gap > 0
    assert right.gap == pytest.approx((right.deletion_gap + right.insertion_gap) / 2)


def test_the_curves_by_hand():
    found = _perturb(WORTH, steps=4, fill="mean")  # three patches a step: 8 + 4 + 2, then 1 and zeros
    assert found.of_map.fractions.tolist() == [0, 0.25, 0.5, 0.75, 1]
    first, then = -1 - 14, -1 - 15
    assert found.of_map.deletion.tolist() == [-1, first, then, then, then]
    assert found.of_map.insertion.tolist() == [-16, -2, -1, -1, -1]
    assert found.of_map.deletion_auc == pytest.approx((-1 / 2 - 15 - 16 - 16 - 16 / 2) / 4)
    assert found.of_map.insertion_auc == pytest.approx((-16 / 2 - 2 - 1 - 1 - 1 / 2) / 4)
    assert (found.full, found.blank, found.drop) == (-1, -16, 15)
    # 1, 2, 5 and 10 % of twelve are one patch, 20 % two: losses 8 and 12; kept alone 7 and 3
    assert found.small.fractions.tolist() == [1 / 12, 2 / 12]
    assert found.comprehensiveness == 10
    assert found.sufficiency == 5


def test_the_inverse_order_costs_nothing_and_mirrors_the_map():
    calls = []

    def counted(pictures):
        calls.append(len(pictures))
        return additive(pictures)

    found = perturb(counted, _picture(), WORTH.astype(np.float32), BOXES, steps=6)
    assert sum(calls) == found.pictures
    # both ends, 5 inner steps, two ways, of the map, the centre and 5 random orders; then 2 small fractions
    assert found.pictures <= 2 + 2 * 5 * 7 + 2 * (2 + 19)
    assert found.inverse.insertion.tolist() == found.of_map.deletion[::-1].tolist()
    assert found.inverse.advantage == pytest.approx(-found.of_map.advantage)


def test_the_centre_control_goes_from_the_middle_out():
    centre = np.array([5, 3, 1, 1, 3, 5] * 2)  # steps away from the middle, the rows are equally far
    order = _perturb(-centre, random_orders=2)
    assert order.centre.deletion[2] in (-1 - 1, -1 - 3)  # three of the four middle patches are gone
    assert order.centre.deletion[0] == -1 and order.centre.deletion[-1] == -16


def test_the_gap_keeps_its_sign_when_the_picture_speaks_against_the_words():
    found = perturb(lambda pictures: -17 - additive(pictures), _picture(), WORTH.astype(np.float32), BOXES)
    assert found.drop < 0
    assert found.gap < 0  # the map ranks first what lowers the score
    assert found.gap == pytest.approx(-_perturb(WORTH).gap)


def test_one_decisive_patch_is_causal_though_its_gap_stays_below_two_spreads():
    """Random orders put that patch anywhere, evenly over ± half the effect: a rank can judge that."""

    def one_patch(pictures):
        return np.array([float((p[4:8, 8:12] == _picture()[4:8, 8:12]).all()) for p in pictures])

    worth = np.eye(12, dtype=np.float32)[8]
    found = perturb(one_patch, _picture(), worth, BOXES, steps=12, random_orders=400)
    assert found.gap == pytest.approx(0.5 - 1 / 24)  # all but half of the first of twelve steps
    assert found.random_sd == pytest.approx(0.5 / np.sqrt(3), rel=0.06)
    assert found.gap < 2 * found.random_sd
    assert found.comprehensiveness == 1
    drawn = [_small(one_patch, np.roll(np.arange(12), 4), seed=seed).reached for seed in range(200)]
    # an order that removes the patch first is tied by any of 19 others that do too: 1 − (11/12)¹⁹
    assert np.mean(drawn) == pytest.approx(1 - (11 / 12) ** 19, abs=0.08)


def test_ties_fall_in_random_order():
    orders = {tuple(map_order(np.zeros(6), np.random.default_rng(seed))) for seed in range(20)}
    assert len(orders) > 10
    assert map_order(np.array([1, 3, -2, 2]), np.random.default_rng(0)).tolist() == [1, 3, 0, 2]


def test_the_gaps_by_hand_with_random_orders_walked_both_ways():
    def curves(deletion, insertion):
        return Curves(np.array([0, 0.5, 1]), np.array([0, deletion, -4.0]), np.array([-4.0, insertion, 0]))

    # AUCs: (middle − 2) / 2. Map −2.5 and −1; first random −2 and −1.5, second −1.5 and −2.5
    of_map, one, two = curves(-3.0, 0.0), curves(-2.0, -1.0), curves(-1.0, -3.0)
    found = Perturbation(of_map, of_map, of_map, (one, two), NONE, 0.0, -4.0, "blur", 0)
    assert found.random_auc == pytest.approx(-7.5 / 4)
    assert found.deletion_gap == pytest.approx(2.5 - 7.5 / 4)
    assert found.insertion_gap == pytest.approx(7.5 / 4 - 1)
    assert found.gap == pytest.approx(0.75)
    assert found.random_sd == pytest.approx(np.sqrt((0.25**2 + 0.5**2) / 2))


def test_the_same_seed_gives_the_same_controls():
    first, second, other = _perturb(WORTH), _perturb(-WORTH), _perturb(WORTH, seed=1)
    assert first.random_sd == second.random_sd != other.random_sd
    assert len(first.random) == 5


def test_steps_are_as_equal_as_can_be_and_never_empty():
    assert step_counts(12, 8).tolist() == [0, 2, 3, 5, 6, 7, 9, 10, 12]
    assert step_counts(5, 4).tolist() == [0, 1, 2, 3, 4, 5]
    assert step_counts(576, 8).tolist() == list(range(0, 577, 72))
    assert step_counts(3, 8).tolist() == [0, 1, 2, 3]
    assert step_counts(12, 1).tolist() == [0, 12]


def test_padding_is_never_removed_and_overlap_is_allowed():
    boxes = np.concatenate([BOXES, [[24, 0, 24, 8], [0, 0, 12, 8]]]).astype(np.float32)
    values = np.concatenate([WORTH, [99, 0]]).astype(np.float32)
    found = perturb(additive, _picture(), values, boxes, steps=13)
    assert found.of_map.deletion[1] == -1 - 8  # the best patch of the picture, not the padding
    assert found.of_map.fractions[1] == pytest.approx(1 / 13)


def test_a_score_of_nothing_gives_no_gap():
    found = perturb(lambda pictures: np.zeros(len(pictures)), _picture(), WORTH.astype(np.float32), BOXES)
    assert (found.gap, found.random_sd, found.drop) == (0, 0, 0)


@pytest.mark.parametrize("options", [{"steps": 0}, {"random_orders": 1}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ValueError, match="want at least"):
        _perturb(WORTH, **options)


def test_one_patch_and_wrong_scores_are_refused():
    with pytest.raises(ValueError, match="two patches"):
        perturb(additive, _picture(), np.ones(1, np.float32), BOXES[:1])
    with pytest.raises(ValueError, match="numbers for"):
        perturb(lambda pictures: np.zeros(3), _picture(), WORTH.astype(np.float32), BOXES, steps=1)


def test_directions_are_declared():
    down = {metric.name for metric in FAITHFULNESS if metric.direction == "lower"}
    assert down == {"deletion_auc", "sufficiency", "chance", "random_sd"}
    assert Curves(np.array([0, 1.0]), np.array([0, -2.0]), np.array([-2.0, 0])).advantage == 0


def test_the_rank_of_the_right_order_by_hand():
    right = _small(additive, np.argsort(-WORTH))
    assert right.comprehensiveness == 10
    assert len(right.controls) == 19 and not right.reached
    assert right.chance == 1 / 20
    wrong = _small(additive, np.argsort(WORTH))  # two patches worth nothing: nearly any order does as well
    assert wrong.comprehensiveness == 0
    assert (len(wrong.controls), wrong.reached, wrong.chance) == (1, True, 1.0)


def test_a_random_order_passes_as_rarely_as_the_rule_says():
    generator = np.random.default_rng(11)
    chances = [_small(additive, generator.permutation(12), seed=trial).chance for trial in range(300)]
    assert np.mean([chance <= 0.05 for chance in chances]) <= 0.08  # at most 0.05; SD of 300 trials 0.0126
    assert np.mean([chance <= 0.5 for chance in chances]) == pytest.approx(0.5, abs=0.09)


def test_random_orders_do_not_depend_on_the_map():
    asked = []

    def heard(pictures):
        asked.append([picture.tobytes() for picture in pictures])
        return np.zeros(len(pictures))

    _small(heard, np.arange(12), orders=3)
    _small(heard, np.arange(12)[::-1], orders=3)
    assert asked[2:3] == asked[5:6]
    with pytest.raises(ValueError, match="random order"):
        _small(heard, np.arange(12), orders=0)
    with pytest.raises(ValueError, match="fractions"):
        _small(heard, np.arange(12), fractions=(0.0, 0.5))
