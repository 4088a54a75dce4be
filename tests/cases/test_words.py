"""Display words of an answer: their text, their tokens, and where they stand."""

from workbench.cases.words import case_words
from workbench.models.answer import Answer
from workbench.traces import locate_tokens, parse_trace

WORDS = ["The", "image", "shows", "a", "spot.", "Therefore", "the", "answer", "is", "left.", "left"]


def test_words_know_their_step_and_their_place(case):
    assert [word.text for word in case.words] == WORDS
    assert [word.step for word in case.words] == [0] * 5 + [1] * 5 + [None]
    assert [word.in_answer for word in case.words] == [False] * 10 + [True]
    assert [case.answer.text[word.char_start : word.char_end] for word in case.words] == WORDS


def test_the_same_word_twice_has_its_own_tokens(case):
    first, second = case.words[9], case.words[10]
    assert first.token_end <= second.token_start


def test_words_survive_other_scripts():
    text = "<think>图像 shows é.</think>"
    offsets = tuple((i, i + 1) for i in range(len(text)))
    trace = locate_tokens(parse_trace(text), offsets)
    words = case_words(Answer(tuple(range(len(text))), text, offsets, (0.0,) * len(text), "stop"), trace)
    assert "".join(word.text for word in words).replace(" ", "") == "图像showsé."


def test_no_text_is_no_word():
    assert case_words(Answer(), parse_trace("")) == ()
