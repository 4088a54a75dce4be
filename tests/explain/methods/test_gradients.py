"""Gradients at the image embeddings against finite differences, completeness, and a known right answer."""

import numpy as np
import pytest
import torch

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES, assert_lights_up, attribution_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain.methods.attribution import Attribution, guarded
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.gradients import completeness, gap_warning
from workbench.models.answer import Question

METHODS = ("input_gradient", "smooth_gradient", "integrated_gradients")


def _context(model, image, ids, groups) -> Attribution:
    return attribution_of(model, image, ids, *groups)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_painted_patch_lights_up_where_it_was_painted(graded, ask, method, width, height, box):
    found = ask(graded, painted(width, height, box), (PLANTED_TOKEN,), [(0,)], method)[0]
    assert_lights_up(found, box)


def test_the_decoder_alone_gives_the_log_probabilities_of_the_whole_model(tiny):
    context = _context(tiny, picture(70, 50), (7, 11, 13), [(0,)])
    with guarded(tiny):
        passed = capture(context)
        alone = passed.logprobs(passed.with_image(passed.image.repeat(2, 1, 1)))
    whole = tiny.teacher_force(context.prompt, (7, 11, 13)).logprobs
    assert alone.shape == (2, 3)
    assert np.allclose(alone.detach().numpy(), whole, atol=1e-5)


def test_input_gradient_sums_to_the_measured_slope_away_from_the_mean_patch(tiny, ask):
    image = picture(70, 50)
    found = ask(tiny, image, (7, 11, 13), [(0,), (1, 2)], "input_gradient")
    context = _context(tiny, image, (7, 11, 13), [(0,)])
    with guarded(tiny), torch.no_grad():
        passed = capture(context)
        away = passed.image - passed.image.mean(1, keepdim=True)
        step = 1e-2
        high, low = (passed.logprobs(passed.with_image(passed.image + s * away))[0] for s in (step, -step))
    slope = ((high - low) / (2 * step)).numpy()
    assert found[0].values.sum() == pytest.approx(slope[0], rel=0.02, abs=2e-4)
    assert found[1].values.sum() == pytest.approx(slope[1:].sum(), rel=0.02, abs=2e-4)


def test_measured_from_zero_the_product_of_a_one_layer_model_cancels(graded, ask):
    image = painted(48, 48, (16, 32, 24, 40))
    plain, mean = (
        ask(graded, image, (PLANTED_TOKEN,), [(0,)], "input_gradient", reference=r)[0] for r in (1, 0)
    )
    assert np.abs(plain.values).max() < 1e-3 * mean.values.max()


@pytest.mark.parametrize("baseline", [0, 1])
def test_integrated_gradients_add_up_to_what_the_picture_changed(tiny, ask, baseline):
    image = picture(70, 50)
    found = ask(tiny, image, (7, 11, 13), [(0,), (1, 2)], "integrated_gradients", baseline=baseline)
    whole = tiny.teacher_force(tiny.prepare(Question("left"), image), (7, 11, 13)).logprobs
    for heat, tokens in zip(found, ([0], [1, 2]), strict=True):
        difference = heat.meta["score_difference"]
        assert heat.values.sum() == pytest.approx(difference, rel=0.02)
        assert heat.meta["completeness_gap"] < 0.02
        assert heat.meta["warnings"] == []
        without = whole[tokens].sum() - difference
        assert heat.image_share == pytest.approx(max(0, 1 - np.exp(without - whole[tokens].sum())), abs=1e-6)


def test_the_mean_patch_baseline_scores_as_the_model_given_the_mean_patch(tiny, ask):
    image = picture(70, 50)
    found = ask(tiny, image, (7,), [(0,)], "integrated_gradients", baseline=1)[0]
    context = _context(tiny, image, (7,), [(0,)])
    with guarded(tiny), torch.no_grad():
        passed = capture(context)
        flat = passed.image.mean(1, keepdim=True).expand(-1, len(found.values), -1)
        change = passed.logprobs(passed.embeddings) - passed.logprobs(passed.with_image(flat))
    assert found.meta["score_difference"] == pytest.approx(change.item(), abs=1e-5)


def test_a_path_that_jumps_between_steps_is_warned_about(planted, ask):
    """The planted model's norm turns a patch on within a thousandth of the path: no 4 steps can see that."""
    image = painted(48, 48, (16, 32, 24, 40))
    found = ask(planted, image, (PLANTED_TOKEN,), [(0,)], "integrated_gradients", steps=4)[0]
    assert found.meta["completeness_gap"] > 0.05
    assert "miss it" in found.meta["warnings"][0] and found.meta["warnings"][0] in found.meta["note"]


def test_the_completeness_gap_is_relative_to_the_score_difference():
    assert completeness(1.9, 2.0)["completeness_gap"] == pytest.approx(0.05)
    assert completeness(-1.0, -2.0)["completeness_gap"] == pytest.approx(0.5)
    assert gap_warning(0.05) == ""
    assert "by 6%" in gap_warning(0.06)


@pytest.mark.parametrize("method", METHODS)
def test_spans_together_equal_spans_alone_and_tokens_add_up(tiny, ask, method):
    image, ids = picture(48, 48), (7, 11, 13)
    groups = [(0,), (2,), (0, 2)]
    together = ask(tiny, image, ids, groups, method)
    alone = [ask(tiny, image, ids, [group], method)[0] for group in groups]
    for one, other in zip(together, alone, strict=True):
        assert np.allclose(one.values, other.values, atol=1e-6)
        assert one.image_share == pytest.approx(other.image_share, abs=1e-5)
    assert np.allclose(together[0].values + together[1].values, together[2].values, atol=1e-6)


def test_smooth_gradient_repeats_with_its_seed_and_leaves_the_global_one_alone(tiny, ask):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    maps = [
        ask(tiny, picture(48, 48), (7,), [(0,)], "smooth_gradient", samples=2, seed=s)[0] for s in (1, 1, 2)
    ]
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(maps[0].values, maps[1].values)
    assert not np.allclose(maps[0].values, maps[2].values)


def test_smooth_gradient_with_hardly_any_noise_is_input_gradient(tiny, ask):
    image = picture(48, 48)
    smooth = ask(tiny, image, (7,), [(0,)], "smooth_gradient", samples=2, noise=1)[0]
    plain = ask(tiny, image, (7,), [(0,)], "input_gradient")[0]
    assert np.abs(smooth.values - plain.values).max() < 0.05 * np.abs(plain.values).max()
    assert np.abs(smooth.values - plain.values).max() > 0
