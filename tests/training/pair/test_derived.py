"""Derived questions ask only what an annotation answers, and their answers are right."""

import numpy as np
import pytest

from workbench.phantoms.sample import Statement
from workbench.traces import parse_trace
from workbench.training.pair.derived import FAR_APART, derive, part_of

SEEN = Statement("perception", "modality", "The image shows a CT of the abdomen.")


def _derive(seed=0, modality="CT", part="abdomen", zones=None):
    return derive(np.random.default_rng(seed), modality, part, zones or {"liver": "left upper"}, SEEN)


@pytest.mark.parametrize(
    ("words", "part"),
    [("brain tissue", "head"), ("chest lung", "chest"), ("pelvic cavity", "trunk"), ("blood", "")],
)
def test_body_parts_are_coarse(words, part):
    assert part_of(words) == part


def test_modality_questions_name_the_true_modality_once():
    for seed in range(20):
        asked = [s for s in _derive(seed) if s.question_type == "modality"]
        assert [s.answer for s in asked] == ["yes", "no", "CT"]
        assert "CT" in asked[0].question and "CT" not in asked[1].question
        assert set(asked[2].options) - {"CT"} <= {"X-ray", "MRI"}


def test_an_absent_structure_belongs_to_another_part_of_the_body():
    for seed in range(20):
        for sample in _derive(seed):
            if sample.question_type == "presence":
                head = any(name in sample.question for name in FAR_APART["head"])
                assert sample.answer == ("no" if head else "yes")
                assert sample.evidence == (() if head else ("liver",))


def test_places_come_from_the_annotation_and_traces_parse():
    where = [s for s in _derive() if s.question_type == "position"]
    assert [s.answer for s in where] == ["left upper"]
    for sample in _derive():
        trace = parse_trace(sample.reasoned(), sample.options)
        assert (trace.status, trace.answer_text) == ("ok", sample.answer)
        assert trace.steps[-1].axis == "rationale"


def test_a_smear_gets_no_modality_or_part_questions():
    assert derive(np.random.default_rng(0), "blood smear", "blood", {}, SEEN) == []
