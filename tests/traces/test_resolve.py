import pytest

from workbench.traces import answers_match, is_yes_no, normalise_answer, resolve_option

SIDES = ("left lung", "right lung", "both lungs", "lung")
YES_NO = ("Yes", "No")


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("B", SIDES, "B"),
        ("(B)", SIDES, "B"),
        ("B.", SIDES, "B"),
        ("Option B", SIDES, "B"),
        ("[B]", SIDES, "B"),
        ("**B**", SIDES, "B"),
        ("\\boxed{B}", SIDES, "B"),
        ("B. right lung", SIDES, "B"),
        ("B) right lung", SIDES, "B"),
        ("right lung", SIDES, "B"),
        ("The Right-Lung.", SIDES, "B"),
        ("It is the right lung", SIDES, "B"),
        ("lung", SIDES, "D"),
        ("rigt lung", SIDES, "B"),
        ("left lung and right lung", SIDES, None),
        ("E", SIDES, None),
        ("heart", SIDES, None),
        ("", SIDES, None),
        (None, SIDES, None),
        ("B", (), None),
        ("B. left lung", SIDES, None),
        ("yes", YES_NO, "A"),
        ("No, it is not.", YES_NO, "B"),
        ("yes, normal", YES_NO, "A"),
        ("normal", YES_NO, None),
        ("nodule", YES_NO, None),
        ("not sure", YES_NO, None),
        ("2", ("0", "1", "2", "3"), "C"),
        ("two", ("0", "1", "2", "3"), "C"),
        ("12", ("1", "2"), None),
        ("no abnormality", ("nodule", "no abnormality"), "B"),
        ("mri", ("X-ray", "MRI"), "B"),
        ("xray", ("X-ray", "MRI"), "A"),
    ],
)
def test_options(text, options, letter):
    assert resolve_option(text, options) == letter


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The X-Ray.", "x ray"),
        ("xray", "x ray"),
        ("Two  nodules!", "2 nodules"),
        ("3.5 cm", "3.5 cm"),
        ("  ", ""),
        ("左肺。", "左肺"),
    ],
)
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
        ("yes, there is", "Yes", True),
        ("no", "yes", False),
        ("normal", "no", False),
        ("Chest X-Ray", "chest xray", True),
        ("left", "left lung", False),
        ("", "", False),
        ("two", "2", True),
    ],
)
def test_match(given, gold, same):
    assert answers_match(given, gold) is same


FINDINGS = ("pneumonia", "pleural effusion", "nodule", "normal")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("b", "B"),
        ("Option B is correct", "B"),
        ("The answer is B", "B"),
        ("\\boxed{\\text{C}}", "C"),
        ("B. The fluid is layered", "B"),
        ("effusion", "B"),
        ("pnuemonia", "A"),
        ("not a nodule but pneumonia", "A"),
        ("pneumonia or nodule", None),
        ("B or C", None),
        ("(B) pleural effusion, not (C)", None),
        ("No nodule", None),
        ("no", None),
        ("abnormal", None),
    ],
)
def test_findings(text, letter):
    assert resolve_option(text, FINDINGS) == letter


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("normal", ("abnormal", "nodule"), None),
        ("irregular", ("regular", "smooth"), None),
        ("hypertension", ("hypotension", "shock"), None),
        ("T1", ("T2", "PD"), None),
        ("type I", ("type II", "type III"), None),
        ("left upper lobe bronchus", ("left lower lobe bronchus", "trachea"), None),
        ("female patient", ("male patient", "child"), None),
        ("oedema", ("edema", "mass"), "A"),
        ("haemorrhage", ("hemorrhage", "mass"), "A"),
        ("E. coli", ("S. aureus", "E. coli"), "B"),
        ("E. coli", ("v", "w", "x", "y", "z"), None),
        ("B", ("B", "A"), None),
        ("Mass", ("A. pneumonia", "B. mass"), "B"),
        ("left", ("left upper zone", "left lower zone"), None),
        ("left lower zone", ("left", "left lower zone"), "B"),
        ("effusion", ("no effusion", "mass"), None),
        ("yes or no", YES_NO, None),
        ("there is no nodule", YES_NO, None),
        ("None", YES_NO, None),
        ("nothing", YES_NO, None),
        ("左肺结节", ("结节", "正常"), "A"),
        ("无结节", ("结节", "正常"), None),
    ],
)
def test_a_wrong_option_is_worse_than_none(text, options, letter):
    assert resolve_option(text, options) == letter


@pytest.mark.parametrize(
    ("given", "gold", "same"),
    [
        ("hepatitis A", "hepatitis", False),
        ("A nodule", "nodule", True),
        ("1 2", "12", False),
        ("<5 mm", ">5 mm", False),
        ("-1", "1", False),
        ("T2-weighted", "T2 weighted", True),
        ("1,000", "1000", True),
        ("2.0 cm", "2 cm", True),
        ("HER2+", "HER2", False),
        ("CT scan", "CT", True),
        ("none", "no", False),
        ("yes and no", "yes", False),
    ],
)
def test_match_keeps_what_changes_the_meaning(given, gold, same):
    assert answers_match(given, gold) is same
