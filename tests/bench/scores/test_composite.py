"""The composite reward: the published table row by row, its odd consequences, and what each lamp says."""

import time

import pytest

from workbench.bench.scores.composite import (
    PUBLISHED,
    WEIGHTS,
    Component,
    Composite,
    Rules,
    composite_of,
    composite_reward,
    extract_answer,
    invalid_reason,
    modality_tag,
    ngram_cosine,
    offline_judge,
    preprocess,
    score_response,
)
from workbench.bench.store.results import Result

TAG = "<CT_SCAN>"
GOOD = "<CT_SCAN><thinking>A dark liver.</thinking><answer>fatty liver</answer>"


def judged(llm: bool, near: bool) -> Rules:
    """Rules with a judge and an embedding that always say the same."""
    return Rules(
        judge=lambda question, gold, answer: llm, similarity=lambda gold, answer: 0.80 if near else 0.79
    )


def response(modality: bool, format: bool) -> str:
    tail = "" if format else " I am sure"
    return f"{TAG if modality else '<X_RAY>'}<thinking>Bright.</thinking><answer>steatosis</answer>{tail}"


@pytest.mark.parametrize(
    ("llm", "embed", "modality", "format", "total"),
    [
        (1, 1, 1, 1, 1.000),
        (1, 1, 0, 1, 0.955),
        (1, 1, 0, 0, 0.855),
        (1, 0, 1, 1, 0.6625),
        (0, 1, 1, 1, 0.4825),
        (0, 0, 1, 1, 0.145),
        (0, 0, 0, 1, 0.100),
    ],
)
def test_the_published_table(llm: int, embed: int, modality: int, format: int, total: float) -> None:
    given = response(bool(modality), bool(format))
    found = composite_reward(given, "What is it?", "fatty liver", TAG, judged(bool(llm), bool(embed)))
    assert (found.llm, found.embed, found.modality, found.format) == (llm, embed, modality, format)
    assert found.total == pytest.approx(total, abs=1e-12)
    assert found.zero_reason == ""
    assert found.answer == "steatosis"


def test_an_exact_match_asks_nobody() -> None:
    def refuse(*words: str) -> bool:
        raise AssertionError("asked")

    found = composite_reward(GOOD, "What is it?", "fatty liver.", TAG, Rules(judge=refuse, similarity=refuse))
    assert found.total == pytest.approx(1.0)


def test_the_judge_gets_question_gold_and_answer() -> None:
    asked: list[tuple[str, ...]] = []
    rules = Rules(
        judge=lambda *words: bool(asked.append(words)), similarity=lambda *words: asked.append(words) or 0
    )
    composite_reward(GOOD, "What is it?", "steatosis", TAG, rules)
    assert asked == [("What is it?", "steatosis", "fatty liver"), ("steatosis", "fatty liver")]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("B", 'single character "B"'),
        ("B.", 'single character "B"'),
        ("3", 'single character "3"'),
        ("BP: 120", 'contains ":"'),
        ("1:200", 'contains ":"'),
        ("a nodule?", 'contains "?"'),
        ("left __ lung", 'contains "__"'),
        (" . ", "empty"),
        ("", "empty"),
    ],
)
def test_letters_and_certain_marks_earn_no_accuracy_even_when_right(answer: str, told: str) -> None:
    given = f"{TAG}<thinking>So it is.</thinking><answer>{answer}</answer>"
    found = composite_reward(given, "Which?", answer, TAG, judged(True, True))
    assert (found.llm, found.embed) == (0, 0)
    assert found.total == pytest.approx(0.145)
    assert told in found.zero_reason and "without answer tags" not in found.zero_reason


def test_missing_answer_tags_make_the_whole_response_the_answer() -> None:
    spoken = composite_reward(
        "The answer is: fatty liver", "What is it?", "fatty liver", TAG, judged(True, True)
    )
    assert spoken.total == 0
    assert spoken.zero_reason == (
        'without answer tags the whole response is the answer, and the answer contains ":"'
    )
    bare = composite_reward("fatty liver.", "What is it?", "fatty liver", TAG)
    assert (bare.answer, bare.zero_reason) == ("fatty liver", "")
    assert bare.total == pytest.approx(0.855)


def test_the_first_answer_counts() -> None:
    assert extract_answer("<answer> one. </answer><answer>two</answer>") == ("one", True)
    assert extract_answer("<answer>open") == ("<answer>open", False)


def test_white_space_around_tags_is_forgiven() -> None:
    loose = "< CT_SCAN >\n<thinking >\n A dark liver. < / thinking>\n\n<answer> fatty liver </answer> \n"
    assert preprocess(loose) == GOOD
    assert composite_reward(loose, "", "fatty liver", TAG).total == pytest.approx(1.0)
    assert preprocess("and / or 1 / 200") == "and/or 1/200"


def test_the_short_spelling_of_the_tag_counts_only_when_not_strict() -> None:
    short = GOOD.replace("thinking>", "think>")
    strict = composite_reward(short, "", "fatty liver", TAG)
    assert (strict.format, strict.modality, strict.llm) == (0, 0, 1)
    assert composite_reward(short, "", "fatty liver", TAG, Rules(strict=False)).total == pytest.approx(1.0)
    assert composite_reward(GOOD, "", "fatty liver", TAG, Rules(strict=False)).total == pytest.approx(1.0)


@pytest.mark.parametrize(
    "broken",
    [
        GOOD + "!",
        GOOD.replace("</thinking>", "</thinking> so "),
        GOOD.replace("</thinking>", ""),
        GOOD.replace("<thinking>", ""),
        GOOD.replace("</answer>", ""),
    ],
)
def test_anything_but_thinking_then_answer_breaks_the_format(broken: str) -> None:
    assert composite_reward(broken, "", "fatty liver", TAG).format == 0


@pytest.mark.parametrize(
    ("before", "tag", "earned"),
    [
        ("<ct_scan>", TAG, 1),
        ("<CT_SCAN>\n", TAG, 1),
        ("<MRI_SCAN>", TAG, 0),
        ("A <CT_SCAN>", TAG, 0),
        ("", TAG, 0),
        ("", "", 0),
    ],
)
def test_the_modality_tag_stands_alone_before_the_thinking(before: str, tag: str, earned: int) -> None:
    given = GOOD.replace(TAG, before)
    assert composite_reward(given, "", "fatty liver", tag).modality == earned


def test_without_thinking_the_tag_earns_nothing() -> None:
    assert composite_reward(f"{TAG}<answer>fatty liver</answer>", "", "fatty liver", TAG).modality == 0


def test_a_response_that_repeats_itself_is_scored_quickly() -> None:
    for repeated in ("</thinking><answer>", " ", ".", "x ", "</thinking>x"):
        long = f"<thinking>{repeated * 20_000}x:"
        for given in (long, f"{long}</answer>"):
            began = time.process_time()
            assert composite_reward(given, "", "fatty liver", TAG).llm == 0
            assert time.process_time() - began < 1.0


def test_the_offline_judge_knows_spellings_but_not_synonyms() -> None:
    assert offline_judge("How many?", "2", "two")
    assert offline_judge("Is it?", "yes", "Yes, it is")
    assert not offline_judge("Where?", "left lung", "right lung")
    assert not offline_judge("What?", "steatosis", "fatty liver")


def test_the_stand_in_compares_spelling() -> None:
    # " ab " has " ab", "ab "; " abc " has " ab", "abc", "bc ": one of √2·√3 in common.
    assert ngram_cosine("ab", "abc") == pytest.approx(1 / 6**0.5)
    assert ngram_cosine("Left  Lung", "left lung") == pytest.approx(1.0)
    assert ngram_cosine("xyz", "abc") == 0
    assert ngram_cosine("", "abc") == 0 == ngram_cosine("", "")
    assert (
        ngram_cosine("pleural effusions", "pleural effusion") > 0.80 > ngram_cosine("left lung", "right lung")
    )


def test_valid_answers_have_no_reason() -> None:
    assert invalid_reason("no") == "" == invalid_reason("1/200")


def line(text: str, gold: str = "fatty liver", **fields: object) -> Result:
    known = {
        "key": "k", "item_id": "1", "model": "m", "condition": "image", "question": "What is it?",
        "gold": gold, "answer": "", "correct": True, "axes": None, "seconds": 0.1, "modality": "CT",
    }  # fmt: skip
    return Result(**{**known, "text": text, **fields})


def parts(found: Composite) -> dict[str, Component]:
    return {part.name: part for part in found.components}


def test_weights_are_the_effective_ones() -> None:
    assert pytest.approx({"llm": 0.5175, "embed": 0.3375, "modality": 0.045, "format": 0.10}) == WEIGHTS
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_a_stored_line_shows_its_lamps() -> None:
    found = composite_of(line(GOOD.replace("thinking>", "think>")))
    assert [part.value for part in found.components] == [1, 1, 1, 1]
    assert found.total == pytest.approx(1.0) and {part.reason for part in found.components} == {""}
    strict = composite_of(line(GOOD.replace("thinking>", "think>")), PUBLISHED)
    assert strict.total == pytest.approx(0.855)
    assert parts(strict)["format"].reason == "missing: <thinking>, </thinking>"
    assert parts(strict)["modality"].reason == "no thinking tag, so nothing stands before it"


def test_every_zero_has_its_reason() -> None:
    found = composite_of(line("<X_RAY><think>Dark.</think><answer>steatosis</answer> Sure."))
    assert found.total == 0.0
    assert {part.name: part.reason for part in found.components} == {
        "llm": "not the same answer as the gold one, says the judge",
        "embed": "similarity 0.00 is below 0.80",
        "modality": '"<X_RAY>" stands before the thinking, not <CT_SCAN>',
        "format": "the response is not thinking, then answer, and no more",
    }
    letter = composite_of(line("<CT_SCAN><think>Dark.</think><answer>B</answer>", gold="B"))
    assert letter.total == pytest.approx(0.145) and "single character" in parts(letter)["llm"].reason


def test_a_similarity_just_below_is_not_rounded_up() -> None:
    rules = Rules(similarity=lambda gold, answer: 0.7999)
    found = score_response(GOOD, "", "steatosis", TAG, rules)
    assert parts(found)["embed"].reason == "similarity 0.79 is below 0.80"


def test_what_cannot_be_computed_is_no_zero() -> None:
    unknown = composite_of(line(GOOD, modality="thermography"))
    assert unknown.total is None
    assert parts(unknown)["modality"].value is None and "not computed" in parts(unknown)["modality"].reason
    assert (unknown.lowest, unknown.highest) == (pytest.approx(0.955), pytest.approx(1.0))
    alone = Rules(judge=None, similarity=None)
    exact = score_response(GOOD, "", "fatty liver", TAG, alone)
    assert exact.total == pytest.approx(1.0)  # an exact match asks nobody
    other = score_response(GOOD, "", "steatosis", TAG, alone)
    assert (other.total, other.lowest, other.highest) == (None, pytest.approx(0.145), pytest.approx(1.0))
    invalid = score_response(GOOD.replace("fatty liver", "B"), "", "B", TAG, alone)
    assert invalid.total == pytest.approx(0.145)
    failed = composite_of(line("", error="no answer"))
    assert failed.total is None and (failed.lowest, failed.highest) == (0.0, pytest.approx(1.0))
    with pytest.raises(ValueError, match="needs a judge"):
        composite_reward(GOOD, "", "steatosis", TAG, alone)


def test_modalities_of_items_have_their_tags() -> None:
    names = ("CT", "x-ray", "blood smear", "histology", "fundus photograph", "PET", "dermoscopy", "chart")
    assert [modality_tag(name) for name in names] == [
        "<CT_SCAN>", "<X_RAY>", "<MICROSCOPY>", "<MICROSCOPY>", "<FUNDUS_PHOTOGRAPHY>", "<PET_SCAN>",
        "<CLINICAL_PHOTOGRAPHY>", "<GRAPHICS>",
    ]  # fmt: skip
    assert modality_tag("") == modality_tag("thermography") == ""
