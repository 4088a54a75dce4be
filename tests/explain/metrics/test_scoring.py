import numpy as np
import pytest
import torch

from tests.explain.cases import answer_of, case_of
from tests.tiny import picture
from workbench.errors import UserFacing
from workbench.explain import Span
from workbench.explain.metrics import SharedScore, span_scorer
from workbench.models.answer import Question

QUESTION = Question("Is there evidence of a nodule?")


def _pictures(count: int, width: int, height: int) -> list[np.ndarray]:
    return [picture(width, height, seed).pixels for seed in range(count)]


@pytest.mark.parametrize(("width", "height"), [(48, 48), (70, 50), (30, 90)])
def test_a_batch_scores_exactly_as_one_by_one_and_as_the_session_does(tiny, width, height):
    answer, span = answer_of((7, 11, 13, 17)), Span("all", "two", (1, 3))
    image, pictures = picture(width, height), _pictures(5, width, height)
    together = span_scorer(case_of(tiny, image, answer, QUESTION), span, batch=3)(pictures)
    alone = span_scorer(case_of(tiny, image, answer, QUESTION), span, batch=1)(pictures)
    session = [
        tiny.teacher_force(tiny.prepare(QUESTION, picture(width, height, seed)), answer.ids).logprobs[[1, 3]]
        for seed in range(5)
    ]
    assert together.shape == (5,)
    assert np.abs(together - alone).max() < 1e-4
    assert np.abs(together - np.sum(session, axis=1)).max() < 1e-4
    assert np.ptp(together) > 1e-3  # the pictures do differ


def test_words_after_the_span_do_not_matter_and_words_before_do(tiny):
    image, span = picture(48, 48), Span("token", "x", (1,))
    one, same, other = (
        span_scorer(case_of(tiny, image, ids, QUESTION), span)([image.pixels])
        for ids in ((7, 11), (7, 11, 99, 42), (8, 11))
    )
    assert one == same
    assert abs(one - other) > 1e-5


def test_nothing_is_generated(tiny, monkeypatch):
    monkeypatch.setattr(tiny.model, "generate", lambda **_: pytest.fail("an answer was generated"))
    image = picture(48, 48)
    assert (
        span_scorer(
            case_of(tiny, image, (7,), QUESTION),
            Span("token", "x", (0,)),
        )([image.pixels])
        < 0
    )


@pytest.mark.parametrize("tokens", [(2,), (0, 5), (-1,)])
def test_a_span_outside_the_answer_is_refused(tiny, tokens):
    with pytest.raises(UserFacing, match="outside"):
        span_scorer(
            case_of(tiny, picture(48, 48), (7, 11), QUESTION),
            Span("all", "x", tokens),
        )


def test_a_picture_of_another_size_is_refused(tiny):
    score = span_scorer(
        case_of(tiny, picture(48, 48), (7,), QUESTION),
        Span("token", "x", (0,)),
    )
    with pytest.raises(ValueError, match="the image is"):
        score(_pictures(1, 40, 48))


def test_out_of_memory_halves_the_batch_and_then_says_so(tiny, monkeypatch):
    image, pictures, span = picture(48, 48), _pictures(6, 48, 48), Span("token", "x", (0,))
    expected = span_scorer(case_of(tiny, image, (7,), QUESTION), span)(pictures)
    forward, room, sizes = tiny.model.forward, 2, []

    def small(**inputs):
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > room:
            raise torch.OutOfMemoryError
        return forward(**inputs)

    monkeypatch.setattr(tiny.model, "forward", small)
    found = span_scorer(case_of(tiny, image, (7,), QUESTION), span, batch=8)(pictures)
    assert np.abs(found - expected).max() < 1e-4
    assert sizes == [6, 4, 2, 2, 2]
    room = 0
    with pytest.raises(torch.OutOfMemoryError):
        span_scorer(case_of(tiny, image, (7,), QUESTION), span)(pictures)


def test_a_shared_score_asks_for_each_picture_once():
    asked = []

    def score(pictures):
        asked.append(len(pictures))
        return np.array([float(p.sum()) for p in pictures])

    shared = SharedScore(score)
    one, two, three = (np.full((2, 2, 3), value, np.uint8) for value in (1, 2, 3))
    assert shared([one, two, one]).tolist() == [12, 24, 12]
    assert shared([two, three]).tolist() == [24, 36]
    assert (asked, shared.forwards) == ([2, 1], 3)
