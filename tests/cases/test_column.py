"""A case end to end on a tiny model: streaming columns, words, maps, cancel, failure."""

import threading

import numpy as np
import pytest

from tests.tiny import load_tiny, picture, save_tiny
from workbench.cases import column as column_module
from workbench.cases.column import case_words, column_evidence, column_maps, map_rows, run_case
from workbench.errors import UserFacing
from workbench.models.answer import Answer, Decoding, Question
from workbench.traces import locate_tokens, parse_trace

ASK = Question("Is there evidence of a nodule?", ("yes", "no"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load_tiny(save_tiny(tmp_path_factory.mktemp("tiny") / "model"))


def _written(tiny, text: str):
    """A finished column whose answer is the given text, teacher-forced through the real tokenizer."""
    from dataclasses import replace

    from workbench.cases.column import _column, empty_column
    from workbench.models.generation import OffsetDecoder

    decoder = OffsetDecoder(tiny.tokenizer)
    ids = [*tiny.tokenizer(text, add_special_tokens=False)["input_ids"], tiny.tokenizer.eos_token_id]
    for token in ids:
        decoder.add(token)
    answer = Answer(tuple(ids), decoder.text, tuple(decoder.offsets), (0.0,) * len(ids), "stop")
    prompt = tiny.prepare(ASK, picture(90, 60))
    return replace(_column(empty_column("x", "X"), prompt, answer, ASK, "done"))


def test_columns_stream_and_end_done_or_at_the_limit(tiny):
    columns = list(run_case(tiny, picture(60, 40), ASK, Decoding(max_new_tokens=6)))
    assert columns[0].status == "waiting"
    assert {c.status for c in columns[1:-1]} == {"streaming"}
    assert columns[-1].status == "done"
    assert "limit of 6 tokens" in columns[-1].message or columns[-1].answer.finish == "stop"


def test_cancel_keeps_what_was_written(tiny):
    stop = threading.Event()
    last = None
    for last in run_case(tiny, picture(60, 40), ASK, Decoding(max_new_tokens=300), stop):
        if len(last.answer.ids) == 2:
            stop.set()
    assert last.status == "cancelled"
    assert 2 <= len(last.answer.ids) < 30
    assert "kept" in last.message


def test_a_fault_for_people_fails_the_column_with_its_sentence(tiny, monkeypatch):
    def refuse(*_: object) -> None:
        raise UserFacing("The image is odd.", "Try another.")

    monkeypatch.setattr(tiny, "prepare", refuse)
    last = list(run_case(tiny, picture(60, 40), ASK))[-1]
    assert (last.status, last.message) == ("failed", "The image is odd. Try another.")


TEXT = "<think>The image shows a spot. Therefore the answer is left.</think><answer>left</answer>"


def test_rows_are_words_then_steps_then_answer_then_all(tiny):
    column = _written(tiny, TEXT)
    rows = map_rows(column)
    words = [word.text for word in column.words]
    assert words == [
        "The",
        "image",
        "shows",
        "a",
        "spot.",
        "Therefore",
        "the",
        "answer",
        "is",
        "left.",
        "left",
    ]
    assert [row.kind for row in rows] == ["word"] * 11 + ["step", "step", "answer", "all"]
    assert [word.step for word in column.words] == [0] * 5 + [1] * 5 + [None]
    assert [word.in_answer for word in column.words] == [False] * 10 + [True]
    decoded = [column.answer.text[w.char_start : w.char_end] for w in column.words]
    assert decoded == words


def test_the_same_word_twice_has_its_own_tokens(tiny):
    column = _written(tiny, TEXT)
    first, second = column.words[9], column.words[10]
    assert first.token_end <= second.token_start


@pytest.mark.parametrize("method", ["attention_mean", "logit_attribution"])
def test_maps_of_steps_pool_their_tokens(tiny, method):
    column = _written(tiny, TEXT)
    maps = column_maps(tiny, column, method)
    assert maps.refused is None
    assert maps.values.shape == (15, 36)
    assert maps.image_share.shape == (15,)
    assert ((maps.image_share >= 0) & (maps.image_share <= 1)).all()
    assert np.isfinite(maps.values).all()


def test_evidence_is_reused_for_another_method(tiny, monkeypatch):
    column = _written(tiny, TEXT)
    evidence = column_evidence(tiny, column)
    monkeypatch.setattr(tiny, "teacher_force", None)
    assert column_maps(tiny, column, "attention_max", evidence=evidence).refused is None


def test_a_refused_method_gives_no_map(tiny):
    maps = column_maps(tiny, _written(tiny, TEXT), "attention_head", {"layer": 77})
    assert maps.refused is not None
    assert maps.values.size == 0


def test_an_unknown_method_is_named(tiny):
    with pytest.raises(UserFacing, match="no method named 'magic'"):
        column_maps(tiny, _written(tiny, TEXT), "magic")


def test_words_survive_other_scripts():
    text = "<think>图像 shows é.</think>"
    offsets = tuple((i, i + 1) for i in range(len(text)))
    trace = locate_tokens(parse_trace(text), offsets)
    words = case_words(Answer(tuple(range(len(text))), text, offsets, (0.0,) * len(text), "stop"), trace)
    assert "".join(word.text for word in words).replace(" ", "") == "图像showsé."


def _asked(tiny):
    """A column with a picture, as the screen has it."""
    return picture(90, 60), _written(tiny, TEXT)


@pytest.mark.parametrize("passes", [10_000, 0])
def test_methods_that_run_the_model_fill_every_row(tiny, monkeypatch, passes):
    monkeypatch.setattr(column_module, "WORD_PASSES", passes)
    image, column = _asked(tiny)
    maps = column_maps(tiny, column, "relevancy", image=image)
    assert maps.refused is None
    assert maps.values.shape == (15, 36)
    words = [n for n, row in enumerate(maps.rows) if row.kind == "word"]
    steps = [n for n, row in enumerate(maps.rows) if row.kind == "step"]
    first = next(word for word in words if column.words[word].step == column.trace.steps[0].index)
    shared = np.array_equal(maps.values[first], maps.values[steps[0]])
    assert shared == (passes == 0)
    assert maps.note.startswith("One map a step") == (passes == 0)


def test_a_method_that_needs_the_picture_refuses_without_it(tiny):
    _, column = _asked(tiny)
    assert column_maps(tiny, column, "occlusion").refused is not None
