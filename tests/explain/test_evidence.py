import gc

import numpy as np
import pytest
import torch

from tests.models.families.tiny_configs import save_gemma3
from tests.tiny import load_tiny, picture, save_tiny
from workbench.explain.evidence import find_sinks, gather_evidence, image_shares
from workbench.explain.heatmap import Refusal
from workbench.explain.methods.registry import METHODS
from workbench.models.answer import Answer, Question


def _hooks(model) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.model.modules()
    )


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
    before = _hooks(tiny)
    shares = image_shares(tiny, prompt, answer)
    assert len(shares) == 2
    assert all(0 < share < 1 for share in shares)
    assert _hooks(tiny) == before


def test_no_hook_is_left_after_a_pass_that_fails(tiny):
    """Peer bug 20: the session is as it was, also after a failure."""
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    before = _hooks(tiny)
    with pytest.raises(IndexError):
        gather_evidence(tiny, prompt, Answer((10_000_000,), "a", ((0, 1),), (0.0,), "stop"))
    assert _hooks(tiny) == before


def test_no_hook_is_left_when_the_model_fails_half_way(tiny, monkeypatch):
    prompt, before = tiny.prepare(Question("left"), picture(48, 48)), _hooks(tiny)

    def fail(*_arguments, **_keywords):
        raise RuntimeError("half-way")

    with monkeypatch.context() as patch:
        patch.setattr(tiny.decoder.layers[1].mlp, "forward", fail)
        with pytest.raises(RuntimeError, match="half-way"):
            gather_evidence(tiny, prompt, Answer((7,), "a", ((0, 1),), (0.0,), "stop"))
    assert _hooks(tiny) == before
    assert len(image_shares(tiny, prompt, Answer((7,), "a", ((0, 1),), (0.0,), "stop"))) == 1


def test_the_pass_reads_what_the_model_itself_computes(tiny):
    """Rows t−1 (peer bug 4), values and head outputs against eager attention and plain hooks."""
    prompt = tiny.prepare(Question("left"), picture(70, 50))
    answer = Answer((7, 11), "ab", ((0, 1), (1, 2)), (0.0, 0.0), "stop")
    evidence = gather_evidence(tiny, prompt, answer)
    collector = tiny.teacher_force(prompt, answer.ids, collect=True).collector
    for index, layer in collector.layers.items():
        assert np.allclose(evidence.attention[index], layer.attention, atol=1e-6)
        assert torch.allclose(evidence.values[index], layer.values)
        assert torch.allclose(evidence.head_output[index], layer.head_output)
    inputs = tiny.family.extend(prompt.inputs, torch.tensor(answer.ids))
    with torch.inference_mode():
        states = tiny.model(**inputs, output_hidden_states=True).hidden_states
    assert torch.allclose(evidence.states[0], states[1][0, prompt.image_positions], atol=1e-5)
    last = tiny.decoder.final_norm(evidence.states[-1])
    assert torch.allclose(last, states[-1][0, prompt.image_positions], atol=1e-4)


def test_patch_contributions_are_those_of_attention_times_value_times_direction(tiny):
    """One number by hand: layer, head, word and patch chosen, every factor taken from the weights."""
    prompt = tiny.prepare(Question("left"), picture(48, 48))
    answer = Answer((7, 11), "ab", ((0, 1), (1, 2)), (0.0, 0.0), "stop")
    evidence, parts = gather_evidence(tiny, prompt, answer), tiny.decoder
    rms = (evidence.hidden[1].pow(2).mean() + parts.norm_epsilon).sqrt()
    u = parts.unembedding.weight[11] * parts.final_norm.weight / rms
    expected = 0.0
    for layer in range(3):
        for head in range(4):
            output = parts.attention(layer).o_proj.weight[:, head * 8 : head * 8 + 8]
            written = output @ evidence.values[layer, head, 5]
            expected += evidence.attention[layer, head, 1, 5] * float(u @ written)
    assert evidence.contribution.patches[1, 5] == pytest.approx(expected, abs=1e-6)
    image = evidence.contribution.image.sum((0, 1))
    assert np.allclose(image, evidence.contribution.patches.sum(-1), atol=1e-5)
    parts_sum = evidence.contribution.patches.sum(-1) + evidence.contribution.text.sum(-1)
    assert np.allclose(parts_sum, evidence.contribution.whole.sum((0, 1)), atol=1e-5)


def test_contributions_and_the_rest_sum_to_the_logit_where_attention_output_is_normed(tmp_path):
    """Gemma puts a norm after the output projection and stores gains as the difference from one."""
    model = load_tiny(save_gemma3(tmp_path / "model"))
    with torch.no_grad():  # unequal gains, so that leaving them out is seen
        for layer in model.decoder.layers:
            layer.post_attention_layernorm.weight.normal_(0, 0.3)
    prompt = model.prepare(Question("Is there evidence of a nodule?"), picture(90, 50))
    answer = Answer((7, 11), "ab", ((0, 1), (1, 2)), (0.0, 0.0), "stop")
    evidence, parts, rest = gather_evidence(model, prompt, answer), model.decoder, []
    rows = slice(prompt.length - 1, prompt.length + 1)
    keep = lambda _m, _a, out: rest.append(out[0, rows])  # noqa: E731
    hooks = [layer.post_feedforward_layernorm.register_forward_hook(keep) for layer in parts.layers]
    first = parts.layers[0].register_forward_pre_hook(lambda _m, args: rest.append(args[0][0, rows]))
    with torch.inference_mode():
        inputs = model.family.extend(prompt.inputs, torch.tensor(answer.ids))
        logits = model.model(**inputs).logits[0, rows].gather(1, torch.tensor(answer.ids)[:, None])[:, 0]
    for hook in [*hooks, first]:
        hook.remove()
    rms = (evidence.hidden.pow(2).mean(-1, keepdim=True) + parts.norm_epsilon).sqrt()
    u = parts.unembedding.weight[list(answer.ids)] * parts.norm_gain / rms
    total = torch.from_numpy(evidence.contribution.whole.sum((0, 1))) + sum((x * u).sum(-1) for x in rest)
    assert torch.allclose(total, logits, atol=1e-4)


def test_evidence_does_not_keep_a_model_alive(tmp_path):
    model = load_tiny(save_tiny(tmp_path / "model"))
    prompt = model.prepare(Question("left"), picture(48, 48))
    evidence = gather_evidence(model, prompt, Answer((7,), "a", ((0, 1),), (0.0,), "stop"))
    assert evidence.model() is model
    del model
    gc.collect()
    found = METHODS["logit_lens"].compute(evidence, {"layer": 0})
    assert isinstance(found, Refusal) and "no longer loaded" in found.reason
