"""Made questions: the rare share is exact, letters are balanced, the same seed gives the same questions."""

import re
from collections import Counter

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.imaging.load import load_image
from workbench.phantoms.questions.phrasing import families
from workbench.phantoms.rare import RARE
from workbench.training.rare.knowledge import findings_table, load_knowledge
from workbench.training.rare.synthesis import place_answer, synthesise


def test_the_knowledge_file_is_complete():
    known = load_knowledge()
    rare = {c.name for c in known.conditions if c.rare}
    assert set(RARE) <= rare
    for condition in known.conditions:
        assert len(condition.questions) >= 4, condition.name
        assert condition.looks and condition.sign and condition.fact.endswith(".")
        for template in condition.questions:
            assert len(known.wrong(condition, template.answer)) >= 3
            if template.answer == "name":
                assert condition.name not in template.ask.lower()
    assert len({c.name for c in known.conditions}) == len(known.conditions)


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0, 0, 0), (0.03, 29, 31), (0.37, 369, 371), (1, 1000, 1000)]
)
def test_the_share_of_rare_questions_is_exact_up_to_rounding(share, least, most):
    made = list(synthesise(1000, share, seed=5))
    assert least <= sum(item.record.rare for item in made) <= most


def test_the_rare_flag_agrees_with_the_condition_that_the_question_is_on():
    by_question = {t.ask: c.rare for c in load_knowledge().conditions for t in c.questions}
    made = list(synthesise(300, 0.5, seed=1))
    assert all(by_question[item.record.question] == item.record.rare for item in made)


def test_the_gold_letters_of_any_thousand_questions_are_equally_frequent():
    made = list(synthesise(1000, 0.3, seed=2))
    places = Counter(item.record.options.index(item.record.answer) for item in made)
    assert places == {0: 250, 1: 250, 2: 250, 3: 250}
    rare = Counter(i.record.options.index(i.record.answer) for i in made if i.record.rare)
    assert min(rare.values()) > 50  # the letter does not tell what is rare


def test_the_answer_moves_to_its_place_and_the_others_keep_their_order():
    rows = [place_answer(("x", "a", "b"), "x", number, seed=0) for number in range(3)]
    assert sorted(row.index("x") for row in rows) == [0, 1, 2]
    assert all([option for option in row if option != "x"] == ["a", "b"] for row in rows)


def test_the_same_seed_gives_the_same_questions_wherever_one_starts():
    whole = list(synthesise(40, 0.4, seed=9))
    assert [i.record for i in whole] == [i.record for i in synthesise(40, 0.4, seed=9)]
    assert [i.record for i in whole[25:]] == [i.record for i in synthesise(15, 0.4, seed=9, first=25)]
    other = {i.record.record_id for i in synthesise(40, 0.4, seed=10)}
    assert not other & {i.record.record_id for i in whole}


def test_text_questions_carry_no_picture_and_their_wrong_options_are_wrong():
    for question, image, record in synthesise(200, 0.5, seed=3):
        assert image is None and record.image is None
        assert question.text == record.question and question.options == record.options
        assert len(set(record.options)) == 4 and record.answer in record.options
        if record.answer == "butterfly mass":
            assert "mass" not in record.options  # it is one


def test_pictures_show_what_the_record_says():
    made = list(synthesise(60, 0.5, seed=4, images=True, size=64))
    assert sum(item.record.rare for item in made) in (30, 31, 29)
    answers = {item.record.answer for item in made if item.record.rare}
    assert answers & set(RARE)
    for question, image, record in made:
        assert np.array_equal(load_image(record.image).pixels, image.pixels)
        assert record.tag and record.answer in question.options
        assert record.answer not in RARE or record.rare


def test_rare_names_are_wrong_options_of_common_pictures_too():
    made = synthesise(120, 0, seed=6, images=True, size=48)
    offered = {option for item in made for option in item.record.options}
    assert offered & set(RARE)


def test_a_butterfly_mass_is_never_denied_to_be_a_mass():
    known = load_knowledge()
    assert "mass" not in findings_table("brain", "butterfly mass", known).findings
    assert {"mass", "butterfly mass"} <= set(findings_table("brain", "mass", known).findings)


def test_pictures_have_their_own_phrasings_and_no_held_out_one():
    held_out = [re.escape(t).replace(r"\{f\}", ".+") for family in families() for t in family.test]
    for item in synthesise(60, 0.5, seed=8, images=True, size=48):
        assert not any(re.fullmatch(pattern, item.record.question) for pattern in held_out)


@pytest.mark.parametrize(("count", "share"), [(5, -0.1), (5, 1.1), (0, 0.5)])
def test_numbers_that_make_no_sense_are_refused(count, share):
    with pytest.raises(UserFacing):
        next(synthesise(count, share))
