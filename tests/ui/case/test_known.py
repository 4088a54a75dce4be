"""What is known of a case on the page: the kind of the picture and the right answer."""

from typing import Any

import pytest

from tests.ui.case.test_desk import VISITOR, answers, column, desk_with
from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.ui.case.desk import CaseDesk, QuestionForm
from workbench.ui.case.examples import drawn_lesion, load_examples

TAGGED = (
    "<X_RAY><think>A bright spot is seen. Therefore the finding is a mass.</think><answer>effusion</answer>"
)


def desk() -> CaseDesk:
    return desk_with(texts={"tuned": TAGGED})


def last(desk: CaseDesk, **form: Any) -> dict[str, Any]:
    return column(answers(desk, **form)[-1], "tuned")


def test_a_contradiction_is_shown_once_the_answer_is_finished() -> None:
    states = answers(desk())
    assert [found["says"] for found in column(states[-1], "tuned")["contradictions"]] == ["mass"]
    streaming = [column(s, "tuned") for s in states if column(s, "tuned")["status"] == "streaming"]
    assert all(part["contradictions"] == [] and part["reward"] is None for part in streaming)


def test_a_person_says_what_the_picture_is_and_the_answers_on_the_page_are_checked() -> None:
    page = desk()
    assert last(page)["modality_check"]["state"] == "not known"
    shown = page.state_modality(VISITOR, "CT")
    check = column(shown, "tuned")["modality_check"]
    assert (check["state"], check["known"]) == ("differs", "CT") and "according to you" in check["sentence"]
    assert column(page.state_modality(VISITOR, "X-ray"), "tuned")["modality_check"]["state"] == "agrees"
    with pytest.raises(UserFacing, match="kind of picture"):
        page.state_modality(VISITOR, "<script>")


def test_the_reward_is_shown_where_the_right_answer_is_known() -> None:
    page = desk()
    assert last(page)["reward"] is None
    reward = last(page, gold="effusion")["reward"]
    assert (
        reward["parts"][0]["value"] == 1
        and reward["stand_ins"]
        and reward["total_text"].startswith("between")
    )
    with pytest.raises(UserFacing, match="right answer"):
        page.ask(VISITOR, QuestionForm("What?", max_new_tokens=64, gold="x" * 501))


def test_the_gold_of_an_example_belongs_to_its_own_question() -> None:
    page, example = desk(), load_examples().get("chest-nodule")
    page.example(VISITOR, example)
    found = last(page, question=example.question, gold=example.answer)
    assert found["reward"]["gold"] == "nodule" and found["reward"]["tag"] == "<X_RAY>"
    assert found["modality_check"]["state"] == "agrees" and "gallery" in found["modality_check"]["sentence"]
    assert last(page, question="Is there a fracture?", gold=example.answer)["reward"] is None
    assert last(page, question="Is there a fracture?", gold="no")["reward"]["gold"] == "no"


def test_the_answers_of_the_gallery_are_among_their_options_and_fit_the_drawing() -> None:
    examples = load_examples().examples
    for entry in examples:
        assert not entry.answer or entry.answer in entry.options, entry.id
        lesion = drawn_lesion(entry, load_image(entry.file()).pixels) if entry.drawn else None
        if lesion is not None and entry.answer.endswith("zone"):
            rows, columns = lesion.nonzero()
            side = "left" if columns.mean() < lesion.shape[1] / 2 else "right"
            assert entry.answer.startswith(side), entry.id
            assert ("upper" in entry.answer) == (rows.mean() < lesion.shape[0] / 2), entry.id
    assert sum(bool(entry.answer) for entry in examples) >= 10
