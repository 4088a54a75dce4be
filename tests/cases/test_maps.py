"""Maps of every word and step of a case: their rows, their keys, and when there are none."""

from dataclasses import replace

import numpy as np
import pytest

from tests.cases.written import written
from workbench.cases import maps as maps_module
from workbench.cases.maps import case_maps
from workbench.errors import UserFacing
from workbench.explain import METHODS, case_spans, explain, gather_evidence
from workbench.models.answer import Answer

KEYS = [*(f"word:{n}" for n in range(11)), "step:0", "step:1", "answer", "all"]


def test_rows_are_words_then_steps_then_answer_then_all(case):
    found = case_maps(case, "attention_mean")
    assert [span.key for span in found.spans] == KEYS and found.spans == case_spans(case)
    assert found.rows == {key: row for row, key in enumerate(KEYS)}


@pytest.mark.parametrize("method", ["attention_mean", "logit_attribution"])
def test_maps_of_steps_pool_their_tokens(case, method):
    found = case_maps(case, method)
    assert found.refused is None and found.note == ""
    assert found.values.shape == (15, 36) and found.values.dtype == np.float32
    assert found.image_share.shape == (15,)
    assert ((found.image_share >= 0) & (found.image_share <= 1)).all()
    assert np.isfinite(found.values).all()
    assert found.boxes is case.prompt.boxes or np.array_equal(found.boxes, case.prompt.boxes)


@pytest.mark.parametrize("key", ["word:4", "step:1", "answer", "all"])
def test_a_map_taken_out_is_that_of_its_span(case, key):
    found = case_maps(case, "logit_attribution")
    heat, alone = found.map(key), explain(case, case.span(key), "logit_attribution")
    assert heat.values == pytest.approx(alone.values, abs=1e-6)
    assert heat.image_share == pytest.approx(alone.image_share, abs=1e-6)
    assert (heat.span, heat.signed, heat.unit) == (case.span(key), alone.signed, alone.unit)
    spec = METHODS["logit_attribution"]
    named = {"method": spec.name, "label": spec.label, "caveat": spec.caveat}
    assert named.items() <= heat.meta.items()


def test_a_part_without_a_map_has_none(case):
    found = case_maps(case, "attention_mean")
    assert found.map("step:2") is None and found.map("word:99") is None and found.map("") is None


def test_an_answer_without_a_final_part_has_no_such_row(tiny):
    found = case_maps(written(tiny, "<think>The image shows a spot.</think>"), "attention_mean")
    assert "answer" not in found.rows and "all" in found.rows and found.map("answer") is None


def test_the_shared_pass_at_hand_is_used(case, monkeypatch):
    evidence = gather_evidence(case.model, case.prompt, case.answer)
    monkeypatch.setattr(case.model, "teacher_force", None)
    assert case_maps(case, "attention_max", evidence=evidence).refused is None


def test_a_refused_method_gives_no_map(case):
    found = case_maps(case, "attention_head", {"layer": 77})
    assert found.refused is not None and "no layer 77" in found.refused.reason
    assert found.values.shape == (0, 36) and found.image_share.shape == (0,)
    assert found.spans == () and found.rows == {} and found.map("all") is None


def test_an_answer_of_nothing_has_no_map(case):
    empty = replace(case, answer=Answer(), trace=written(case.model, "").trace)
    assert case_maps(empty, "attention_mean").refused is not None


def test_an_unknown_method_is_named(case):
    with pytest.raises(UserFacing, match="no method named 'magic'"):
        case_maps(case, "magic")


@pytest.mark.parametrize("passes", [10_000, 0])
def test_methods_that_run_the_model_fill_every_row(case, monkeypatch, passes):
    monkeypatch.setattr(maps_module, "WORD_PASSES", passes)
    found = case_maps(case, "relevancy")
    assert found.refused is None
    assert found.values.shape == (15, 36) and [*found.rows] == KEYS
    shared = np.array_equal(found.map("word:0").values, found.map("step:0").values)
    assert shared == (passes == 0)
    assert found.note.startswith("One map a step") == (passes == 0)
    whole = np.array_equal(found.map("word:10").values, found.map("all").values)
    assert whole == (passes == 0)  # the word of the answer stands in no step


def test_a_foil_may_be_a_word(case):
    by_word = case_maps(case, "logit_contrast", {"foil": "yes"})
    assert by_word.refused is None and by_word.values.shape == (15, 36)
    assert "empty" in case_maps(case, "logit_contrast", {"foil": ""}).refused.reason


def test_a_method_that_needs_the_picture_refuses_without_it(case):
    assert case_maps(replace(case, images=None), "occlusion").refused is not None
