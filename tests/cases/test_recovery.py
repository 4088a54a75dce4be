"""The recovery pass: exactly the letters of the options may follow, and the answer says that it was asked."""

from dataclasses import replace

import numpy as np
import pytest

from tests.models.families import tiny_configs
from tests.tiny import load_tiny, planted_text_model
from workbench.cases import run_case
from workbench.cases.answered import RECOVERED as RULE
from workbench.cases.answered import AnsweredCase
from workbench.cases.column import RECOVERED
from workbench.cases.recovery import CUE, is_wanted, recovered_answer
from workbench.models.answer import Answer, Decoding, Question
from workbench.models.continuing import joined, text_ids

ASKED = Question("Is there evidence of a nodule?", ("yes", "no", "unclear"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_tiny(tiny_configs.save_text(tmp_path_factory.mktemp("qwen3"), "qwen3"))


def written(model, text: str, finish: str = "length") -> Answer:
    ids = tuple(model.tokenizer(text, add_special_tokens=False)["input_ids"])
    answer = Answer(ids, logprobs=(-1.0,) * len(ids), finish=finish)
    return joined(model, ids, answer)


def test_the_likeliest_letter_of_the_options_is_taken_and_no_other_token(model):
    prompt, partial = model.prepare(ASKED, None), written(model, "It may be. It may not be.")
    again = recovered_answer(model, prompt, partial, ASKED.options)
    assert again.text.startswith(partial.text + CUE)
    case = AnsweredCase.of(model, prompt, None, again)
    assert (case.trace.status, case.trace.rule) == ("recovered", RULE)
    assert case.trace.answer_letter in ("A", "B", "C")
    scores = {}
    for letter in "ABC":
        ids = [*text_ids(model, f"{CUE} "), *text_ids(model, letter)]
        scores[letter] = model.teacher_force(prompt, (*partial.ids, *ids)).logprobs[-1]
    assert case.trace.answer_letter == max(scores, key=scores.get)
    assert again.recovered_from == len(partial.ids) and again.recovered
    assert np.isfinite(again.logprobs).all() and len(again.logprobs) == len(again.ids)


def test_open_thinking_is_closed_first(model):
    prompt = model.prepare(ASKED, None)
    again = recovered_answer(model, prompt, written(model, "<thinking>It may be"), ASKED.options)
    assert again.text.startswith("<thinking>It may be\n</thinking>" + CUE)
    assert AnsweredCase.of(model, prompt, None, again).trace.answer_letter is not None


def test_none_is_needed_with_a_letter_without_options_and_after_a_stop(model):
    prompt = model.prepare(ASKED, None)
    assert recovered_answer(model, prompt, written(model, "The answer is B."), ASKED.options) is None
    assert recovered_answer(model, prompt, written(model, "It may be"), ()) is None
    assert recovered_answer(model, prompt, written(model, "It may be", "cancelled"), ASKED.options) is None


def test_it_is_the_rule_for_text_only_models_and_a_choice_for_others(model):
    assert is_wanted(model, Decoding())
    assert not is_wanted(model, Decoding(recover=False))
    assert is_wanted(replace_takes_image(model), Decoding(recover=True))
    assert not is_wanted(replace_takes_image(model), Decoding())


def replace_takes_image(model):
    return type("Vision", (), {"takes_image": True})()


def test_a_case_is_recovered_and_says_so(tmp_path):
    model = planted_text_model(tmp_path, " bright", " spot")
    question = replace(ASKED, text="Is there a bright area?")
    *_, column = run_case(model, None, question, Decoding(max_new_tokens=4))
    assert column.answer.text.startswith(" spot spot spot spot" + CUE) and RECOVERED in column.message
    assert "limit of 4 tokens" in column.message
    assert column.option_probabilities == pytest.approx((1 / 3,) * 3, abs=1e-4)
    *_, column = run_case(model, None, question, Decoding(max_new_tokens=4, recover=False))
    assert not column.answer.recovered and column.trace.answer_letter is None
