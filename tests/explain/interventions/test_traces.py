"""Edited reasoning and shuffled options on tiny models: exact ids, and answers mapped back."""

from dataclasses import replace

import pytest

from tests.explain.interventions.cases import TRACE, case_of
from tests.tiny import picture
from workbench.errors import UserFacing
from workbench.explain.interventions import options as options_module
from workbench.explain.interventions.options import probe_options, shuffled_orders
from workbench.explain.interventions.regenerate import Regenerated, same_answer
from workbench.explain.interventions.traces import TraceEdit, edit_label, forced_start, probe_trace
from workbench.models.answer import Answer
from workbench.traces.read import read_trace

FIRST = "<think>The image shows a small round bright spot in the left upper zone."
SECOND = " The lower zone is small."
THIRD = " Therefore the answer is yes."
CLOSE = "</think><answer>"


@pytest.fixture
def told(tiny):
    return case_of(tiny, picture(48, 48), TRACE)


def decoded(case, ids) -> str:
    return case.model.tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (TraceEdit("truncate", 0), "<think>" + CLOSE),
        (TraceEdit("truncate", 1), FIRST + CLOSE),
        (TraceEdit("truncate", 2, "continue"), FIRST + SECOND),
        (TraceEdit("truncate", 3), FIRST + SECOND + THIRD + CLOSE),
        (TraceEdit("delete", 2), FIRST + THIRD + CLOSE),
        (TraceEdit("delete", 2, "continue"), FIRST),
        (
            TraceEdit("replace", 2, text="The spot  is bright."),
            FIRST + " The spot is bright." + THIRD + CLOSE,
        ),
        (TraceEdit("replace", 1, "continue", "Bright."), "<think>Bright."),
    ],
)
def test_what_the_model_is_made_to_start_with(told, edit, text) -> None:
    ids = forced_start(told, edit)
    assert decoded(told, ids) == text
    if edit.kind == "truncate":
        kept = told.trace.steps[edit.step - 1].token_end if edit.step else told.trace.steps[0].token_start
        assert ids[:kept] == told.answer.ids[:kept]


def test_the_model_continues_exactly_after_the_forced_ids(told) -> None:
    first, last = probe_trace(told, TraceEdit("truncate", 1, "continue"))
    assert first.regenerated is None and first.forced == last.forced
    written = last.regenerated
    assert written.forced == len(last.forced)
    assert written.answer.ids[: written.forced] == last.forced
    new = written.answer.ids[written.forced :]
    again = told.model.teacher_force(told.prompt, written.answer.ids).logprobs
    assert list(written.answer.logprobs[written.forced :]) == pytest.approx(
        again[written.forced :].tolist(), abs=1e-4
    )
    assert len(new) > 0 and written.answer.text.startswith(decoded(told, last.forced))


def test_probability_of_the_original_answer_by_hand(told) -> None:
    (first, _) = probe_trace(told, TraceEdit("delete", 1))
    start = told.answer.text.index("yes", told.answer.text.index("<answer>"))
    at = next(i for i, (a, b) in enumerate(told.answer.offsets) if a <= start < b)
    end = next(i for i, (a, b) in enumerate(told.answer.offsets) if b >= start + 3)
    wanted = told.answer.ids[at : end + 1]
    scored = told.model.teacher_force(told.prompt, (*first.forced, *wanted)).logprobs[len(first.forced) :]
    assert first.after == pytest.approx(float(scored.sum()), abs=1e-4)
    assert first.original == pytest.approx(sum(told.answer.logprobs[at : end + 1]), abs=1e-4)
    assert first.delta == pytest.approx(first.after - first.original)


def test_keeping_every_step_changes_nothing(told) -> None:
    first = next(probe_trace(told, TraceEdit("truncate", 3)))
    assert first.delta == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    "edit",
    [
        TraceEdit("truncate", 4),
        TraceEdit("truncate", -1),
        TraceEdit("delete", 0),
        TraceEdit("replace", 1, text="  "),
        TraceEdit("replace", 1, text="x" * 601),
        TraceEdit("replace", 1, text="Done.</think><answer>no</answer>"),
    ],
)
def test_impossible_edits_are_refused_with_a_hint(told, edit) -> None:
    with pytest.raises(UserFacing) as fault:
        forced_start(told, edit)
    assert fault.value.hint


def test_special_tokens_in_a_new_step_are_plain_text(told) -> None:
    ids = forced_start(told, TraceEdit("replace", 1, text="An <image> </s> here."))
    special = {told.model.tokenizer.eos_token_id, told.model.model.config.image_token_id}
    assert not special & set(ids)


def test_answers_without_steps_or_final_answer(tiny) -> None:
    plain = case_of(tiny, picture(48, 48), "left")
    with pytest.raises(UserFacing, match="no reasoning steps"):
        forced_start(plain, TraceEdit("delete", 1))
    open_end = case_of(tiny, picture(48, 48), FIRST + SECOND)
    with pytest.raises(UserFacing, match="no final answer"):
        forced_start(open_end, TraceEdit("delete", 1))
    first = next(probe_trace(open_end, TraceEdit("delete", 1, "continue")))
    assert first.original is None and first.delta is None


def test_labels() -> None:
    assert edit_label(TraceEdit("truncate", 2)) == "Reasoning stopped after step 2"
    assert edit_label(TraceEdit("truncate", 0)) == "No reasoning at all"
    assert edit_label(TraceEdit("replace", 1)) == "Step 1 replaced"


def test_orders_are_seeded_different_and_never_the_given_one() -> None:
    for count in (2, 3, 4, 8):
        orders = shuffled_orders(count, 3, seed=1)
        assert len(orders) == len(set(orders)) == (1 if count == 2 else 3)
        assert all(sorted(order) == list(range(count)) and order != tuple(range(count)) for order in orders)
        assert orders == shuffled_orders(count, 3, seed=1)


def _answers(case, monkeypatch, reply) -> list:
    """Run the shuffles with a model that says `reply(options)`."""

    def written(asked, prompt, label, stop=None):
        text = f"<answer>{reply(prompt.question.options)}</answer>"
        trace = read_trace(text, ((0, len(text)),), prompt.question.options)
        return Regenerated(label, Answer((1,), text), trace, 0, None, 0.0)

    monkeypatch.setattr(options_module, "regenerate", written)
    *_, last = probe_options(case)
    return last


OPTIONS = ("left lung", "right lung", "neither")


@pytest.mark.parametrize("style", ["letter", "text"])
def test_shuffled_answers_are_mapped_back_to_their_texts(tiny, monkeypatch, style) -> None:
    case = case_of(tiny, picture(48, 48), "<think>left.</think><answer>B</answer>", OPTIONS)

    def knows(options):
        return "ABC"[options.index("right lung")] if style == "letter" else "right lung"

    told = _answers(case, monkeypatch, knows)
    assert told.original == "right lung" and told.planned == len(told.shuffles) == 3
    assert [s.chosen for s in told.shuffles] == ["right lung"] * 3 and told.consistent == 3
    assert all(s.regenerated.same_answer for s in told.shuffles)
    assert all(s.options != OPTIONS and sorted(s.options) == sorted(OPTIONS) for s in told.shuffles)


def test_always_the_second_letter_is_inconsistent(tiny, monkeypatch) -> None:
    case = case_of(tiny, picture(48, 48), "<think>left.</think><answer>B</answer>", OPTIONS)
    told = _answers(case, monkeypatch, lambda options: "B")
    assert [s.chosen for s in told.shuffles] == [s.options[1] for s in told.shuffles]
    assert told.consistent == sum(s.options[1] == "right lung" for s in told.shuffles) < 3


def test_unclear_answers_count_as_inconsistent(tiny, monkeypatch) -> None:
    case = case_of(tiny, picture(48, 48), "<think>left.</think><answer>B</answer>", OPTIONS)
    assert _answers(case, monkeypatch, lambda options: "elsewhere").consistent == 0


def test_the_real_path_asks_anew_and_needs_options(tiny) -> None:
    case = case_of(tiny, picture(48, 48), "<answer>B</answer>", OPTIONS, max_new_tokens=2)
    seen = list(probe_options(case, count=2))
    assert [len(outcome.shuffles) for outcome in seen] == [1, 2]
    with pytest.raises(UserFacing, match="no options"):
        next(probe_options(case_of(tiny, picture(48, 48), "left")))


def test_same_answer_by_letter_then_by_words() -> None:
    def trace(text, options=()):
        return read_trace(f"<answer>{text}</answer>", (), options)

    assert same_answer(trace("B", OPTIONS), trace("right lung", OPTIONS)) is True
    assert same_answer(trace("Yes."), trace("yes")) is True
    assert same_answer(trace("left"), trace("right")) is False
    assert same_answer(trace("left"), replace(trace("left"), answer_text=None)) is None
