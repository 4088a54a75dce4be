"""The answered case: what it reads from the answer, that it never changes, and what it can be asked."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from tests.cases.written import ASK, written
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain import HeatMap, Refusal, Span, explain
from workbench.explain.metrics.measure import measure
from workbench.explain.metrics.trust import trust


def test_a_case_reads_its_trace_once(case):
    assert [step.index for step in case.trace.steps] == [0, 1] and case.question == ASK
    assert case.final_answer == "left" and case.option_probabilities is None
    assert case.words is case.words
    again = AnsweredCase.of(case.model, case.prompt, case.image, case.answer)
    assert again.trace == case.trace and again != case  # two cases of the same answer stay two


def test_the_final_answer_is_what_the_parser_found(tiny):
    lettered = written(tiny, "<answer>yes</answer>")
    assert (lettered.final_answer, lettered.trace.answer_letter) == ("yes", "A")
    assert written(tiny, "<think>The image shows a spot.</think>").final_answer is None


@pytest.mark.parametrize("name", ["answer", "trace", "image", "model", "words"])
def test_a_case_cannot_be_changed(case, name):
    with pytest.raises(FrozenInstanceError):
        setattr(case, name, None)


def test_a_changed_copy_has_words_of_its_own(case, tiny):
    other = written(tiny, "<answer>right</answer>")
    changed = replace(case, answer=other.answer, trace=other.trace)
    assert len(case.words) == 11 and [word.text for word in changed.words] == ["right"]


def test_parts_are_found_by_their_names(case):
    assert case.span("step:1").key == "step:1" and case.span("word:10").label == "left"
    assert case.span("answer").tokens == case.span("word:10").tokens
    own = Span("all", "two", (0, 1))
    assert case.span(own) is own


@pytest.mark.parametrize("key", ["", "steps", "step:2", "word:11", "token:999", "step:-1"])
def test_parts_that_are_not_there_are_a_sentence(case, key):
    with pytest.raises(UserFacing) as fault:
        case.span(key)
    assert fault.value.message.endswith(".") and fault.value.hint


def test_explain_takes_the_name_of_a_part_and_settings_as_keywords(case):
    found = case.explain("attention_head", "step:0", layer=1, head=2)
    expected = explain(case, case.span("step:0"), "attention_head", {"layer": 1, "head": 2})
    assert np.array_equal(found.values, expected.values) and found.span.key == "step:0"
    assert case.explain("attention_mean").span.key == "answer"
    assert case.explain("logit_contrast", foil="yes").meta["params"]["foil"] >= 0
    assert isinstance(case.explain("attention_head", layer=99), Refusal)
    with pytest.raises(UserFacing, match="no method named 'magic'"):
        case.explain("magic")
    with pytest.raises(UserFacing, match="no step 7"):
        case.explain("attention_mean", "step:7")


def test_figures_and_trust_are_those_of_the_functions(case):
    heat = case.explain("attention_mean", "answer")
    assert isinstance(heat, HeatMap)
    found, expected = case.measure(heat, "road"), measure(case, heat, ["road"])
    assert [*found] == ["road"] and found["road"].value == pytest.approx(expected["road"].value, abs=1e-5)
    region = np.zeros((60, 90), bool)
    region[:30] = True
    assert 0 <= case.measure(heat, "energy", region=region)["energy"].value <= 1
    refused = Refusal("too dark")
    assert case.trust(refused).reason == trust(case, refused).reason


def test_interventions_go_by_name(case):
    with pytest.raises(UserFacing, match="no intervention named 'magic'"):
        case.intervene("magic")
