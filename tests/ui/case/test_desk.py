"""The main job without a browser: form, streaming, stopping, leaving, maps, faults."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ui.fakes import fake_engine
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.imaging.overlay import encode_png
from workbench.settings import Settings
from workbench.ui.case.desk import CaseDesk, QuestionForm
from workbench.ui.case.intake import MOST_PICTURES, picture_of
from workbench.ui.services import Services
from workbench.ui.sessions import Sessions

VISITOR = "visitor"


def desk_with(**engine: Any) -> CaseDesk:
    desk = CaseDesk(
        Services(Settings(max_new_tokens=64), lambda: fake_engine(**engine)), Sessions(), Path("/nowhere")
    )
    image = MedicalImage(np.zeros((40, 60, 3), np.uint8), "0" * 64, "array")
    desk.place(VISITOR, picture_of(image))
    return desk


def answers(desk: CaseDesk, **form: Any) -> list[Any]:
    ticket, _ = desk.ask(VISITOR, QuestionForm(**{"question": "What?", "max_new_tokens": 64, **form}))
    return list(desk.answer(VISITOR, ticket, "attention_mean"))


def column(shown: Any, key: str) -> dict[str, Any]:
    return next(part for part in shown.payload["columns"] if part["key"] == key)


def keys_of(part: dict[str, Any]) -> list[str]:
    """Span keys of a column whose every part has a map: its words, its steps, the answer, everything."""
    counted = (("word", part["words"]), ("step", part["steps"]))
    return [f"{kind}:{at}" for kind, parts in counted for at in range(len(parts))] + ["answer", "all"]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"question": "  "}, "question is empty"),
        ({"question": "x" * 10_000}, "10,000 characters"),
        ({"question": "What?", "options": "one"}, "option"),
        ({"question": "What?", "mode": "shout"}, "way of answering"),
        ({"question": "What?", "max_new_tokens": 65}, "from 0 to 64"),
        ({"question": "What?", "max_new_tokens": 64, "temperature": float("nan")}, "temperature"),
        ({"question": "What?", "max_new_tokens": 64, "seed": -1}, "seed"),
    ],
)
def test_a_form_that_cannot_be_used_is_refused_at_once(form: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserFacing, match=sentence):
        desk_with().ask(VISITOR, QuestionForm(**form))


def test_no_picture_is_a_sentence() -> None:
    with pytest.raises(UserFacing, match="Without a picture"):
        desk_with().ask("another visitor", QuestionForm("What?"))


def carried(part: dict[str, Any]) -> list[str]:
    return [word["text"] for word in part["text_maps"]["question"]]


def test_asked_without_a_picture_words_take_the_place_of_the_map() -> None:
    desk = desk_with()
    last = answers(desk, without=True, question="What is it?")[-1]
    assert last.payload["image"] is None and last.status == "Finished."
    for key in ("base", "tuned"):
        part = column(last, key)
        assert part["status"] == "done" and part["maps"] is None
        assert carried(part) == ["What", "is", "it?"] and part["text_maps"]["peak"][0] == 3
    assert desk.sessions.of(VISITOR).picture is not None  # it stays for the next question
    assert answers(desk)[-1].payload["image"] is not None


def test_text_only_models_need_no_picture_and_mind_none() -> None:
    desk = desk_with(text_only=("base", "tuned"))
    desk.services.pair(threading.Event())
    desk.place(VISITOR, None)
    last = answers(desk)[-1]
    assert [part["status"] for part in last.payload["columns"]] == ["done", "done"]
    assert column(last, "tuned")["message"] == "" and carried(column(last, "tuned")) == ["What?"]


def test_beside_a_vision_model_a_text_only_one_answers_without_the_picture_and_says_so() -> None:
    last = answers(desk_with(text_only=("base",)))[-1]
    base, tuned = column(last, "base"), column(last, "tuned")
    assert "answered without the picture" in base["message"] and base["maps"] is None
    assert carried(base) == ["What?"] and tuned["text_maps"] is None and tuned["maps"]["keys"]
    assert last.payload["image"]["seen"]


def test_a_question_without_a_picture_is_followed_on_without_one_and_keeps_its_words() -> None:
    desk = desk_with()
    first = answers(desk, without=True)[-1]
    ticket, _ = desk.follow_up(VISITOR, "And why is it so?")
    last = list(desk.answer(VISITOR, ticket, "attention_mean"))[-1]
    case = desk.sessions.of(VISITOR).live.columns["tuned"].case
    assert case.images == () and case.question.history[0].pictures == 0 and last.payload["image"] is None
    assert carried(column(last, "tuned")) == ["And", "why", "is", "it", "so?"]
    again = desk.look_at(VISITOR, 0)
    assert column(again, "tuned")["text_maps"] == column(first, "tuned")["text_maps"]


def test_a_text_only_model_minds_several_pictures_as_little(tmp_path: Path) -> None:
    desk = desk_with(text_only=("base",))
    desk.upload_folder = tmp_path
    desk.add_picture(VISITOR, uploaded(tmp_path))
    answers(desk)
    columns = desk.sessions.of(VISITOR).live.columns
    assert [len(columns[role].case.images) for role in ("base", "tuned")] == [0, 2]
    ticket, _ = desk.follow_up(VISITOR, "And?")
    last = list(desk.answer(VISITOR, ticket, "attention_mean"))[-1]
    assert "answered without the picture" in column(last, "base")["message"]
    turns = {role: one.case.question.history for role, one in desk.sessions.of(VISITOR).live.columns.items()}
    assert [turns[role][0].pictures for role in ("base", "tuned")] == [0, 2]


def test_words_can_be_scored_for_a_vision_model_too() -> None:
    desk = desk_with()
    answers(desk)
    part = column(list(desk.explain(VISITOR, "text_gradient"))[-1], "tuned")
    assert part["text_maps"]["method"] == "text_gradient" and "scores words" in part["maps"]["refused"]
    again = column(list(desk.explain(VISITOR, "attention_mean"))[-1], "tuned")
    assert again["text_maps"] is None and again["maps"]["keys"]


def test_both_columns_stream_and_then_get_maps() -> None:
    gates = {3: threading.Event(), 10: threading.Event()}
    desk, shown = desk_with(holds=gates), []
    ticket, _ = desk.ask(VISITOR, QuestionForm("What?", "nodule\nmass\n\n", max_new_tokens=64))
    for state in desk.answer(VISITOR, ticket, "attention_mean"):
        shown.append(state)
        for count, gate in gates.items():
            if all(len(part["words"]) >= count for part in state.payload["columns"]):
                gate.set()
    assert [part["status"] for part in shown[0].payload["columns"]] == ["waiting", "waiting"]
    lengths = [len(column(state, "tuned")["words"]) for state in shown]
    assert lengths == sorted(lengths) and {3, 10} <= set(lengths)
    last = shown[-1]
    assert last.status == "Finished." and not last.busy
    for key in ("base", "tuned"):
        part = column(last, key)
        assert part["status"] == "done" and part["answer"]["letter"] == "A"
        assert [option["p"] for option in part["options"]] == pytest.approx([0.7, 0.3])
        assert part["maps"]["keys"] == keys_of(part)
        assert part["maps"]["peak"][0] == 0.5 and part["maps"]["share"][0] == pytest.approx(0.4)
    assert any("Computing the tuned heat maps" in state.status for state in shown)
    assert last.payload["image"]["seen"].startswith("data:image/png;base64,")


def test_another_method_maps_the_same_answer_again() -> None:
    desk = desk_with()
    first = answers(desk)[-1]
    again = list(desk.explain(VISITOR, "attention_head", (2, 1)))[-1]
    maps = column(again, "base")["maps"]
    assert maps["method"] == "attention_head" and "layer 2, head 1" in maps["label"]
    assert column(again, "base")["words"] == column(first, "base")["words"]
    assert again.payload["case"] == first.payload["case"]
    assert list(desk.explain("another visitor", "attention_head")) == []


def test_stopping_keeps_what_was_written() -> None:
    desk = desk_with(holds={3: threading.Event()})
    ticket, _ = desk.ask(VISITOR, QuestionForm("What?", max_new_tokens=64))
    shown = []
    for state in desk.answer(VISITOR, ticket, "attention_mean"):
        shown.append(state)
        if len(column(state, "base")["words"]) >= 3:
            desk.stop(VISITOR)
    part = column(shown[-1], "base")
    assert part["status"] == "cancelled" and 3 <= len(part["words"]) < 6
    assert shown[-1].status == "Stopped. What was written is kept."
    desk.stop(VISITOR)
    desk.stop("a visitor who asked nothing")


def test_the_model_that_is_through_first_does_not_stop_the_other() -> None:
    last = answers(desk_with(texts={"base": "<answer>yes</answer>"}))[-1]
    assert [part["status"] for part in last.payload["columns"]] == ["done", "done"]
    assert len(column(last, "tuned")["steps"]) == 3 and last.status == "Finished."


def test_leaving_ends_both_generations() -> None:
    desk = desk_with(holds={3: threading.Event()})
    ticket, _ = desk.ask(VISITOR, QuestionForm("What?", max_new_tokens=64))
    stream = desk.answer(VISITOR, ticket, "attention_mean")
    while not column(next(stream), "base")["words"]:
        pass
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("answer-")]


def test_a_new_picture_ends_the_answer_about_the_old_one() -> None:
    desk = desk_with(holds={3: threading.Event()})
    ticket, _ = desk.ask(VISITOR, QuestionForm("What?", max_new_tokens=64))
    stream = desk.answer(VISITOR, ticket, "attention_mean")
    while not column(next(stream), "base")["words"]:
        pass
    desk.place(VISITOR, desk.sessions.of(VISITOR).picture)
    assert list(stream) == []
    assert list(desk.answer(VISITOR, ticket, "attention_mean")) == []


def test_one_model_failing_does_not_stop_the_other() -> None:
    last = answers(desk_with(texts={"base": "FAIL"}))[-1]
    base, tuned = column(last, "base"), column(last, "tuned")
    assert base["status"] == "failed" and "reference" in base["message"]
    assert "secret" not in base["message"]
    assert tuned["status"] == "done" and tuned["maps"] is not None
    assert "not every model" in last.status


def test_a_map_that_cannot_be_made_gives_its_reason() -> None:
    last = answers(desk_with(texts={"tuned": "NOMAP <answer>yes</answer>"}))[-1]
    assert column(last, "tuned")["maps"]["refused"] == "This back end exposes no attention."
    assert column(last, "tuned")["status"] == "done"


def test_models_that_cannot_be_loaded_fail_both_columns_with_the_reason() -> None:
    last = answers(desk_with(broken=True))[-1]
    for key in ("base", "tuned"):
        assert column(last, key)["status"] == "failed"
        assert "model.safetensors is missing" in column(last, key)["message"]


def test_visitors_do_not_see_each_other() -> None:
    desk = desk_with()
    answers(desk)
    other = desk.blank("another visitor")
    assert other["image"] is None and all(part["words"] == [] for part in other["columns"])
    desk.place("another visitor", replace(desk.sessions.of(VISITOR).picture, modality="CT"))
    assert desk.sessions.of(VISITOR).picture.modality is None


def uploaded(folder: Path, size: tuple[int, int] = (30, 50)) -> str:
    """A picture as a browser leaves it: a file in a folder of its own."""
    place = folder / f"upload-{size[0]}"
    place.mkdir()
    (place / "x.png").write_bytes(encode_png(np.full((size[1], size[0], 3), 90, np.uint8)))
    return str(place / "x.png")


def test_further_pictures_go_with_the_question_and_each_has_its_map(tmp_path: Path) -> None:
    desk = desk_with()
    desk.upload_folder = tmp_path
    file = uploaded(tmp_path)
    _, payload = desk.add_picture(VISITOR, file)
    assert not Path(file).exists() and [image["width"] for image in payload["images"]] == [60, 30]
    *_, last = answers(desk)
    maps = column(last, "tuned")["maps"]
    assert maps["picture_of"] == [0] * (len(maps["boxes"]) // 2) + [1] * (len(maps["boxes"]) // 2)
    assert last.payload["images"][1]["seen"].startswith("data:image/png")
    case = desk.sessions.of(VISITOR).live.columns["tuned"].case
    assert [image.width for image in case.images] == [60, 30]
    for number in range(MOST_PICTURES - 2):
        desk.add_picture(VISITOR, uploaded(tmp_path, (40 + number, 40)))
    with pytest.raises(UserFacing, match="at most 6 pictures"):
        desk.add_picture(VISITOR, uploaded(tmp_path, (99, 40)))
    desk.place(VISITOR, desk.sessions.of(VISITOR).picture)
    assert "images" not in desk.blank(VISITOR)


def test_pictures_that_are_too_large_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_with()
    desk.upload_folder = tmp_path
    first = desk.sessions.of(VISITOR).picture
    assert first.bytes == 40 * 60 * 3 + len(first.payload["src"])
    monkeypatch.setattr("workbench.ui.case.desk.MOST_BYTES", first.bytes + 100)
    with pytest.raises(UserFacing, match="too large together"):
        desk.add_picture(VISITOR, uploaded(tmp_path))
    desk.place(VISITOR, first, more=(first,))
    assert len(desk.blank(VISITOR)["images"]) == 2


def test_a_further_picture_needs_a_first_one_and_is_deleted_all_the_same(tmp_path: Path) -> None:
    desk = desk_with()
    desk.upload_folder = tmp_path
    file = uploaded(tmp_path)
    with pytest.raises(UserFacing, match="no first picture"):
        desk.add_picture("another visitor", file)
    assert not Path(file).exists()


def test_a_follow_up_keeps_each_models_own_answer_and_its_maps_can_be_looked_at_again() -> None:
    desk = desk_with()
    with pytest.raises(UserFacing, match="no answer yet"):
        desk.follow_up(VISITOR, "And which side?")
    *_, first = answers(desk)
    ticket, waiting = desk.follow_up(VISITOR, " And which side? ")
    asked = column(waiting, "tuned")
    assert asked["asked"] == "And which side?" and asked["earlier"][0]["question"] == "What?"
    with pytest.raises(UserFacing, match="not answered yet"):
        desk.follow_up(VISITOR, "Too early")
    *_, last = desk.answer(VISITOR, ticket, "attention_mean")
    page = desk.sessions.of(VISITOR)
    for role, part in page.live.columns.items():
        (turn,) = part.case.question.history
        assert turn.answer == page.turns[0].live.columns[role].answer.text and turn.pictures == 1
        assert column(last, role)["maps"]["keys"]
    assert desk.turns(VISITOR) == (["What?", "And which side?"], 1)
    again = desk.look_at(VISITOR, 0)
    assert again.payload["case"] == first.payload["case"] and desk.turns(VISITOR)[1] == 0
    assert column(again, "tuned")["maps"] == column(first, "tuned")["maps"]
    assert "earlier" not in column(again, "tuned")
    third, _ = desk.follow_up(VISITOR, "Why?")  # follows the last turn, whichever is looked at
    *_, last = desk.answer(VISITOR, third, "attention_mean")
    assert [turn["question"] for turn in column(last, "base")["earlier"]] == ["What?", "And which side?"]
    answers(desk)  # a new question is a new conversation
    assert desk.turns(VISITOR) == (["What?"], 0)
    with pytest.raises(UserFacing, match="no such turn"):
        desk.look_at(VISITOR, 5)


def test_a_model_that_failed_has_nothing_to_follow_on() -> None:
    desk = desk_with(texts={"base": "FAIL", "tuned": "<think>One.</think><answer>two</answer>"})
    answers(desk)
    ticket, _ = desk.follow_up(VISITOR, "And?")
    *_, last = desk.answer(VISITOR, ticket, "attention_mean")
    assert column(last, "base")["status"] == "failed" and "followed on" in column(last, "base")["message"]
    assert column(last, "tuned")["status"] == "done"
