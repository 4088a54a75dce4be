"""Direct logit attribution against a foil word."""

import numpy as np

from tests.explain.methods.conftest import answer_of, painted
from tests.tiny import PLANTED_TOKEN, picture
from workbench.cases.answered import AnsweredCase
from workbench.explain import Refusal, Span, explain, explain_spans, foil_token, gather_evidence
from workbench.models.answer import Question

WORD = Span("token", "x", (0,))


def test_the_contrast_is_the_words_map_minus_the_foils(tiny):
    """Additive: same rows, so the map against a foil is the difference of two plain maps."""
    prompt = tiny.prepare(Question("left"), picture(70, 50))
    contrast = explain(
        AnsweredCase.of(tiny, prompt, None, answer_of((7,))), WORD, "logit_contrast", {"foil": 19}
    )
    word, foil = (
        explain(AnsweredCase.of(tiny, prompt, None, answer_of((i,))), WORD, "logit_attribution")
        for i in (7, 19)
    )
    assert np.allclose(contrast.values, word.values - foil.values, atol=1e-6)
    assert not np.allclose(contrast.values, word.values, atol=1e-4)
    assert 0 < contrast.image_share < 1


def test_swapping_word_and_foil_turns_the_sign(tiny):
    prompt = tiny.prepare(Question("left"), picture(70, 50))
    there = explain(
        AnsweredCase.of(tiny, prompt, None, answer_of((7,))), WORD, "logit_contrast", {"foil": 19}
    )
    back = explain(AnsweredCase.of(tiny, prompt, None, answer_of((19,))), WORD, "logit_contrast", {"foil": 7})
    assert np.allclose(there.values, -back.values, atol=1e-6)


def test_a_patch_that_speaks_for_the_foil_is_negative(planted):
    prompt = planted.prepare(Question("left"), painted(48, 48, (16, 32, 24, 40)))
    found = explain(
        AnsweredCase.of(planted, prompt, None, answer_of((PLANTED_TOKEN + 1,))),
        WORD,
        "logit_contrast",
        {"foil": PLANTED_TOKEN},
    )
    assert found.values.argmin() == np.abs(found.values).argmax()
    assert found.values.min() < 0


def test_without_a_foil_with_the_word_itself_or_outside_the_vocabulary_it_is_refused(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    evidence = gather_evidence(tiny, prompt, answer_of((7, 11)))
    none = explain_spans(evidence, [WORD], "logit_contrast")
    assert isinstance(none, Refusal) and "No foil" in none.reason
    same = explain_spans(evidence, [WORD], "logit_contrast", {"foil": 7})
    assert isinstance(same, Refusal) and "the word itself" in same.reason
    outside = explain_spans(evidence, [WORD], "logit_contrast", {"foil": evidence.vocabulary})
    assert isinstance(outside, Refusal)


def test_one_word_that_is_the_foil_does_not_take_the_other_words_maps(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    evidence = gather_evidence(tiny, prompt, answer_of((7, 11)))
    same, other = explain_spans(evidence, [WORD, Span("token", "y", (1,))], "logit_contrast", {"foil": 7})
    assert (same.values == 0).all() and same.image_share == 0
    assert "the word itself" in same.meta["note"]
    assert np.abs(other.values).max() > 0 and other.meta["note"] == ""


def test_a_foil_in_words_becomes_a_token(tiny):
    token = foil_token(tiny.tokenizer, "yes")
    assert " yes".startswith(tiny.tokenizer.decode([token])) and tiny.tokenizer.decode([token]).strip()
    for empty in ("", "  \n"):
        found = foil_token(tiny.tokenizer, empty)
        assert isinstance(found, Refusal) and "empty" in found.reason
