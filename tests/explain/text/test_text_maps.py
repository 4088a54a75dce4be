"""Text attribution on a model whose right answer is known: one word of the question decides what it says."""

import threading

import numpy as np
import pytest

from tests.explain.interventions.cases import TRACE, case_of
from tests.models.families import tiny_configs
from tests.tiny import load_tiny, picture, planted_text_model, save_tiny
from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain import TEXT_METHODS, Refusal, explain_text, text_maps, text_trust
from workbench.explain.text.replaced import BlankedText, blank_id
from workbench.models.answer import Answer, Question
from workbench.models.continuing import joined

QUESTION = "Is there a small round bright area in the left upper lobe of it?"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return planted_text_model(tmp_path_factory.mktemp("planted"), " bright", " spot")


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    return load_tiny(tiny_configs.save_text(tmp_path_factory.mktemp("qwen3"), "qwen3"))


def planted(model, text: str = " spot") -> AnsweredCase:
    prompt = model.prepare(Question(QUESTION), None)
    ids = tuple(model.tokenizer(text, add_special_tokens=False)["input_ids"])
    written = joined(model, ids, Answer(ids, logprobs=(0.0,) * len(ids), finish="stop"))
    return AnsweredCase.of(model, prompt, None, written)


@pytest.mark.parametrize("method", TEXT_METHODS)
def test_the_deciding_word_of_the_question_carries_the_answer(model, method):
    found = planted(model).explain_text("all", method)
    assert [unit.text for unit in found.units] == QUESTION.split()
    values = {unit.text: value for unit, value in zip(found.units, found.values, strict=True)}
    assert values.pop("bright") > 0.01
    assert np.allclose(list(values.values()), 0, atol=1e-6)
    assert "'bright' (question)" in str(found).splitlines()[1] and found.reach.all()


def test_blanking_costs_what_a_pass_over_the_blanked_question_says(model):
    case = planted(model)
    found = case.explain_text("all")
    blanked = case.prompt.inputs["input_ids"].clone()
    at = [unit.text for unit in found.units].index("bright")
    blanked[0, list(found.units[at].places)] = blank_id(model)
    assert "bright" not in model.tokenizer.decode(blanked[0])
    changed = model.model(blanked).logits[0, -1].float().log_softmax(-1)[case.answer.ids[0]]
    # Without the word all logits are 0, so the log probability is that of any of the V tokens.
    assert changed.item() == pytest.approx(-np.log(model.model.config.vocab_size), abs=1e-5)
    expected = model.teacher_force(case.prompt, case.answer.ids).logprobs[0] - changed.item()
    assert found.values[at] == pytest.approx(expected, abs=1e-4)


def test_the_maps_order_is_measured_against_random_orders(model):
    case = planted(model)
    good = case.explain_text("all")
    trust = text_trust(case, good)
    assert trust.gap > 0 and trust.drop > trust.random and trust.units == len(good.units)
    at = good.order[0]
    assert trust.drop == pytest.approx(float(good.values[at]), abs=1e-4)  # it falls with the first fraction
    bad = type(good)(**{**vars(good), "values": -good.values})
    assert text_trust(case, bad).gap < 0
    assert text_trust(case, bad).verdict == "not shown to be better than random order"


def test_a_step_can_only_carry_what_comes_after_it(random_model):
    case = case_of(random_model, None, TRACE)
    maps = text_maps(case, "text_occlusion")
    steps = [at for at, unit in enumerate(maps.units) if unit.where == "trace"]
    assert [maps.units[at].key for at in steps] == ["step:0", "step:1", "step:2"]
    assert maps.reach[maps.rows["step:1"], steps].tolist() == [True, False, False]
    assert maps.reach[maps.rows["answer"], steps].all()
    assert not maps.values[~maps.reach].any()
    assert maps.reach[:, : steps[0]].all()
    (alone,) = [explain_text(case, case.span("step:2"))]
    assert np.allclose(alone.values, maps.values[maps.rows["step:2"]], atol=1e-5)


def test_words_have_maps_where_that_costs_nothing_more(random_model):
    case = case_of(random_model, None, TRACE)
    cheap, dear = (text_maps(case, name) for name in ("text_occlusion", "text_gradient"))
    assert {span.kind for span in cheap.spans} == {"word", "step", "answer", "all"}
    assert {span.kind for span in dear.spans} == {"step", "answer", "all"}
    assert cheap.spent.forwards == len(cheap.units) + 1  # and the undisturbed answer
    assert (dear.spent.forwards, dear.spent.backwards) == (1, len(dear.spans))


def test_a_model_with_a_picture_has_text_maps_too(tmp_path):
    case = case_of(load_tiny(save_tiny(tmp_path)), picture(60, 40), TRACE)
    for name in TEXT_METHODS:
        assert np.abs(case.explain_text("answer", name).values).max() > 0


def test_several_blanked_at_once_equal_one_by_one(random_model):
    case = case_of(random_model, None, "left right upper")
    places = [(3,), (4, 5), ()]
    together = BlankedText(case).scored(places)
    apart = np.concatenate([BlankedText(case).scored([one]) for one in places])
    assert np.allclose(together, apart, atol=1e-5)


def test_refusals(model, monkeypatch):
    case, stop = planted(model), threading.Event()
    stop.set()
    assert isinstance(explain_text(case, case.span("all"), stop=stop), Refusal)
    monkeypatch.setattr(model.model, "is_quantized", True, raising=False)
    assert "needs gradients" in case.explain_text("all", "text_gradient").reason
    with pytest.raises(UserFacing, match="no text method"):
        case.explain_text("all", "relevancy")
    few = case.explain_text("all")
    few = type(few)(**{**vars(few), "reach": np.arange(len(few.units)) < 3})
    assert "too few words" in text_trust(case, few).reason
