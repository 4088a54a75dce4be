"""Occlusion windows, replaced pixels and scores by hand; the planted patch; batches against single passes."""

from functools import partial

import numpy as np
import pytest

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES, assert_lights_up, attribution_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain.methods.attribution import Attribution, guarded
from workbench.explain.methods.occlusion import spread, windows
from workbench.explain.methods.passes import in_batches
from workbench.explain.methods.pictures import mixed, replacement, score_pictures, without_boxes
from workbench.models.answer import Question
from workbench.models.families.geometry import Placement, grid_boxes

IDS = (7, 11, 13)
GRID = grid_boxes(Placement((1, 1), (0, 0)), 4, 3, 8, 32, 24)


def test_windows_cover_the_grid_and_stay_inside():
    found = [window.tolist() for window in windows(GRID, 2, 2)]
    assert found == [[0, 1, 4, 5], [2, 3, 6, 7], [4, 5, 8, 9], [6, 7, 10, 11]]
    assert len(windows(GRID, 1, 1)) == 12
    assert [window.tolist() for window in windows(GRID, 8, 3)] == [list(range(12))]
    assert {int(i) for window in windows(GRID, 2, 8) for i in window} == set(range(12))


def test_windows_leave_out_class_tokens_and_padding():
    padded = np.concatenate([np.zeros((1, 4)), GRID])
    padded[-4:, 3] = padded[-4:, 1]
    assert [window.tolist() for window in windows(padded, 2, 2)] == [[1, 2, 5, 6], [3, 4, 7, 8]]


def test_a_drop_is_shared_out_and_overlaps_are_averaged():
    drops = np.array([[4.0, 0.0], [1.0, 6.0]])
    values = spread(drops, [np.array([0, 1]), np.array([1, 2])], 4)
    assert values.tolist() == [[2.0, 1.25, 0.5, 0.0], [0.0, 1.5, 3.0, 0.0]]


def test_windows_that_do_not_overlap_add_up_to_their_drops(tiny, ask):
    found = ask(tiny, picture(48, 48), IDS, [(0, 1, 2)], "occlusion", window=2, stride=2)[0]
    context = _context(tiny, picture(48, 48))
    pixels = context.image.pixels
    other = replacement(pixels, 0)
    total = 0.0
    for window in windows(context.prompt.boxes, 2, 2):
        changed = tiny.prepare(
            Question("left"), _image(without_boxes(pixels, other, context.prompt.boxes[window]))
        )
        total += tiny.teacher_force(context.prompt, IDS).logprobs.sum()
        total -= tiny.teacher_force(changed, IDS).logprobs.sum()
    assert found.values.sum() == pytest.approx(total, abs=1e-4)


def test_a_pixel_cut_by_the_border_is_replaced_in_part():
    pixels, other = np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4, 3), np.uint8)
    out = without_boxes(pixels, other, np.array([[1.0, 0.0, 2.5, 2.0]]))[:, :, 0]
    assert out.tolist() == [[200, 0, 100, 200], [200, 0, 100, 200], [200] * 4, [200] * 4]
    assert pixels.min() == 200


def test_replacements_are_a_blur_and_the_mean_colour():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 30:, 0] = 200
    flat, blurred = replacement(pixels, 1), replacement(pixels, 0)
    assert flat.shape == blurred.shape == pixels.shape
    assert np.unique(flat.reshape(-1, 3), axis=0).tolist() == [[100, 0, 0]]
    assert 0 < blurred[20, 25, 0] < blurred[20, 34, 0] < 200
    assert mixed(pixels, flat, np.full((40, 60), 0.5))[0, 59].tolist() == [150, 0, 0]


@pytest.mark.parametrize(("width", "height", "box"), PLACES)
@pytest.mark.parametrize("instead", [0, 1])
def test_the_painted_patch_lights_up_where_it_was_painted(planted, ask, width, height, box, instead):
    params = {"window": 1, "stride": 1, "replacement": instead}
    image = painted(width, height, box)
    found = ask(planted, image, (PLANTED_TOKEN,), [(0,)], "occlusion", **params)[0]
    assert_lights_up(found, box)
    assert found.image_share > 0.5


def test_a_batch_equals_one_by_one_and_the_shared_pass(tiny):
    context = _context(tiny, picture(70, 50))
    pictures = [picture(70, 50, seed).pixels for seed in range(5)]
    with guarded(tiny):
        batches = list(in_batches(pictures, 3, partial(score_pictures, context)))
        single = [scores[0].numpy() for scores in in_batches(pictures, 1, partial(score_pictures, context))]
    assert [len(batch) for batch in batches] == [3, 2]
    assert np.allclose(np.concatenate(batches), single, atol=1e-5)
    for pixels, scores in zip(pictures, single, strict=True):
        prompt = tiny.prepare(Question("left"), _image(pixels))
        assert np.allclose(tiny.teacher_force(prompt, IDS).logprobs, scores, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "params"),
    [("occlusion", {"window": 2, "stride": 2}), ("rise", {"masks": 16, "grid": 4})],
)
def test_the_same_passes_serve_every_span(tiny, ask, method, params):
    seen: list[int] = []
    hook = tiny.model.register_forward_pre_hook(
        lambda _m, _a, keywords: seen.append(len(keywords["input_ids"])), with_kwargs=True
    )
    try:
        together = ask(tiny, picture(48, 48), IDS, [(0,), (1,), (0, 1)], method, **params)
    finally:
        hook.remove()
    assert sum(seen) == together[0].meta["forwards"] and together[0].meta["backwards"] == 0
    assert np.allclose(together[0].values + together[1].values, together[2].values, atol=1e-5)
    alone = ask(tiny, picture(48, 48), IDS, [(1,)], method, **params)[0]
    assert np.allclose(alone.values, together[1].values, atol=1e-6)


def _image(pixels: np.ndarray):
    from workbench.imaging.medical_image import MedicalImage

    return MedicalImage(pixels, "", "array")


def _context(model, image) -> Attribution:
    return attribution_of(model, image, IDS, (0,))
