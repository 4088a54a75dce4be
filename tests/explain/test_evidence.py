import numpy as np
import torch

from tests.tiny import picture
from workbench.explain.evidence import find_sinks, gather_evidence, image_shares
from workbench.explain.methods import METHODS
from workbench.models.answer import Answer, Question


def test_sinks_are_patches_with_massive_activations_in_the_sink_dimensions():
    torch.manual_seed(0)
    hidden = torch.randn(6, 400) * 0.1
    hidden[0, 3] = 500.0  # dimension 3 is a sink dimension, seen at position 0
    hidden[4, 3] = 300.0  # image token 2 (position 4) is a sink
    hidden[5, 7] = 300.0  # massive, but in another dimension
    assert find_sinks(hidden, np.array([2, 3, 4, 5])).tolist() == [2]


def test_no_sink_dimension_means_no_sink():
    assert find_sinks(torch.ones(5, 8), np.array([1, 2])).size == 0


def test_removing_sinks_lowers_the_share_by_their_mass(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    answer = Answer((7, 11), "ab", ((0, 1), (1, 2)), (0.0, 0.0), "stop")
    evidence = gather_evidence(tiny, prompt, answer)
    object.__setattr__(evidence, "sinks", np.array([5]))
    plain = METHODS["attention_mean"].compute(evidence, {})
    without = METHODS["attention_sinks_removed"].compute(evidence, {})
    assert (without.values[:, 5] == 0).all()
    assert np.allclose(plain.share - without.share, plain.values[:, 5], atol=1e-6)
    assert "1 sink" in without.note


def test_image_shares_give_one_number_a_token_and_leave_no_hook(tiny):
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    answer = Answer((7, 11), "ab", ((0, 1), (1, 2)), (0.0, 0.0), "stop")
    shares = image_shares(tiny, prompt, answer)
    assert len(shares) == 2
    assert all(0 < share < 1 for share in shares)
    assert not tiny.decoder.layers[-1]._forward_pre_hooks
