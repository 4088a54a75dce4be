"""The Votes panel's desk on a tiny text-only model: drawn, stopped, refused, told."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.explain.interventions.cases import case_of
from tests.models.families import tiny_configs
from tests.tiny import load_tiny
from tests.ui.html.trees import words
from workbench.cases import Column
from workbench.errors import UserFacing
from workbench.models.answer import Decoding, Question
from workbench.ui.sessions import Live, Run, Sessions
from workbench.ui.votes.desk import TOP_K, VotesDesk
from workbench.ui.votes.view import votes_nodes

PAGE, OPTIONS = "page", ("left", "right")


@pytest.fixture
def desk(tmp_path) -> VotesDesk:
    model = load_tiny(tiny_configs.save_text(tmp_path / "model", "qwen3"))
    desk = VotesDesk(SimpleNamespace(), Sessions())
    page = desk.sessions.of(PAGE)
    page.run = Run("case1", None, Question("left", OPTIONS), Decoding(4, seed=3, recover=True))
    case = case_of(model, None, "left", OPTIONS)
    asked = replace(case.answer, decoding=Decoding(4, recover=True))
    column = Column("tiny", "Tiny", "done", case=replace(case, answer=asked))
    page.live = Live({"base": column, "tuned": column})
    return desk


def test_both_models_vote_and_the_panel_says_what_came_out(desk) -> None:
    states = list(desk.draw(PAGE, 3, 0.8))
    assert [state.busy for state in states] == [True] * 6 + [False] and states[-1].status == "Finished."
    assert [len(votes.samples) for votes in states[-1].votes.values()] == [3, 3]
    for votes in states[-1].votes.values():
        drawn = votes.samples[0].answer.decoding
        assert (drawn.temperature, drawn.top_k, drawn.max_new_tokens, drawn.seed) == (0.8, TOP_K, 4, 3)
        assert sum(bar.count for bar in votes.bars) == 3 and votes.vote.invalid == 0  # each was recovered
    text = words(votes_nodes(states[-1].votes))
    assert "Base: Tiny" in text and "A. left" in text and "recovered" in text


def test_stopping_keeps_what_was_drawn(desk) -> None:
    states = []
    for state in desk.draw(PAGE, 5, 0.8):
        states.append(state)
        desk.stop(PAGE)
    assert states[-1].status.startswith("Stopped.")
    assert [len(votes.samples) for votes in states[-1].votes.values()] == [1]


def test_a_page_that_moves_on_shows_no_more(desk) -> None:
    drawing = desk.draw(PAGE, 5, 0.8)
    next(drawing)
    desk.sessions.of(PAGE).forget_answers()
    assert list(drawing) == []


@pytest.mark.parametrize(("count", "temperature"), [(1, 0.6), (None, 0.6), (4, 0.0), (4, float("nan"))])
def test_what_can_not_be_drawn(desk, count, temperature) -> None:
    with pytest.raises(UserFacing):
        next(desk.draw(PAGE, count, temperature))
    with pytest.raises(UserFacing, match="no answer"):
        next(desk.draw("another page", 4, 0.6))
