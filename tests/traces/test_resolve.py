import pytest

from workbench.traces import answers_match, is_yes_no, normalise_answer, resolve_option

SIDES = ("left lung", "right lung", "both lungs", "lung")
YES_NO = ("Yes", "No")


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("B", SIDES, "B"), ("(B)", SIDES, "B"), ("B.", SIDES, "B"), ("Option B", SIDES, "B"), ("[B]", SIDES, "B"),
        ("**B**", SIDES, "B"), ("\\boxed{B}", SIDES, "B"), ("B. right lung", SIDES, "B"), ("B) right lung", SIDES, "B"),
        ("right lung", SIDES, "B"), ("The Right-Lung.", SIDES, "B"), ("It is the right lung", SIDES, "B"),
        ("lung", SIDES, "D"), ("rigt lung", SIDES, "B"), ("left lung and right lung", SIDES, None),
        ("E", SIDES, None), ("heart", SIDES, None), ("", SIDES, None), (None, SIDES, None), ("B", (), None),
        ("B. left lung", SIDES, None),
        ("yes", YES_NO, "A"), ("No, it is not.", YES_NO, "B"), ("yes, normal", YES_NO, "A"),
        ("normal", YES_NO, None), ("nodule", YES_NO, None), ("not sure", YES_NO, None),
        ("2", ("0", "1", "2", "3"), "C"), ("two", ("0", "1", "2", "3"), "C"), ("12", ("1", "2"), None),
        ("no abnormality", ("nodule", "no abnormality"), "B"),
        ("mri", ("X-ray", "MRI"), "B"), ("xray", ("X-ray", "MRI"), "A"),
    ],
)  # fmt: skip
def test_options(text, options, letter):
    assert resolve_option(text, options) == letter


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The X-Ray.", "x ray"), ("xray", "x ray"), ("Two  nodules!", "2 nodules"), ("3.5 cm", "3.5 cm"),
        ("  ", ""), ("左肺。", "左肺"),
    ],
)  # fmt: skip
def test_normalise(text, plain):
    assert normalise_answer(text) == plain


@pytest.mark.parametrize(
    ("text", "word"), [("Yes.", "yes"), ("NO evidence", "no"), ("normal", None), ("nodule", None), ("", None)]
)
def test_yes_no(text, word):
    assert is_yes_no(text) == word


@pytest.mark.parametrize(
    ("given", "gold", "same"),
    [
        ("yes, there is", "Yes", True), ("no", "yes", False), ("normal", "no", False), ("Chest X-Ray", "chest xray", True),
        ("left", "left lung", False), ("", "", False), ("two", "2", True),
    ],
)  # fmt: skip
def test_match(given, gold, same):
    assert answers_match(given, gold) is same
