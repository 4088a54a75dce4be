"""Blocked reading against passes with a mask made by hand, and nothing left behind."""

import numpy as np
import pytest
import torch

from tests.explain.interventions.cases import case_of
from tests.tiny import PLANTED_TOKEN, picture
from workbench.explain.heatmap import Refusal
from workbench.explain.interventions import block
from workbench.explain.interventions.block import Unblockable, blocked_mask, blocking
from workbench.explain.interventions.forced import block_effects
from workbench.explain.interventions.regenerate import regenerate_blocked
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.decoder_pass import capture_pass
from workbench.imaging.medical_image import MedicalImage

IDS = (7, 11, 13, 17)


def hand_masked(model, prompt, ids, blocked: list[int]) -> np.ndarray:
    """log p of the ids when every row but the blocked ones is cut from the blocked columns; plain decoder."""
    with guarded(model):
        whole = capture_pass(model, prompt, ids)
        count = whole.embeddings.shape[1]
        mask = torch.full((1, 1, count, count), -1e9).triu(1)
        for row in range(count):
            if row not in blocked:
                mask[0, 0, row, blocked] = -1e9
        whole.arguments["attention_mask"] = mask
        with torch.no_grad():
            return whole.logprobs(whole.embeddings)[0].numpy()


@pytest.mark.parametrize("patches", [[0], [3, 4, 10], list(range(36))])
def test_blocking_is_a_plain_pass_with_a_mask_made_by_hand(tiny, patches) -> None:
    case = case_of(tiny, picture(48, 48), IDS)
    tokens = case.prompt.image_positions[patches]
    with blocking(tiny, tokens):
        blocked = tiny.teacher_force(case.prompt, IDS).logprobs
    assert blocked == pytest.approx(hand_masked(tiny, case.prompt, IDS, tokens.tolist()), abs=1e-4)
    assert np.abs(blocked - tiny.teacher_force(case.prompt, IDS).logprobs).max() > 1e-5


def test_generation_with_a_cache_is_blocked_like_the_forced_pass(tiny) -> None:
    case = case_of(tiny, picture(48, 48), IDS, max_new_tokens=6)
    patches = np.arange(5, 20)
    written = regenerate_blocked(case, patches, "blocked").answer
    with blocking(tiny, case.prompt.image_positions[patches]):
        forced = tiny.teacher_force(case.prompt, written.ids).logprobs
    assert list(written.logprobs) == pytest.approx(forced.tolist(), abs=1e-4)
    free = tiny.teacher_force(case.prompt, written.ids).logprobs
    assert np.abs(free - forced).max() > 1e-5


def test_blocking_the_patch_that_decides_takes_its_word_away(planted) -> None:
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[32:40, 16:24] = 255  # patch 4 * 6 + 2
    case = case_of(planted, MedicalImage(pixels, "", "array"), (PLANTED_TOKEN,))
    decisive, other = block_effects(case, [np.array([26]), np.array([3])], ["decisive", "other"])
    assert decisive.total < -2
    assert abs(other.total) < 0.05


def _state(model) -> tuple:
    return (
        [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules()],
        model.model.config.text_config._attn_implementation,
        model.model.training,
    )


def test_nothing_is_left_behind_also_after_a_fault(tiny) -> None:
    case = case_of(tiny, picture(48, 48), IDS)
    state, before = _state(tiny), tiny.teacher_force(case.prompt, IDS).logprobs
    with pytest.raises(RuntimeError), blocking(tiny, np.array([3])):
        raise RuntimeError("half-way")
    block_effects(case, [np.array([1])], ["x"])
    assert _state(tiny) == state
    assert np.array_equal(tiny.teacher_force(case.prompt, IDS).logprobs, before)
    assert tiny.lock.free


def test_a_kernel_without_masks_is_refused(tiny, monkeypatch) -> None:
    case = case_of(tiny, picture(48, 48), IDS)
    monkeypatch.setattr(block, "MASKED_KERNELS", ("eager",))
    for found in (
        block_effects(case, [np.array([1])], ["x"]),
        regenerate_blocked(case, np.array([1]), "x"),
    ):
        assert isinstance(found, Refusal) and "workbench_sdpa" in found.reason and found.hint


def test_layers_that_never_ask_for_a_mask_are_noticed(tiny) -> None:
    with pytest.raises(Unblockable), blocking(tiny, np.array([1])):
        pass  # no pass ran, so no layer was reached


@pytest.mark.parametrize("form", ["none", "bool", "additive"])
def test_masks_of_every_form_lose_the_same_edges(form) -> None:
    causal = torch.ones(4, 4, dtype=torch.bool).tril()[None, None]
    like = torch.zeros(1)
    mask = {"none": None, "bool": causal, "additive": torch.zeros(1, 1, 4, 4).masked_fill(~causal, -1e9)}[
        form
    ]
    out = blocked_mask(mask, torch.arange(4), torch.tensor([1]), like)
    readable = (out > -1e8)[0, 0].int().tolist()
    assert readable == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]]
    last = blocked_mask(None, torch.tensor([3]), torch.tensor([1]), like)
    assert (last > -1e8)[0, 0].int().tolist() == [[1, 0, 1, 1]]


def test_masks_of_another_form_are_not_touched() -> None:
    with pytest.raises(Unblockable):
        blocked_mask(torch.ones(1, 4), torch.arange(4), torch.tensor([1]), torch.zeros(1))
