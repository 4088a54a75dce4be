"""Endoscopy, bar charts, pictures that are not medical, and the photographs that packages bring along."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from workbench.phantoms import photographs
from workbench.phantoms.chart import draw_chart
from workbench.phantoms.endoscopy import FINDINGS, draw_endoscopy
from workbench.phantoms.photographs import crop_photograph, package_photographs
from workbench.phantoms.questions import chart, endoscopy, unknown
from workbench.phantoms.questions.findings import place_of
from workbench.phantoms.questions.phrasing import families
from workbench.phantoms.unknown import draw_unknown
from workbench.traces import parse_trace

KINDS = {
    "endoscopy": (draw_endoscopy, endoscopy),
    "chart": (draw_chart, chart),
    "unknown": (draw_unknown, unknown),
}
SHADES = {"red": 0, "green": 1, "blue": 2}


def _asked(kind, count=40, size=96):
    draw, questions = KINDS[kind]
    for seed in range(count):
        rng = np.random.default_rng(seed)
        phantom = draw(rng, size)
        for sample in questions.samples(rng, phantom):
            yield phantom, sample


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_picture(kind):
    draw, _ = KINDS[kind]
    for seed in range(15):
        first, again = (draw(np.random.default_rng(seed), 96) for _ in range(2))
        assert np.array_equal(first.pixels, again.pixels)
        assert first.facts == again.facts
        assert first.pixels.shape == (96, 96, 3) and first.pixels.dtype == np.uint8


@pytest.mark.parametrize("finding", [f for f in FINDINGS if f != "none"])
def test_a_lesion_of_the_mucosa_lies_where_its_words_say_and_is_large_enough_to_see(finding):
    for seed in range(40):
        phantom = draw_endoscopy(np.random.default_rng(seed), 192, finding)
        (lesion,) = phantom.lesions
        y, x = np.argwhere(lesion.mask).mean(0)
        assert lesion.name == phantom.finding == finding
        assert (x < 96) == (phantom.facts["side"] == "left")
        assert (y < 96) == (phantom.facts["zone"] == "upper")
        x0, y0, x1, y1 = lesion.box
        assert min(x1 - x0, y1 - y0) >= 16
        assert lesion.mask.sum() >= 16 * 16


def test_lesions_have_their_colours():
    for seed in range(10):
        ulcer, blood = (draw_endoscopy(np.random.default_rng(seed), 192, f) for f in ("ulcer", "bleeding"))
        pale, dark = (p.pixels[p.lesions[0].mask].mean(0) for p in (ulcer, blood))
        assert pale[1] > 1.5 * dark[1] and pale[0] > dark[0]
        assert dark[0] > 2 * dark[1]


def test_a_healthy_mucosa_has_no_lesion_and_no_place():
    phantom = draw_endoscopy(np.random.default_rng(1), 96, "none")
    assert phantom.lesions == ()
    assert not {"side", "zone"} & set(phantom.facts)


def test_bars_have_the_heights_and_colours_that_their_facts_tell():
    for seed in range(30):
        phantom = draw_chart(np.random.default_rng(seed), 192)
        assert 2 <= len(phantom.anatomy) == phantom.facts["count"] <= 5
        pixels = {bar.name: int(bar.mask.any(axis=1).sum()) for bar in phantom.anatomy}
        told = sorted(pixels, key=lambda name: int(phantom.facts[name]))
        drawn = sorted(pixels, key=lambda name: pixels[name])
        assert told == drawn
        assert min(np.diff(sorted(pixels.values()))) >= 6, "the order is too fine to be seen"
        for bar in phantom.anatomy:
            shade = phantom.pixels[bar.mask].mean(0)
            name = bar.name.removesuffix(" bar")
            assert name not in SHADES or int(shade.argmax()) == SHADES[name]
            assert not any((bar.mask & other.mask).any() for other in phantom.anatomy if other is not bar)


def test_answers_about_bars_follow_from_the_masks():
    kinds = set()
    for phantom, sample in _asked("chart"):
        tall = {b.name.removesuffix(" bar"): int(b.mask.any(axis=1).sum()) for b in phantom.anatomy}
        ordered = sorted(tall, key=lambda name: tall[name])
        words = sample.question.rstrip("?").split()
        if sample.question_type == "count":
            assert sample.answer == str(len(tall))
        elif sample.question_type == "comparison":
            first, second = (word for word in words if word in tall)
            assert (sample.answer == "yes") == (tall[first] > tall[second])
        else:
            assert sample.answer == (ordered[-1] if "tallest" in words else ordered[0])
        kinds.add((sample.question_type, "tallest" in words))
    assert kinds == {("count", False), ("comparison", False), ("size", True), ("size", False)}


def test_comparisons_of_bars_are_balanced():
    answers = [s.answer for _, s in _asked("chart", 200) if s.question_type == "comparison"]
    assert 0.4 < answers.count("yes") / len(answers) < 0.6


def test_endoscopy_presence_is_true_and_balanced():
    answers = []
    for phantom, sample in _asked("endoscopy", 200):
        if sample.question_type == "presence":
            named = next(f for f in FINDINGS if f in sample.question)
            assert (sample.answer == "yes") == (named == phantom.finding)
            answers.append(sample.answer)
        elif sample.question_type == "position":
            assert sample.answer == place_of(phantom)
    assert 0.35 < answers.count("yes") / len(answers) < 0.65


@pytest.mark.parametrize("kind", KINDS)
def test_traces_hold_three_axes_and_parse_back(kind):
    for _, sample in _asked(kind):
        trace = parse_trace(sample.reasoned(), sample.options)
        assert trace.status == "ok"
        assert trace.answer_text == sample.answer
        assert [step.axis for step in trace.steps] == ["perception", "knowledge", "rationale"], trace.steps
        expected = {"endoscopy": "ENDOSCOPY", "chart": "GRAPHICS", "unknown": "OTHER"}[kind]
        assert expected in sample.reasoned()


@pytest.mark.parametrize("kind", ["endoscopy", "chart"])
def test_the_answer_is_one_of_the_options_once(kind):
    for _, sample in _asked(kind):
        assert sample.options.count(sample.answer) == 1
        assert len(set(sample.options)) == len(sample.options)


def test_whatever_is_asked_of_an_unknown_picture_the_answer_is_the_same_and_not_offered():
    questions = set()
    for phantom, sample in _asked("unknown", 60):
        assert (sample.answer, sample.options, sample.evidence) == ("not an image I know", (), ())
        assert phantom.finding == "none" and phantom.lesions == phantom.anatomy == ()
        questions.add(sample.question)
    assert len(questions) >= 20


def test_no_question_of_an_unknown_picture_is_a_held_out_phrasing():
    held_out = {template for family in families() for template in family.test}
    assert not held_out & {sample.question for _, sample in _asked("unknown", 60)}


def test_unknown_pictures_differ_and_some_are_grey():
    drawn = [draw_unknown(np.random.default_rng(seed), 96) for seed in range(60)]
    busy = [p for p in drawn if p.facts["scene"] != "plain"]
    assert len(busy) < 60 and len({p.facts["scene"] for p in drawn}) >= 6
    assert not any(np.array_equal(a.pixels, b.pixels) for a, b in combinations(busy, 2))
    spread = [float(np.ptp(p.pixels.reshape(-1, 3).mean(0))) for p in busy]
    grey, coloured = sum(s < 14 for s in spread), sum(s > 30 for s in spread)
    assert grey >= 8 and coloured >= 15, (grey, coloured)


def test_packages_bring_photographs_that_can_be_cropped():
    """Gradio is a requirement, so there is always at least one."""
    paths = (*package_photographs("train"), *package_photographs("test"))
    assert "cheetah.jpg" in {path.name for path in paths}
    assert len(set(paths)) == len(paths) and all(path.is_file() for path in paths)
    for path in paths:
        first, again = (crop_photograph(np.random.default_rng(3), path, 64) for _ in range(2))
        assert first.shape == (64, 64, 3) and first.dtype == np.uint8
        assert np.array_equal(first, again)


def test_packages_that_are_missing_bring_no_photograph(monkeypatch):
    monkeypatch.setattr(photographs, "KNOWN", {("no_such_package_here", "images"): ("a.png",)})
    assert package_photographs("train") == package_photographs("test") == []


def test_a_transparent_picture_is_laid_on_one_colour_and_cropped_inside(tmp_path):
    path = tmp_path / "clear.png"
    Image.new("RGBA", (40, 30), (255, 255, 255, 0)).save(path)
    grounds = {
        tuple(crop_photograph(np.random.default_rng(s), path, 16).mean((0, 1)).round()) for s in range(6)
    }
    assert len(grounds) == 6
    with pytest.raises(OSError):
        crop_photograph(np.random.default_rng(0), tmp_path / "missing.png", 16)


def test_held_out_photographs_are_no_training_ones():
    train, test = (set(package_photographs(split)) for split in ("train", "test"))
    assert train and test and not train & test
