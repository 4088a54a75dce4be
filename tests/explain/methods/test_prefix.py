"""Blocked reading from a kept prefix against a plain whole pass under the same attention mask."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.explain.methods.conftest import attribution_of
from tests.tiny import picture
from workbench.explain.methods.attribution import Attribution, guarded
from workbench.explain.methods.decoder_pass import DecoderPass, capture
from workbench.explain.methods.prefix import SharedPrefix, prefix_pass, prefix_refusal

IDS = (7, 11, 13, 17)


@pytest.fixture(scope="module")
def question(tiny) -> Attribution:
    return attribution_of(tiny, picture(70, 50), IDS, (0,))


def _random_blocks(passed: DecoderPass, count: int) -> torch.Tensor:
    blocked = torch.rand(count, len(passed.positions), generator=torch.Generator().manual_seed(1)) < 0.4
    blocked[0] = False
    return blocked


def whole_pass(passed: DecoderPass, start: int, blocked: torch.Tensor) -> torch.Tensor:
    """log p `[T]` of one pass over every row, with the columns masked for the rows from `start` on."""
    mask = torch.ones(passed.length, passed.length, dtype=torch.bool).tril()
    mask[start:, passed.positions[blocked]] = False
    arguments = passed.inputs() | {"attention_mask": mask[None, None]}
    hidden = passed.text(inputs_embeds=passed.tokens, use_cache=False, **arguments).last_hidden_state
    return passed.chosen(hidden[:, passed.rows])[0]


@pytest.mark.parametrize("whole_text", [True, False])
def test_the_kept_prefix_equals_a_whole_pass_with_the_same_mask(tiny, question, whole_text):
    with guarded(tiny), torch.no_grad():
        passed = capture(question)
        start = int(passed.positions.max()) + 1 if whole_text else int(passed.rows[0])
        blocked = _random_blocks(passed, 5)
        found = prefix_pass(passed, start).logprobs(blocked)
        expected = torch.stack([whole_pass(passed, start, one) for one in blocked])
    assert torch.allclose(found, expected, atol=1e-4)
    assert (found[1:] - found[0]).abs().max() > 1e-4


def test_with_nothing_blocked_it_is_the_shared_pass(tiny, question):
    with guarded(tiny), torch.no_grad():
        passed = capture(question)
        nothing = torch.zeros(1, len(passed.positions), dtype=torch.bool)
        found = prefix_pass(passed, int(passed.rows[0])).logprobs(nothing)[0]
    assert np.allclose(found.numpy(), tiny.teacher_force(question.prompt, IDS).logprobs, atol=1e-5)


def test_a_blocked_patch_is_not_read_at_all(tiny, question):
    """Changing what a blocked patch holds, in the kept keys and values, changes nothing."""
    with guarded(tiny), torch.no_grad():
        prefix = prefix_pass(capture(question), question.prompt.length - 1)
        column = int(prefix.passed.positions[3])
        spoilt = [(key.clone(), value.clone()) for key, value in prefix.layers]
        for key, value in spoilt:
            key[:, :, column], value[:, :, column] = 9.0, -9.0
        blocked = torch.zeros(2, len(prefix.passed.positions), dtype=torch.bool)
        blocked[1, 3] = True
        plain, other = (replace(prefix, layers=kept).logprobs(blocked) for kept in (prefix.layers, spoilt))
    assert torch.allclose(plain[1], other[1], atol=1e-6)
    assert not torch.allclose(plain[0], other[0], atol=1e-3)


def test_padding_that_the_prompt_hides_stays_hidden(tiny, question):
    """Fault 28 of `test_peer_bugs.py`: a mask of one's own must not drop the mask that was there."""
    with guarded(tiny), torch.no_grad():
        passed = capture(question)
        padding = torch.ones(1, passed.length, dtype=torch.long)
        padding[0, 0] = 0
        hidden = replace(passed, arguments=passed.arguments | {"attention_mask": padding})
        expected = hidden.logprobs(hidden.embeddings)
        nothing = torch.zeros(1, len(passed.positions), dtype=torch.bool)
        found = prefix_pass(hidden, int(passed.rows[0])).logprobs(nothing)
        without = prefix_pass(passed, int(passed.rows[0])).logprobs(nothing)
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, without, atol=1e-5)


def test_masks_per_kind_of_layer_and_additive_masks_are_read_as_given(tiny, question):
    with guarded(tiny), torch.no_grad():
        passed = capture(question)
        nothing = torch.zeros(1, len(passed.positions), dtype=torch.bool)
        start = int(passed.rows[0])
        causal = torch.ones(1, 1, passed.length, passed.length, dtype=torch.bool).tril()
        additive = torch.zeros(causal.shape).masked_fill(~causal, torch.finfo(torch.float32).min)
        masks = [prefix_pass(passed, start)._join(own, ~nothing[:, :1]) for own in (causal, additive, None)]
    rows = torch.arange(start, start + len(IDS))
    assert masks[0].shape == (1, 1, len(IDS), start + len(IDS))
    assert torch.equal(masks[0], masks[1]) and torch.equal(masks[0], masks[2])
    assert masks[0].sum(-1).flatten().tolist() == (rows + 1).tolist()


def test_the_shared_prefix_keeps_nothing_and_serves_any_batch():
    prefix = (torch.zeros(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
    cache = SharedPrefix([prefix], 3)
    for batch in (2, 5):
        key, value = cache.update(torch.ones(batch, 2, 1, 4), torch.zeros(batch, 2, 1, 4), 0)
        assert key.shape == value.shape == (batch, 2, 4, 4)
        assert key[:, :, :3].max() == 0 and value[:, :, :3].min() == 1
    assert cache.get_seq_length() == 3


def test_a_prefix_that_cuts_the_picture_is_an_error_and_one_that_ends_with_it_a_refusal(tiny, question):
    with guarded(tiny), torch.no_grad():
        passed = capture(question)
        with pytest.raises(ValueError, match="between the image and the answer"):
            prefix_pass(passed, int(passed.positions.max()))
        assert prefix_refusal(passed) is None
        last = replace(passed, rows=passed.rows - passed.rows[0] + passed.positions.max())
        assert "last thing" in prefix_refusal(last).reason
