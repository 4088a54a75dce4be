"""The rule judge against verdicts that a reader gave by hand."""

import re

import pytest

from workbench.bench.judging.rule_judge import DEFAULT_JUDGE, JUDGES, judge_units
from workbench.bench.questions.items import load_items
from workbench.bench.questions.units import Unit
from workbench.traces import Step, Trace, parse_trace

JUDGE = JUDGES[DEFAULT_JUDGE]


def trace(*steps: tuple[str, str]) -> Trace:
    """A trace of (axis, sentence) steps; axes by their first letter."""
    names = {"P": "perception", "K": "knowledge", "R": "rationale"}
    made = tuple(Step(i, names[axis], text, 0, len(text), "given") for i, (axis, text) in enumerate(steps))
    return Trace("ok", "given", made)


def unit(axis: str, topic: str, claim: str) -> Unit:
    names = {"P": "perception", "K": "knowledge", "R": "rationale"}
    return Unit("u1", names[axis], topic, claim)


SPOT = (
    "P",
    "a small round bright spot",
    "The image shows a small round bright spot in the right upper zone.",
)
EFFUSION = ("R", "finding", "Therefore the finding is pleural effusion.")
NO_FINDING = ("R", "finding", "Therefore there is no abnormality.")
COUNT = ("R", "count", "Therefore the number of white blood cells is 2.")
NO_CELL = ("P", "white blood cells", "The image shows no white blood cell among many red blood cells.")
NOT_SHOWN = ("R", "nodule", "There is no round bright spot, therefore the image does not show nodule.")
FACT = (
    "K",
    "pleural effusion",
    "A pleural effusion is typically fluid that collects at the base of the lung.",
)
SIDE = ("R", "side", "Therefore the side of the nodule is left.")
NORMAL = ("R", "normal or abnormal", "Therefore the image is normal.")
LESION = ("P", "lesion", "The image shows a black lesion with a smooth round border on the left side.")
HAIRS = ("R", "hairs", "Therefore hairs are absent.")
MODALITY = ("R", "modality", "Therefore this is a X-ray image.")
ORGAN = ("R", "organ", "Therefore the organ is the liver.")
HEART = ("P", "heart", "The heart is not enlarged.")
RING = ("P", "ring", "The image shows a round bright ring with a dark centre.")
SHOWN = ("R", "nodule", "Therefore the image shows nodule.")

CASES = [
    # the claim itself, and the claim in other words
    (SPOT, [("P", SPOT[2])], (2, 1)),
    (SPOT, [("P", "There is a small, round and bright spot in the upper right zone.")], (2, 1)),
    (EFFUSION, [("R", "Thus this is most consistent with an effusion.")], (2, 1)),
    (NO_FINDING, [("R", "Hence the picture is healthy.")], (2, 1)),
    (NO_FINDING, [("R", "Therefore the image is not abnormal.")], (2, 1)),
    (COUNT, [("R", "So there are two leukocytes.")], (2, 1)),
    (FACT, [("K", "Pleural effusions are fluid at the base of the lung.")], (2, 1)),
    (HAIRS, [("R", "Therefore there are no hairs, they are absent.")], (2, 1)),
    (MODALITY, [("R", "So it is a radiograph.")], (2, 1)),
    # wrong values of the same kind
    (SPOT, [("P", "The image shows a small round bright spot in the left upper zone.")], (2, -1)),
    (SPOT, [("P", "The image shows a small round bright spot in the right lower zone.")], (2, -1)),
    (SPOT, [("P", "The image shows a small round dark spot in the right upper zone.")], (2, -1)),
    (EFFUSION, [("R", "Therefore the finding is consolidation.")], (2, -1)),
    (EFFUSION, [("R", "Therefore there is no abnormality.")], (2, -1)),
    (NO_FINDING, [("R", "Therefore the finding is a nodule.")], (2, -1)),
    (COUNT, [("R", "Therefore the number of white blood cells is 3.")], (2, -1)),
    (SIDE, [("R", "Therefore the side of the nodule is right.")], (2, -1)),
    (LESION, [("P", "The image shows a black lesion with a ragged border on the left side.")], (2, -1)),
    (MODALITY, [("R", "Therefore this is a MRI image.")], (2, -1)),
    # negation
    (NO_CELL, [("P", "The image shows two white blood cells among many red blood cells.")], (2, -1)),
    (NO_CELL, [("P", "There is no white blood cell among the red blood cells.")], (2, 1)),
    (NOT_SHOWN, [("R", "Therefore the image shows nodule.")], (2, -1)),
    (NOT_SHOWN, [("R", "A nodule is excluded.")], (2, 1)),
    (HAIRS, [("R", "Therefore hairs are present.")], (2, -1)),
    (EFFUSION, [("R", "Therefore there is no pleural effusion, and the finding is a nodule.")], (2, -1)),
    (NORMAL, [("R", "Therefore the image is abnormal and shows a mass.")], (2, -1)),
    # engaged, but the value is missing or undecided
    (SIDE, [("R", "Therefore there is a lesion on one side.")], (2, 0)),
    (SIDE, [("R", "Therefore the side is left or right.")], (2, 0)),
    (FACT, [("K", "A pleural effusion is typically seen after surgery.")], (2, 0)),
    # vague: part of the topic only
    (SPOT, [("P", "There is a round shadow.")], (0, 0)),
    (SPOT, [("P", "There is something small and bright in the right upper zone.")], (1, 1)),
    # values that no list holds: what the conclusion says its topic is
    (ORGAN, [("R", "Therefore the organ is the spleen.")], (2, -1)),
    (ORGAN, [("R", "So the organ is most likely the liver.")], (2, 1)),
    (ORGAN, [("R", "Therefore the organ is not the liver.")], (2, -1)),
    (ORGAN, [("R", "Therefore the organ can be named.")], (2, 0)),
    (("R", "plane", "Therefore the plane is axial."), [("R", "So this is a coronal slice.")], (2, -1)),
    (("R", "answer", "Therefore the answer is yes."), [("R", "Therefore the answer is no.")], (2, -1)),
    (("R", "finding", "The lesion is not malignant."), [("R", "Thus the lesion is benign.")], (2, 1)),
    # phrases that deny
    (EFFUSION, [("R", "So a pleural effusion cannot be seen.")], (2, -1)),
    (EFFUSION, [("R", "This rules out a pleural effusion.")], (2, -1)),
    (EFFUSION, [("R", "The sharp angle makes a pleural effusion unlikely.")], (2, -1)),
    (HEART, [("P", "The heart isn't enlarged.")], (2, 1)),
    (HEART, [("P", "The heart is enlarged.")], (2, -1)),
    # an appearance belongs to its noun
    (RING, [("P", "There is a dark ring with a bright centre.")], (2, -1)),
    (RING, [("P", "A ring, bright, round, has a dark center.")], (2, 1)),
    # a general fact is no conclusion about this picture
    (SHOWN, [("K", "A nodule is typically round."), ("R", "So there is consolidation.")], (0, 0)),
    # absent
    (SPOT, [], (0, 0)),
    (EFFUSION, [("P", "The image shows two lungs."), ("K", "Lungs typically hold air.")], (0, 0)),
    (FACT, [("K", "Consolidation is typically a patchy opacity.")], (0, 0)),
]


@pytest.mark.parametrize(("asked", "steps", "verdict"), CASES)
def test_verdicts_given_by_hand(
    asked: tuple[str, str, str], steps: list[tuple[str, str]], verdict: tuple[int, int]
) -> None:
    assert JUDGE.score(unit(*asked), trace(*steps)) == verdict


def test_steps_of_the_same_axis_decide() -> None:
    both = trace(("P", "There is a pleural effusion."), ("R", "Therefore the finding is consolidation."))
    assert JUDGE.score(unit(*EFFUSION), both) == (2, -1)
    elsewhere = trace(("P", "Therefore the finding is pleural effusion."))
    assert JUDGE.score(unit(*EFFUSION), elsewhere) == (2, 1)


def test_a_claim_may_be_told_over_two_sentences() -> None:
    told = trace(
        ("P", "The lesion is black and lies on the left side."), ("P", "The lesion has a smooth border.")
    )
    assert JUDGE.score(unit(*LESION), told) == (2, 1)


def test_unreadable_text_is_absent_and_never_an_error() -> None:
    for text in ("", "…!?", "x" * 20_000, "<b>left</b>" * 50, "没有异常"):
        assert JUDGE.score(unit(*SPOT), trace(("P", text)))[0] in (0, 1)


def test_units_without_topic_words() -> None:
    assert JUDGE.score(unit("P", "", ""), trace(("P", "The image shows a nodule."))) == (0, 0)


def test_judging_several_units_keeps_their_names() -> None:
    asked = [unit(*EFFUSION), Unit("u7", "knowledge", FACT[1], FACT[2])]
    found = judge_units(JUDGE, asked, trace(("R", EFFUSION[2])))
    # "pleural effusion" stands in no knowledge step; the conclusion names it, but not the fact.
    assert [(score.unit_id, score.axis) for score in found] == [("u1", "rationale"), ("u7", "knowledge")]
    assert (found[0].presence, found[0].correctness) == (2, 1)
    assert (found[1].presence, found[1].correctness) == (2, 0)


def test_the_protocol_says_what_it_is() -> None:
    assert "rule judge" in JUDGE.protocol and "not comparable" in JUDGE.protocol
    assert JUDGES[JUDGE.id] is JUDGE


def test_gold_traces_of_the_phantoms_get_full_marks() -> None:
    for item in load_items("phantoms").items[::3]:
        found = judge_units(JUDGE, item.units, parse_trace(item.reasoning, item.options))
        assert {(score.presence, score.correctness) for score in found} == {(2, 1)}, item.item_id


def test_mirrored_gold_traces_of_the_phantoms_do_not() -> None:
    swap = {"left": "right", "right": "left"}
    sided = 0
    for item in load_items("phantoms").items[::3]:
        told = re.sub(r"\b(left|right)\b", lambda match: swap[match[0]], item.reasoning)
        found = judge_units(JUDGE, item.units, parse_trace(told, item.options))
        for asked, score in zip(item.units, found, strict=True):
            named = {side for side in swap if re.search(rf"\b{side}\b", asked.claim)}
            if len(named) == 1:
                sided += 1
                assert score.correctness == -1, (asked.claim, told)
    assert sided > 30
