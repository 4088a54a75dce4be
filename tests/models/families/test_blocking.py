"""Blocking of reading (attention knockout) on every family."""

import numpy as np
import pytest
import torch

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import EVERY, make
from tests.tiny import picture
from workbench.explain.interventions.block import Unblockable, blocking

WIDE = picture(90, 50)
IDS = (20, 21, 22, 23)


@pytest.fixture(scope="module", params=EVERY)
def model(request, tmp_path_factory):
    return make(request.param, tmp_path_factory.mktemp(request.param) / "model")


def middle(prompt) -> np.ndarray:
    """Places in the prompt of the image tokens whose boxes are centred in the picture's middle third."""
    width, height = prompt.image_size
    centre = (prompt.boxes[:, :2] + prompt.boxes[:, 2:]) / 2 / (width, height)
    return prompt.image_positions[((centre > 1 / 3) & (centre < 2 / 3)).all(1)]


def hooks(model) -> int:
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.model.modules())


def test_a_blocked_region_changes_the_scores_and_leaves_nothing_behind(model):
    prompt = model.prepare(tiny.ASK, WIDE)
    before, bare = model.teacher_force(prompt, IDS).logprobs, hooks(model)
    with blocking(model, middle(prompt)):
        during = model.teacher_force(prompt, IDS).logprobs
    assert np.isfinite(during).all()
    assert np.abs(during - before).max() > 1e-4
    assert hooks(model) == bare
    assert np.array_equal(model.teacher_force(prompt, IDS).logprobs, before)


def test_no_other_row_reads_the_blocked_tokens(model):
    """Read off the attention itself, in every layer, at the rows that write the answer."""
    prompt = model.prepare(tiny.ASK, WIDE)
    tokens = middle(prompt)
    assert 0 < len(tokens) < len(prompt.image_positions)
    free = model.teacher_force(prompt, IDS, collect=True, columns=tokens).collector
    with blocking(model, tokens):
        blocked = model.teacher_force(prompt, IDS, collect=True, columns=tokens).collector
    for layer in blocked.layers.values():
        assert layer.attention.abs().max() == 0
    assert max(float(layer.attention.max()) for layer in free.layers.values()) > 0
    assert sorted(blocked.layers) == list(range(len(model.decoder.layers)))


def test_what_is_written_while_blocked_has_the_scores_of_forcing(model):
    prompt = model.prepare(tiny.ASK, WIDE)
    if model.family.name == "gemma3":  # its window is shorter than this prompt
        with pytest.raises(Unblockable, match="window"), blocking(model, middle(prompt)):
            model.generate(prompt, tiny.GREEDY)
        return
    with blocking(model, middle(prompt)):
        answer = model.generate(prompt, tiny.GREEDY)
        forced = model.teacher_force(prompt, answer.ids).logprobs
    assert np.abs(forced - answer.logprobs).max() < 1e-4


def test_the_picture_s_pixels_no_longer_matter_when_all_of_it_is_blocked(model):
    """Two pictures of one shape give the same scores; unblocked they don't."""
    prompts = [model.prepare(tiny.ASK, picture(90, 50, seed)) for seed in (0, 1)]
    free = [model.teacher_force(prompt, IDS).logprobs for prompt in prompts]
    with blocking(model, prompts[0].image_positions):
        blocked = [model.teacher_force(prompt, IDS).logprobs for prompt in prompts]
    assert torch.equal(prompts[0].inputs["input_ids"], prompts[1].inputs["input_ids"])
    assert np.abs(free[0] - free[1]).max() > 1e-4
    assert np.abs(blocked[0] - blocked[1]).max() < 1e-5
