"""Votes: what is drawn, how it is counted, and when drawing ends."""

import threading
from dataclasses import replace

import pytest

from tests.explain.interventions.cases import case_of
from tests.models.families import tiny_configs
from tests.tiny import load_tiny
from workbench.cases import Votes, draw_votes
from workbench.errors import UserFacing
from workbench.models.answer import Decoding

OPTIONS = ("yes", "no", "unclear")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_tiny(tiny_configs.save_text(tmp_path_factory.mktemp("llama"), "llama"))


def test_counts_shares_and_confidence(model):
    said = ["The answer is B.", "I think so. The answer is **B**", "The answer is A", "It may be so, or not."]
    votes = Votes(4, tuple(case_of(model, None, text, OPTIONS) for text in said))
    assert [(bar.letter, bar.count, bar.share) for bar in votes.bars] == [
        ("A", 1, 0.25), ("B", 2, 0.5), ("C", 0, 0.0),
    ]  # fmt: skip
    assert (votes.vote.label, votes.vote.confidence, votes.vote.invalid) == ("no", 0.5, 1)
    assert votes.vote.agreement == pytest.approx(2 / 3)
    assert "B. no: 2 (50%)" in str(votes) and "1 could not be read" in str(votes)
    assert votes.record()["confidence"] == 0.5


def test_without_options_the_answers_given_are_the_bars(model):
    said = ["<answer>left lung</answer>", "<answer>the left lung</answer>", "<answer>heart</answer>"]
    votes = Votes(3, tuple(case_of(model, None, text) for text in said))
    assert [(bar.letter, bar.count) for bar in votes.bars] == [(None, 2), (None, 1)]


def test_samples_have_seeds_of_their_own_and_come_again(model):
    case = case_of(model, None, "left right", OPTIONS)
    sampling = Decoding(6, temperature=1.5, top_p=0.9, top_k=30, seed=7, recover=False)
    first, again = ([*draw_votes(case, 3, sampling)][-1] for _ in range(2))
    texts = [sample.answer.text for sample in first.samples]
    assert texts == [sample.answer.text for sample in again.samples] and len(set(texts)) > 1
    assert [sample.answer.decoding.seed for sample in first.samples] == [7, 8, 9]


def test_only_the_top_k_tokens_are_drawn(model):
    case = case_of(model, None, "left right")
    greedy = model.generate(case.prompt, Decoding(6)).ids
    hot = Decoding(6, temperature=5.0)
    assert model.generate(case.prompt, replace(hot, top_k=1)).ids == greedy
    assert any(model.generate(case.prompt, replace(hot, seed=seed)).ids != greedy for seed in range(3))


def test_drawing_ends_when_it_is_stopped(model):
    stop, drawn = threading.Event(), []
    for votes in draw_votes(case_of(model, None, "left"), 5, stop=stop):
        drawn.append(votes)
        stop.set()
    assert len(drawn) == 1 == len(drawn[0].samples)


@pytest.mark.parametrize(("count", "sampling"), [(0, None), (65, None), (2, Decoding(4))])
def test_what_can_not_be_drawn(model, count, sampling):
    with pytest.raises(UserFacing):
        list(draw_votes(case_of(model, None, "left"), count, sampling))
