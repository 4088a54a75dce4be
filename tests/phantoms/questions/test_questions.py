"""Every question's answer and every trace sentence follows from what was drawn."""

import numpy as np
import pytest

from workbench.phantoms import DRAWERS, draw_phantom
from workbench.phantoms.questions import ask, caption, place_of
from workbench.traces import parse_trace


def _all(kind, count=25):
    rng = np.random.default_rng(0)
    for seed in range(count):
        phantom = draw_phantom(seed, kind, 96)
        for sample in ask(rng, phantom):
            yield phantom, sample


@pytest.mark.parametrize("kind", DRAWERS)
def test_traces_hold_three_axes_and_parse_back(kind):
    for _, sample in _all(kind):
        assert [s.axis for s in sample.statements] == ["perception", "knowledge", "rationale"]
        trace = parse_trace(sample.reasoned(), sample.options)
        assert trace.status == "ok"
        assert trace.answer_text == sample.answer
        assert [step.axis for step in trace.steps] == ["perception", "knowledge", "rationale"], trace.steps
        assert trace.modality is not None


@pytest.mark.parametrize("kind", [kind for kind in DRAWERS if kind != "unknown"])
def test_the_answer_is_one_of_the_options_once(kind):
    for _, sample in _all(kind):
        assert sample.options.count(sample.answer) == 1
        assert len(set(sample.options)) == len(sample.options)


def test_presence_answers_are_true_and_balanced():
    answers = []
    for phantom, sample in _all("chest", 60):
        if sample.question_type == "presence":
            named = next(
                f
                for f in ("nodule", "consolidation", "pleural effusion", "cardiomegaly")
                if f in sample.question
            )
            assert (sample.answer == "yes") == (named == phantom.finding)
            answers.append(sample.answer)
    assert 0.25 < answers.count("yes") / len(answers) < 0.75


def test_normal_and_abnormal_questions_have_opposite_answers():
    for phantom, sample in _all("brain", 40):
        if sample.question_type == "abnormality":
            normal = phantom.finding == "none"
            assert (sample.answer == "yes") == (normal == (" normal?" in sample.question))


def test_positions_are_those_of_the_phantom():
    for phantom, sample in _all("fundus", 40):
        if sample.question_type == "position":
            assert sample.answer == place_of(phantom)
            assert sample.answer in sample.statements[0].sentence


def test_captions_name_the_kind():
    assert "2" not in caption(draw_phantom(1, "smear", 96))
    assert caption(draw_phantom(1, "smear", 96)).startswith("A blood smear with")
