import pytest

from workbench.errors import UserFacing
from workbench.models.answer import Question
from workbench.models.prompts import render_question
from workbench.models.templates import Template


def test_options_are_lettered_one_a_line():
    text = render_question(Question(" Which side? ", ("left", "right")), Template("{question}\nGo."))
    assert text == "Which side?\nA. left\nB. right\nGo."


def test_braces_in_a_question_are_harmless():
    assert render_question(Question("{question} {0}"), Template("Q: {question}")) == "Q: {question} {0}"


def test_more_options_than_letters_are_refused():
    with pytest.raises(UserFacing, match="27 options"):
        render_question(Question("x", tuple(map(str, range(27)))), Template("{question}"))
