"""Anchoring: an answer that begins with reasoning that is not the model's own."""

import pytest

from tests.explain.interventions.cases import TRACE, case_of
from tests.models.families import tiny_configs
from tests.tiny import load_tiny, picture, planted_text_model, save_tiny
from workbench.errors import UserFacing
from workbench.explain import interventions
from workbench.explain.interventions import Finding, verdicts
from workbench.explain.interventions.anchor import LONGEST_PREFIX, prefix_ids

PREFIX = "The zone is small. Therefore it is no."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_tiny(tiny_configs.save_text(tmp_path_factory.mktemp("qwen3"), "qwen3"))


def test_the_answer_begins_with_the_prefix_inside_the_models_own_tag(model):
    case = case_of(model, None, TRACE)
    found = case.intervene("anchor", prefix=PREFIX)
    assert found.regenerated.answer.text.startswith("<think>" + PREFIX)
    assert found.regenerated.forced == len(found.forced)
    assert len(found.regenerated.answer.ids) > len(found.forced)
    between = "</think><answer>"
    head = (*found.forced, *model.tokenizer(between, add_special_tokens=False)["input_ids"])
    yes = model.tokenizer("yes", add_special_tokens=False)["input_ids"]
    expected = model.teacher_force(case.prompt, (*head, *yes)).logprobs[len(head) :].sum()
    assert found.after == pytest.approx(float(expected), abs=1e-4)
    assert found.delta == pytest.approx(found.after - found.original)


def test_an_answer_in_words_is_scored_after_its_own_lead(model):
    case = case_of(model, None, "The zone is upper. The answer is B.", ("yes", "no"))
    forced = prefix_ids(case, PREFIX)
    assert forced == tuple(model.tokenizer(PREFIX, add_special_tokens=False)["input_ids"])
    found = case.intervene("anchor", prefix=PREFIX)
    assert found.after is not None and found.regenerated.answer.text.startswith(PREFIX)


def test_a_word_in_the_prefix_flips_what_the_model_says(tmp_path):
    planted = planted_text_model(tmp_path, " bright", " spot")
    case = case_of(planted, None, "left. So left.", max_new_tokens=4)
    assert " spot" not in planted.generate(case.prompt, case.answer.decoding).text
    written = case.intervene("anchor", prefix="It is bright").regenerated
    assert written.answer.text.startswith("It is bright spot spot")


def test_models_with_a_picture_are_anchored_too(tmp_path):
    case = case_of(load_tiny(save_tiny(tmp_path)), picture(60, 40), TRACE)
    assert case.intervene("anchor", prefix=PREFIX).regenerated.answer.text.startswith("<think>" + PREFIX)


@pytest.mark.parametrize("prefix", ["", "  ", "a </think> b", "x" * (LONGEST_PREFIX + 1)])
def test_a_prefix_that_can_not_be_used(model, prefix):
    with pytest.raises(UserFacing):
        case_of(model, None, TRACE).intervene("anchor", prefix=prefix)


def test_the_verdict_tells_whether_the_answer_followed():
    followed = Finding("anchor", "begun with the given reasoning", False, -3.0)
    found = {verdict.name: verdict for verdict in verdicts([followed])}
    assert found["anchored"].state == "yes" and found["trace_dependent"].state == "not tested"
    stayed = Finding("anchor", "begun with the given reasoning", True, -0.1)
    assert {v.name: v.state for v in verdicts([stayed])}["anchored"] == "no"
    assert "anchor" in interventions.CHANGES
