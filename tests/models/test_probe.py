"""The attention probe changes nothing and sees what eager attention sees."""

import torch
from transformers import AttentionInterface, AttentionMaskInterface

from tests.tiny import load_tiny, picture
from workbench.models.answer import Question
from workbench.models.probe import PROBE, attention_rows


def _inputs(tiny, ids=(5, 6, 7, 8)):
    prompt = tiny.prepare(Question("Is there evidence of a nodule?"), picture(90, 60))
    return prompt, tiny.family.extend(prompt.inputs, torch.tensor(ids))


def test_probe_is_registered_for_attention_and_mask():
    assert PROBE in AttentionInterface()._global_mapping
    assert PROBE in AttentionMaskInterface()._global_mapping


def test_logits_are_bit_identical_with_and_without_the_probe(tiny, tiny_folder):
    plain = load_tiny(tiny_folder)
    plain.model.set_attn_implementation({"text_config": "sdpa"})
    prompt, inputs = _inputs(tiny)
    with torch.inference_mode():
        want = plain.model(**inputs).logits
        idle = tiny.model(**inputs).logits
    forced = tiny.teacher_force(prompt, (5, 6, 7, 8), collect=True)
    assert torch.equal(want, idle)
    rows = want[0, prompt.length - 1 : prompt.length + 3].log_softmax(-1)
    expected = rows.gather(1, torch.tensor([5, 6, 7, 8])[:, None])[:, 0]
    assert torch.allclose(torch.from_numpy(forced.logprobs), expected, atol=1e-6)


def test_rows_equal_eager_attention_and_only_wanted_ones_are_kept(tiny, tiny_folder):
    eager = load_tiny(tiny_folder)
    eager.model.set_attn_implementation({"text_config": "eager"})
    prompt, inputs = _inputs(tiny)
    with torch.inference_mode():
        maps = eager.model(**inputs, output_attentions=True).attentions
    collector = tiny.teacher_force(prompt, (5, 6, 7, 8), collect=True).collector
    rows = slice(prompt.length - 1, prompt.length + 3)
    for index, layer in collector.layers.items():
        wanted = maps[index][0][:, rows][:, :, prompt.image_positions]
        assert layer.attention.shape == (4, 4, 36)
        assert torch.allclose(layer.attention, wanted, atol=1e-4)
        assert torch.allclose(layer.image_share, wanted.sum(-1), atol=1e-4)


def test_rows_without_a_mask_are_causal():
    query = key = torch.zeros(1, 1, 4, 2)
    rows = attention_rows(query, key, None, 1.0, torch.tensor([0, 2]))
    expected = torch.tensor([[[1, 0, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0]]])
    assert torch.allclose(rows, expected)


def test_rows_with_bool_and_additive_masks_agree():
    torch.manual_seed(1)
    query, key = torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4)
    allowed = torch.ones(5, 5).tril().bool()[None, None]
    additive = torch.zeros(1, 1, 5, 5).masked_fill(~allowed, torch.finfo(torch.float32).min)
    at = torch.tensor([1, 4])
    assert torch.allclose(
        attention_rows(query, key, allowed, 0.5, at), attention_rows(query, key, additive, 0.5, at)
    )


def test_nothing_is_left_behind_after_a_failing_pass(tiny):
    prompt, _ = _inputs(tiny)
    before = len(tiny.decoder.final_norm._forward_pre_hooks)
    try:
        tiny.teacher_force(prompt, (10_000_000,), collect=True)
    except Exception:  # noqa: BLE001 - any failure will do
        pass
    else:
        raise AssertionError("an id outside the vocabulary must fail")
    assert len(tiny.decoder.final_norm._forward_pre_hooks) == before
    assert not tiny.model.training
    assert not any(p.requires_grad for p in tiny.model.parameters())
