"""One call for every intervention: each name gives what its own function gives at the end."""

import threading
from collections import deque

import numpy as np
import pytest

from tests.explain.cases import painted
from tests.explain.interventions.cases import TRACE, case_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.errors import UserFacing
from workbench.explain.interventions import (
    ACTIONS,
    EDIT_KINDS,
    WHOLE_EDITS,
    Outcome,
    ShuffleOutcome,
    TraceEdit,
    TraceOutcome,
    box_region,
    probe_options,
    probe_region,
    probe_trace,
    probe_whole,
)
from workbench.explain.interventions.by_name import CHANGES, intervene

BRIGHT = (16, 32, 24, 40)


@pytest.fixture(scope="module")
def decided(planted):
    """A case whose only word is decided by the patch at BRIGHT."""
    return case_of(planted, painted(48, 48, BRIGHT), (PLANTED_TOKEN,), max_new_tokens=3)


@pytest.fixture(scope="module")
def reasoned(tiny):
    return case_of(tiny, picture(48, 48), TRACE, ("yes", "no"), max_new_tokens=60)


def last(stream):
    (found,) = deque(stream, maxlen=1)
    return found


def test_every_change_has_one_name():
    assert [*CHANGES] == [*WHOLE_EDITS, "other", *ACTIONS, "shuffle options", *EDIT_KINDS, "anchor"]
    assert len({*CHANGES}) == len(CHANGES) == 13


@pytest.mark.parametrize("change", WHOLE_EDITS)
def test_a_change_of_the_whole_picture(decided, change):
    found, expected = intervene(decided, change, seed=4), last(probe_whole(decided, change, seed=4))
    assert isinstance(found, Outcome) and found.kind == change
    assert np.array_equal(found.pixels, expected.pixels)
    assert found.effect.total == pytest.approx(expected.effect.total, abs=1e-4)
    assert found.regenerated.answer.ids == expected.regenerated.answer.ids


def test_another_picture_is_given_as_an_image(decided):
    other = picture(30, 90)
    found, expected = (
        intervene(decided, "other", other=other),
        last(probe_whole(decided, "other", other=other.pixels)),
    )
    assert found.kind == "other" and np.array_equal(found.pixels, expected.pixels)
    with pytest.raises(UserFacing, match="no other picture"):
        intervene(decided, "other")


@pytest.mark.parametrize("change", ACTIONS)
@pytest.mark.parametrize("given", [BRIGHT, list(BRIGHT), box_region((48, 48), BRIGHT)])
def test_a_region_is_a_box_or_a_region(decided, change, given):
    found = intervene(decided, change, region=given, fill="mean")
    expected = next(iter(probe_region(decided, box_region((48, 48), BRIGHT), change, "mean")))
    assert found.kind == change and found.region.box == BRIGHT
    assert found.effect.total == pytest.approx(expected.effect.total, abs=1e-4)
    assert found.regenerated is not None and found.control_regenerated is not None


def test_a_region_that_is_missing_or_outside_is_refused_in_words(decided):
    for change in ACTIONS:
        with pytest.raises(UserFacing, match="needs a region") as fault:
            intervene(decided, change)
        assert "pixels" in fault.value.hint
        with pytest.raises(UserFacing, match="outside the picture"):
            intervene(decided, change, region=(50, 50, 60, 60))
    with pytest.raises(UserFacing, match="inpainted"):
        intervene(decided, "keep", region=BRIGHT, fill="inpaint")


def test_shuffled_options(reasoned):
    found, expected = intervene(reasoned, "shuffle options", seed=1), last(probe_options(reasoned, 1))
    assert isinstance(found, ShuffleOutcome) and found.original == "yes"
    assert [one.options for one in found.shuffles] == [one.options for one in expected.shuffles]
    assert len(found.shuffles) == found.planned == 1  # two options have one other order


def test_without_options_there_is_nothing_to_shuffle(decided):
    with pytest.raises(UserFacing, match="no options"):
        intervene(decided, "shuffle options")


@pytest.mark.parametrize(
    ("change", "given"),
    [("truncate", {"step": 1}), ("delete", {"step": 2}), ("delete", {"step": 2, "then": "continue"}),
     ("replace", {"step": 1, "text": "The lower zone is small."})],
)  # fmt: skip
def test_a_step_of_the_reasoning(reasoned, change, given):
    found, expected = (
        intervene(reasoned, change, **given),
        last(probe_trace(reasoned, TraceEdit(change, **given))),
    )
    assert isinstance(found, TraceOutcome) and found.edit == TraceEdit(change, **given)
    assert found.forced == expected.forced and found.delta == pytest.approx(expected.delta, abs=1e-4)
    assert found.regenerated.answer.ids == expected.regenerated.answer.ids


def test_a_step_that_is_not_there_or_has_no_words_is_refused_in_words(reasoned, decided):
    with pytest.raises(UserFacing, match="no step 9"):
        intervene(reasoned, "delete", step=9)
    with pytest.raises(UserFacing, match="no text"):
        intervene(reasoned, "replace", step=1)
    with pytest.raises(UserFacing, match="no reasoning steps"):
        intervene(decided, "truncate", step=0)


@pytest.mark.parametrize("change", [*WHOLE_EDITS, "remove", "keep", "block"])
def test_a_case_without_an_image_says_so(tiny, change):
    blind = case_of(tiny, None, (7, 11))
    region = {"region": box_region((48, 48), BRIGHT)} if change in ACTIONS else {}
    found = intervene(blind, change, **region)
    assert "no picture" in found.refused.reason and found.effect is None
    if region:
        with pytest.raises(UserFacing, match="no image"):
            intervene(blind, change, region=BRIGHT)


def test_a_change_of_another_name_lists_the_known_ones(decided):
    with pytest.raises(UserFacing, match="no intervention named 'magic'") as fault:
        intervene(decided, "magic")
    assert fault.value.hint == f"Known: {', '.join(CHANGES)}."


def test_stop_ends_what_is_written(decided):
    stop = threading.Event()
    stop.set()
    found = intervene(decided, "blank", stop=stop)
    assert found.effect is not None and found.regenerated.answer.finish == "cancelled"


def test_a_case_is_asked_by_its_own_method(decided):
    found, expected = decided.intervene("blank"), intervene(decided, "blank")
    assert found.effect.total == pytest.approx(expected.effect.total, abs=1e-4)
