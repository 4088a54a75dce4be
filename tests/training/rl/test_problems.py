"""Problems for reinforcement: reproducible by number, real and drawn in the stated share."""

from itertools import islice

import numpy as np
import pytest
from PIL import Image

from workbench.errors import UserFacing
from workbench.training.rl.problems import mixed_problems, problems_from_records
from workbench.training.sft.records import Record


@pytest.fixture
def records(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(path)
    return [
        Record("a", "Is this a CT?", "yes", path, ("yes", "no"), tag="<CT_SCAN>"),
        Record("b", "How many?", "3", path),
        Record("c", "Which organ?", "liver"),
    ]


def test_answers_that_the_reward_would_zero_are_not_asked(records):
    asked = {problem.record.record_id for problem in islice(problems_from_records(records, 0), 40)}
    assert asked == {"a", "c"}


def test_a_stride_takes_every_other_problem(records):
    stream = mixed_problems(records, 5, 0.5)
    whole = list(islice(stream(0, 1), 8))
    odd = list(islice(stream(1, 2), 4))
    assert [p.record for p in odd] == [p.record for p in whole[1::2]]
    assert [p.question for p in odd] == [p.question for p in whole[1::2]]


def test_the_share_of_drawn_questions_is_kept(records):
    real = [p.record.source != "phantoms" for p in islice(mixed_problems(records, 1, 0.6)(0, 1), 150)]
    assert 0.28 < np.mean(real) < 0.52
    drawn = islice(mixed_problems((), 1, 1.0)(0, 1), 3)
    assert all(p.record.source == "phantoms" for p in drawn)
    asked = islice(mixed_problems(records, 1, 0.0)(0, 1), 40)
    assert all(p.record.source != "phantoms" for p in asked)


def test_gold_answers_that_all_earn_nothing_are_refused():
    with pytest.raises(UserFacing, match="nothing for any of the 1 gold answers"):
        next(mixed_problems([Record("a", "How many?", "3")], 0, 0.0)(0, 1))


def test_options_are_shown_in_their_share_and_text_needs_no_picture(records):
    problems = list(islice(problems_from_records(records, 2, options=1.0), 20))
    for problem in problems:
        assert problem.question.options == problem.record.options
        assert (problem.image is None) == (problem.record.image is None)
