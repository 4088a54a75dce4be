"""Text scores against numbers worked out by hand."""

import math

import pytest

from workbench.bench.scores.scoring import bleu1, corpus_bleu1, token_f1
from workbench.bench.scores.text_scores import class_scores, macro_f1, short_answer_scores

PAIRS = [
    ("the left lung", "left lung"),  # words 3 and 2, shared 2; normalised the same
    ("no", "no fracture"),  # shared 1 of 1 and 2
    ("nodule nodule", "nodule"),  # the second is clipped
    ("", "mass"),
]


def test_token_f1_and_bleu1_by_hand() -> None:
    assert [token_f1(*pair) for pair in PAIRS] == pytest.approx([4 / 5, 2 / 3, 2 / 3, 0])
    assert [bleu1(*pair) for pair in PAIRS] == pytest.approx([2 / 3, math.exp(-1), 1 / 2, 0])
    # corpus: matched 2 + 1 + 1, given 3 + 1 + 2, reference 2 + 2 + 1 + 1: as long as the reference
    assert corpus_bleu1(PAIRS) == pytest.approx(4 / 6)


def test_overlap_is_no_meaning() -> None:
    assert bleu1("no fracture", "fracture") == 0.5 and token_f1("no fracture", "fracture") == pytest.approx(
        2 / 3
    )


def test_macro_f1_by_hand() -> None:
    golds = ["axial"] * 4 + ["Coronal"] * 2
    given = ["axial", "Axial.", "coronal", "sagittal", "coronal", "axial"]
    # axial: given 3, gold 4, right 2 → P 2/3, R 1/2, F1 4/7; coronal: given 2, gold 2, right 1 → 1/2 each
    axial, coronal = class_scores(list(zip(given, golds, strict=True)))
    assert (axial.name, axial.support, coronal.support) == ("axial", 4, 2)
    assert (axial.precision, axial.recall, axial.f1) == pytest.approx((2 / 3, 1 / 2, 4 / 7))
    assert (coronal.precision, coronal.recall, coronal.f1) == pytest.approx((1 / 2, 1 / 2, 1 / 2))
    assert macro_f1([axial, coronal]) == pytest.approx((4 / 7 + 1 / 2) / 2)


def test_macro_f1_shows_what_accuracy_hides() -> None:
    always = [("no", "no")] * 9 + [("no", "yes")]
    # no: P 9/10, R 1 → 18/19; yes is never given → 0
    classes = class_scores(always)
    assert macro_f1(classes) == pytest.approx(9 / 19)
    assert [score.precision for score in classes] == [0.9, 0.0]
    assert macro_f1([]) is None


def test_other_scripts_have_words() -> None:
    assert token_f1("左 肺", "左 肺") == 1.0 and bleu1("пневмония слева", "Пневмония") == 0.5


def test_the_figures_of_one_answer() -> None:
    """ "no" against "no fracture": precision 1, recall 1/2, F1 2/3, BLEU-1 exp(1 − 2)."""
    found = short_answer_scores("No.", ["no fracture", "nothing"])
    assert found == pytest.approx(
        {
            "exact_match": 0,
            "bleu1": math.exp(-1),
            "token_f1": 2 / 3,
            "token_precision": 1,
            "token_recall": 0.5,
        }
    )
    assert short_answer_scores("none", ["no fracture", "None"])["exact_match"] == 1
    with pytest.raises(ValueError, match="gold"):
        short_answer_scores("no", [])
