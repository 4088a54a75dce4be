"""Direct logit attribution against a foil word."""

import numpy as np

from tests.explain.cases import WORD, case_of, painted, token_spans
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain import Refusal, explain, explain_spans, foil_token


def test_the_contrast_is_the_words_map_minus_the_foils(tiny):
    """Additive: same rows, so the map against a foil is the difference of two plain maps."""
    image = picture(70, 50)
    contrast = explain(case_of(tiny, image, (7,)), WORD, "logit_contrast", {"foil": 19})
    word, foil = (explain(case_of(tiny, image, (i,)), WORD, "logit_attribution") for i in (7, 19))
    assert np.allclose(contrast.values, word.values - foil.values, atol=1e-6)
    assert not np.allclose(contrast.values, word.values, atol=1e-4)
    assert 0 < contrast.image_share < 1


def test_swapping_word_and_foil_turns_the_sign(tiny):
    image = picture(70, 50)
    there = explain(case_of(tiny, image, (7,)), WORD, "logit_contrast", {"foil": 19})
    back = explain(case_of(tiny, image, (19,)), WORD, "logit_contrast", {"foil": 7})
    assert np.allclose(there.values, -back.values, atol=1e-6)


def test_a_patch_that_speaks_for_the_foil_is_negative(planted):
    case = case_of(planted, painted(48, 48, (16, 32, 24, 40)), (PLANTED_TOKEN + 1,))
    found = explain(case, WORD, "logit_contrast", {"foil": PLANTED_TOKEN})
    assert found.values.argmin() == np.abs(found.values).argmax()
    assert found.values.min() < 0


def test_without_a_foil_with_the_word_itself_or_outside_the_vocabulary_it_is_refused(tiny):
    case = case_of(tiny, picture(48, 48), (7, 11))
    none = explain_spans(case, [WORD], "logit_contrast")
    assert isinstance(none, Refusal) and "No foil" in none.reason
    same = explain_spans(case, [WORD], "logit_contrast", {"foil": 7})
    assert isinstance(same, Refusal) and "the word itself" in same.reason
    vocabulary = tiny.decoder.unembedding.out_features
    outside = explain_spans(case, [WORD], "logit_contrast", {"foil": vocabulary})
    assert isinstance(outside, Refusal) and str(vocabulary) in outside.reason


def test_one_word_that_is_the_foil_does_not_take_the_other_words_maps(tiny):
    case, spans = case_of(tiny, picture(48, 48), (7, 11)), token_spans((0,), (1,))
    same, other = explain_spans(case, spans, "logit_contrast", {"foil": 7})
    assert (same.values == 0).all() and same.image_share == 0
    assert "the word itself" in same.meta["note"]
    assert np.abs(other.values).max() > 0 and other.meta["note"] == ""


def test_a_foil_in_words_becomes_a_token(tiny):
    token = foil_token(tiny.tokenizer, "yes")
    assert " yes".startswith(tiny.tokenizer.decode([token])) and tiny.tokenizer.decode([token]).strip()
    for empty in ("", "  \n"):
        found = foil_token(tiny.tokenizer, empty)
        assert isinstance(found, Refusal) and "empty" in found.reason


def test_settings_may_name_the_foil_by_its_word(tiny):
    case = case_of(tiny, picture(48, 48), (7,))
    token = foil_token(tiny.tokenizer, "yes")
    by_word = explain(case, WORD, "logit_contrast", {"foil": "yes"})
    by_token = explain(case, WORD, "logit_contrast", {"foil": token})
    assert np.array_equal(by_word.values, by_token.values) and by_word.meta["params"] == {"foil": token}
    empty = explain(case, WORD, "logit_contrast", {"foil": " "})
    assert isinstance(empty, Refusal) and "empty" in empty.reason
