"""Abdomen, ultrasound and histology: the annotation and every sentence follow from what was drawn."""

from functools import cache

import cv2
import numpy as np
import pytest

from workbench.phantoms.abdomen import draw_abdomen
from workbench.phantoms.histology import draw_histology
from workbench.phantoms.questions import abdomen, histology, ultrasound
from workbench.phantoms.questions.findings import place_of
from workbench.phantoms.ultrasound import draw_ultrasound
from workbench.traces import parse_trace

KINDS = {
    "abdomen": (draw_abdomen, abdomen),
    "ultrasound": (draw_ultrasound, ultrasound),
    "histology": (draw_histology, histology),
}
LESIONS = [
    (kind, finding)
    for kind, (_, questions) in KINDS.items()
    for finding in questions.TABLE.findings
    if finding != "none"
]


@cache
def _draw(kind, seed, finding=None, size=160):
    return KINDS[kind][0](np.random.default_rng(seed), size, finding)


def _asked(kind, count=40, size=96):
    for seed in range(count):
        phantom = _draw(kind, seed, size=size)
        for sample in KINDS[kind][1].samples(np.random.default_rng(seed + 1000), phantom):
            yield phantom, sample


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_picture(kind):
    pictures = [KINDS[kind][0](np.random.default_rng(seed), 96) for seed in (5, 5, 6)]
    assert np.array_equal(pictures[0].pixels, pictures[1].pixels)
    assert pictures[0].facts == pictures[1].facts
    assert not np.array_equal(pictures[0].pixels, pictures[2].pixels)


@pytest.mark.parametrize(("kind", "finding"), LESIONS)
def test_side_and_zone_are_those_of_the_mask(kind, finding):
    for seed in range(30):
        phantom = _draw(kind, seed, finding)
        (lesion,) = phantom.lesions
        y, x = np.argwhere(lesion.mask).mean(0)
        assert lesion.name == phantom.finding == finding
        assert (x < 80) == (phantom.facts["side"] == "left"), seed
        assert (y < 80) == (phantom.facts["zone"] == "upper"), seed


@pytest.mark.parametrize(("kind", "finding"), LESIONS)
def test_lesions_are_large_enough_for_a_patch(kind, finding):
    for seed in range(15):
        (lesion,) = _draw(kind, seed, finding, size=192).lesions
        x0, y0, x1, y1 = lesion.box
        assert min(x1 - x0, y1 - y0) >= 6
        assert lesion.mask.sum() >= (28 if finding == "kidney stone" else 16 * 16 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_picture_has_no_lesion_and_no_place(kind):
    for seed in range(5):
        phantom = _draw(kind, seed, "none")
        assert phantom.lesions == ()
        assert not {"side", "zone"} & set(phantom.facts)


def test_the_abdomen_names_three_organs_on_their_sides():
    for seed in range(30):
        organs = {region.name: region.mask for region in _draw("abdomen", seed).anatomy}
        assert set(organs) == {"liver", "spleen", "kidney"}
        assert np.nonzero(organs["liver"])[1].mean() < 80 < np.nonzero(organs["spleen"])[1].min()
        assert organs["kidney"][:, :80].any() and organs["kidney"][:, 80:].any()
        assert organs["liver"].sum() > 2 * organs["spleen"].sum()


def test_a_liver_mass_lies_in_the_liver():
    for seed in range(30):
        phantom = _draw("abdomen", seed, "liver mass")
        assert not (phantom.lesions[0].mask & ~phantom.anatomy[0].mask).any()


def test_both_stains_are_drawn_on_their_grounds():
    light = {"haematoxylin": [], "fluorescence": []}
    for seed in range(40):
        phantom = _draw("histology", seed, "none", size=96)
        light[phantom.facts["stain"]].append(np.median(phantom.pixels))
    assert min(light["haematoxylin"]) > 120 > 40 > max(light["fluorescence"])
    assert len(light["fluorescence"]) >= 6


@pytest.mark.parametrize("kind", KINDS)
def test_traces_parse_back_and_hold_the_answer_once(kind):
    for _, sample in _asked(kind):
        trace = parse_trace(sample.reasoned(), sample.options)
        assert trace.status == "ok"
        assert trace.answer_text == sample.answer
        assert trace.modality is not None
        assert [step.axis for step in trace.steps] == ["perception", "knowledge", "rationale"]
        assert sample.options.count(sample.answer) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_presence_answers_are_true_and_balanced(kind):
    names = [finding for of, finding in LESIONS if of == kind]
    answers = []
    for phantom, sample in _asked(kind, 100):
        if sample.question_type == "presence":
            (named,) = (name for name in names if sample.question.endswith(f" {name}?"))
            assert (sample.answer == "yes") == (named == phantom.finding)
            answers.append(sample.answer)
    assert len(answers) == 100
    assert 0.3 < answers.count("yes") / len(answers) < 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_perception_tells_of_the_drawn_finding_and_its_place(kind):
    table = KINDS[kind][1].TABLE
    placed = 0
    for phantom, sample in _asked(kind):
        if sample.statements[0].topic in ("liver", "spleen"):
            continue  # the side of an organ, tested with the organs
        said = sample.statements[0].sentence
        where = {"place": place_of(phantom)} if phantom.finding != "none" else {}
        assert said == f"The image shows {table.findings[phantom.finding].seen.format(**where)}."
        sides = [word for word in said.split() if word in ("left", "right")]
        assert sides == ([phantom.facts["side"]] if where else [])
        if sample.question_type == "position":
            assert sample.answer == where["place"] in said
            placed += 1
    assert placed > 5


def test_the_side_of_an_organ_is_where_it_was_drawn():
    asked = set()
    for phantom, sample in _asked("abdomen"):
        organs = {region.name: region.mask for region in phantom.anatomy}
        organ = sample.statements[0].topic
        if organ in organs:
            assert (np.nonzero(organs[organ])[1].mean() < 48) == (sample.answer == "left")
            asked.add(organ)
    assert asked == {"liver", "spleen"}


def _near(mask, reach):
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)


def _changed(kind, seed, finding):
    """What the lesion does to the picture (signed, mean of the colours) and its mask."""
    with_it, without = _draw(kind, seed, finding), _draw(kind, seed, "none")
    return (with_it.pixels.astype(float) - without.pixels).mean(2), with_it.lesions[0].mask


@pytest.mark.parametrize(("kind", "finding"), [row for row in LESIONS if row[0] != "ultrasound"])
def test_only_the_lesion_differs_from_the_healthy_picture(kind, finding):
    for seed in range(12):
        change, mask = _changed(kind, seed, finding)
        assert not change[~_near(mask, 10)].any(), seed
        assert np.abs(change[mask]).mean() > 3, seed


@pytest.mark.parametrize(("finding", "sign"), [("cyst", 1), ("stone", -1)])
def test_behind_a_cyst_it_is_brighter_and_behind_a_stone_darker(finding, sign):
    for seed in range(20):
        change, mask = _changed("ultrasound", seed, finding)
        rows, columns = np.nonzero(mask)
        behind = change * ~_near(mask, 10)
        assert not behind[: rows.min()].any(), seed
        assert sign * behind[behind != 0].mean() > 8, seed
        assert sign * change[mask].mean() < -30, seed
        strip = np.count_nonzero(behind, axis=1)
        assert strip.max() < 6 * np.ptp(columns) + 30, seed


def test_a_mass_is_dark_and_a_kidney_stone_bright():
    for seed in range(12):
        for finding, sign in (("liver mass", -1), ("kidney stone", 1)):
            change, mask = _changed("abdomen", seed, finding)
            assert sign * change[mask].mean() > 15, (seed, finding)


def test_a_kidney_stone_lies_in_a_kidney_and_fluid_outside_the_organs():
    for seed in range(30):
        stone, fluid = (_draw("abdomen", seed, finding) for finding in ("kidney stone", "free fluid"))
        assert not (stone.lesions[0].mask & ~stone.anatomy[2].mask).any()
        assert not any((fluid.lesions[0].mask & organ.mask).any() for organ in fluid.anatomy)


def test_no_pixel_belongs_to_two_organs():
    for seed in range(20):
        organs = [region.mask.astype(int) for region in _draw("abdomen", seed).anatomy]
        assert sum(organs).max() == 1


@pytest.mark.parametrize(("kind", "finding"), LESIONS)
def test_lesions_keep_away_from_the_line_between_the_zones(kind, finding):
    for seed in range(30):
        y, x = np.argwhere(_draw(kind, seed, finding).lesions[0].mask).mean(0)
        assert min(abs(x - 80), abs(y - 80)) > 0.02 * 160, seed


def test_necrosis_holds_no_nuclei_and_crowding_more_than_elsewhere():
    for seed in range(12):
        for finding, sign in (("necrosis", 1), ("crowded nuclei", -1)):
            phantom = _draw("histology", seed, finding)
            mask = phantom.lesions[0].mask
            core = ~_near(~mask, 4)
            ink = phantom.pixels.mean(2) * (-1 if phantom.facts["stain"] == "fluorescence" else 1)
            assert sign * (ink[core].mean() - ink[~_near(mask, 4)].mean()) > 1, (seed, finding)
