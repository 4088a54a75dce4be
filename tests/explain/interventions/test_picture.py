"""Interventions on the picture from start to end, on a model whose deciding patch is known."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from tests.explain.cases import painted
from tests.explain.interventions.cases import TRACE, case_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.errors import UserFacing
from workbench.explain.heatmap import Refusal
from workbench.explain.interventions.effects import effect_of
from workbench.explain.interventions.findings import region_causal
from workbench.explain.interventions.forced import picture_effects
from workbench.explain.interventions.picture import finding_of, probe_region, probe_whole
from workbench.explain.interventions.regions import box_region
from workbench.explain.methods.pictures import forced_logprobs
from workbench.explain.metrics.scoring import span_scorer
from workbench.explain.spans import Span
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer
from workbench.models.continuing import continued
from workbench.traces.read import read_trace

BRIGHT = (16, 32, 24, 40)


@pytest.fixture
def decided(planted):
    """A case whose only word is decided by the patch at BRIGHT."""
    return case_of(planted, painted(48, 48, BRIGHT), (PLANTED_TOKEN,), max_new_tokens=3)


@pytest.mark.parametrize(("action", "fill"), [("remove", "mean"), ("remove", "inpaint"), ("block", "mean")])
def test_the_deciding_region_matters_and_its_controls_do_not(decided, action, fill) -> None:
    *_, last = probe_region(decided, box_region((48, 48), BRIGHT), action, fill)
    assert last.effect.total < -1
    assert len(last.controls) == 3 and max(abs(c.total) for c in last.controls) < 0.1
    assert last.control is not None and not (last.control.mask & last.region.mask).any()
    assert region_causal([finding_of(decided, last)]).state == "yes"


def test_keeping_the_deciding_region_alone_keeps_the_word(decided) -> None:
    *_, last = probe_region(decided, box_region((48, 48), BRIGHT), "keep", "mean")
    assert abs(last.effect.total) < 0.1
    assert all(control.total < -1 for control in last.controls)


def test_results_arrive_quick_part_first(decided) -> None:
    seen = list(probe_region(decided, box_region((48, 48), BRIGHT), "remove", "mean"))
    assert [bool(o.effect) for o in seen] == [True] * 3
    assert [bool(o.regenerated) for o in seen] == [False, True, True]
    assert [bool(o.control_regenerated) for o in seen] == [False, False, True]
    assert seen[0].pixels.shape == (48, 48, 3)


def test_stopping_ends_the_written_part(decided) -> None:
    stop = threading.Event()
    stream = probe_region(decided, box_region((48, 48), BRIGHT), "remove", "mean", stop=stop)
    next(stream)
    stop.set()
    assert [o.regenerated.answer.finish for o in stream] == ["cancelled"]


def test_the_effect_equals_two_separate_forced_passes(tiny) -> None:
    image = picture(60, 44)
    case = case_of(tiny, image, (7, 11, 13))
    other = picture(60, 44, seed=5)
    effect = picture_effects(case, [other.pixels], ["other"])[0]
    changed = tiny.teacher_force(tiny.prepare(case.prompt.question, other), (7, 11, 13)).logprobs
    original = tiny.teacher_force(case.prompt, (7, 11, 13)).logprobs
    assert effect.tokens == pytest.approx(changed - original, abs=1e-4)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_batches_of_any_size_agree(tiny, batch) -> None:
    case = case_of(tiny, picture(48, 48), (7, 11, 13))
    pictures = [picture(48, 48, seed).pixels for seed in range(3)]
    single = [picture_effects(case, [pixels], ["x"])[0].tokens for pixels in pictures]
    batched = picture_effects(case, pictures, ["x"] * 3, batch)
    for one, many in zip(single, batched, strict=True):
        assert many.tokens == pytest.approx(one, abs=1e-4)


def test_mirroring_a_symmetric_picture_changes_nothing(tiny) -> None:
    half = picture(24, 48).pixels
    image = MedicalImage(np.concatenate([half, half[:, ::-1]], 1), "", "array")
    case = case_of(tiny, image, (7, 11, 13), max_new_tokens=4)
    *_, last = probe_whole(case, "flip")
    assert np.array_equal(last.pixels, image.pixels)
    assert np.abs(last.effect.tokens).max() < 1e-5


def test_blank_takes_the_planted_word_away_and_the_same_seed_gives_the_same_noise(decided) -> None:
    *_, blank = probe_whole(decided, "blank")
    assert blank.effect.total < -1
    first, again = (next(iter(probe_whole(decided, "noise", seed=4))) for _ in range(2))
    assert first.effect.total == again.effect.total


def test_another_picture(decided) -> None:
    *_, last = probe_whole(decided, "other", other=picture(30, 90).pixels)
    assert last.pixels.shape == (48, 48, 3) and last.regenerated is not None
    with pytest.raises(UserFacing):
        list(probe_whole(decided, "other"))


def test_a_case_without_picture_or_answer_is_refused(tiny) -> None:
    case = case_of(tiny, picture(48, 48), (7, 11))
    blind = replace(case, prompt=tiny.prepare(case.question, None))
    (outcome,) = probe_whole(blind, "blank")
    assert isinstance(outcome.refused, Refusal) and outcome.effect is None
    (outcome,) = probe_region(blind, box_region((48, 48), BRIGHT), "remove")
    assert isinstance(outcome.refused, Refusal)


def test_an_answer_with_the_sign_of_a_picture_is_refused_in_words(tiny) -> None:
    case = case_of(tiny, picture(48, 48), (7, 11))
    sign = tiny.model.config.image_token_id
    answer = Answer((7, sign, 11), "abc", ((0, 1), (1, 2), (2, 3)), (0.0,) * 3, "stop")
    signed = replace(case, answer=answer, trace=read_trace("abc", answer.offsets, ()))
    with pytest.raises(UserFacing, match="holds a place for the picture"):
        forced_logprobs(tiny, [case.prompt], answer.ids)
    with pytest.raises(UserFacing, match="holds a place for the picture"):
        continued(signed.model, case.prompt, answer.ids)
    score = span_scorer(signed, Span("token", "c", (2,)))
    with pytest.raises(UserFacing, match="holds a place for the picture"):
        score([case.image.pixels])
    before = span_scorer(signed, Span("token", "a", (0,)))
    assert np.isfinite(before([case.image.pixels])).all()


def test_sums_over_words_steps_and_the_answer(tiny) -> None:
    case = case_of(tiny, picture(48, 48), TRACE)
    count = len(case.answer.ids)
    effect = effect_of(case, "x", np.arange(count), 0.5)
    assert [step.index for step in effect.steps] == [0, 1, 2]
    for step, found in zip(case.trace.steps, effect.steps, strict=True):
        assert found.delta == sum(range(step.token_start, step.token_end))
    assert [word.text for word in effect.words][:2] == ["The", "image"]
    for word in effect.words:
        assert word.delta == sum(range(word.start, word.end))
    (last,) = [word for word in effect.words if word.in_answer]
    assert last.text == "yes" and effect.answer == last.delta and last.step is None
    assert {word.step for word in effect.words} == {0, 1, 2, None}
    assert effect.total == sum(range(count))
