"""Streamed relevancy against the formula written out with whole matrices, and what it keeps while it runs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.explain.cases import painted
from tests.explain.methods.conftest import PLACES, assert_lights_up, attribution_of
from tests.tiny import PLANTED_TOKEN, TINY, load_tiny, picture, save_tiny
from workbench.explain.methods import relevancy as module
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.decoder_pass import capture
from workbench.models.answer import Question
from workbench.models.probe import PROBE

IDS = (7, 11, 13, 17)
GROUPS = [(0,), (3,), (1, 2)]


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """A tiny model whose four query heads share two key heads."""
    from transformers import LlavaForConditionalGeneration

    folder = save_tiny(tmp_path_factory.mktemp("grouped") / "model", replace(TINY, text_layers=4))
    config = load_tiny(folder).model.config
    config.text_config.num_key_value_heads = 2
    torch.manual_seed(3)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    return load_tiny(folder)


def naive(model, prompt, ids, tokens) -> np.ndarray:
    """R ← R + mean_h ReLU(∂f/∂A ⊙ A)·R from the first layer up with every matrix kept; rows that predict."""
    net, text = model.model, model.model.model.language_model
    inputs = model.family.extend(prompt.inputs, torch.tensor(ids))
    with torch.no_grad():
        features = torch.cat(net.model.get_image_features(inputs["pixel_values"]).pooler_output)
        embeddings = text.embed_tokens(inputs["input_ids"])
    embeddings[0, prompt.image_positions] = features
    found, text.config._attn_implementation = text.config._attn_implementation, "eager"
    try:
        output = text(inputs_embeds=embeddings.requires_grad_(), output_attentions=True, use_cache=False)
    finally:
        text.config._attn_implementation = found
    logp = net.lm_head(output.last_hidden_state)[0].log_softmax(-1)
    rows = [prompt.length - 1 + token for token in tokens]
    score = sum(logp[row, ids[token]] for row, token in zip(rows, tokens, strict=True))
    gradients = torch.autograd.grad(score, output.attentions)
    relevance = torch.eye(embeddings.shape[1])
    for attention, gradient in zip(output.attentions, gradients, strict=True):
        relevance = relevance + (attention * gradient)[0].relu().mean(0) @ relevance
    return relevance[rows].sum(0)[prompt.image_positions].detach().numpy()


@pytest.mark.parametrize("name", ["tiny", "grouped"])
@pytest.mark.parametrize("chunk", [7, 64])
def test_streamed_equals_the_naive_formula(request, ask, monkeypatch, name, chunk):
    model = request.getfixturevalue(name)
    monkeypatch.setattr(module, "ROW_CHUNK", chunk)
    image = picture(70, 50)
    prompt = model.prepare(Question("left"), image)
    for found, tokens in zip(ask(model, image, IDS, GROUPS, "relevancy"), GROUPS, strict=True):
        expected = naive(model, prompt, IDS, tokens)
        assert expected.max() > 0
        assert np.abs(found.values - expected).max() <= 1e-4 * expected.max()


@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_painted_patch_lights_up_where_it_was_painted(planted, ask, width, height, box):
    found = ask(planted, painted(width, height, box), (PLANTED_TOKEN,), [(0,)], "relevancy")[0]
    assert_lights_up(found, box)
    assert 0 < found.image_share <= 1


def test_spans_together_equal_spans_alone(tiny, ask):
    together = ask(tiny, picture(48, 48), IDS, GROUPS, "relevancy")
    for found, group in zip(together, GROUPS, strict=True):
        alone = ask(tiny, picture(48, 48), IDS, [group], "relevancy")[0]
        assert np.allclose(found.values, alone.values, atol=1e-7)
        assert found.image_share == pytest.approx(alone.image_share)


def test_no_square_matrix_is_kept_for_the_backward_pass_and_few_rows_live_at_once(tiny, monkeypatch):
    kept, rows_seen, real = [], [], module.attention_rows
    monkeypatch.setattr(module, "ROW_CHUNK", 8)
    monkeypatch.setattr(module, "attention_rows", lambda *a: rows_seen.append(len(a[-1])) or real(*a))
    context = attribution_of(tiny, picture(70, 50), IDS, *GROUPS)

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append((tuple(tensor.shape), tensor.is_floating_point()))
        return tensor

    with guarded(tiny), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        passed = capture(context)
        list(module.span_relevance(passed, context))
    length = context.prompt.length + len(IDS)
    assert kept and rows_seen
    assert not [shape for shape, real_number in kept if real_number and shape[-2:] == (length, length)]
    assert max(rows_seen) <= 8
    # One layer a span reads only the predicting rows: relevance has reached nothing else yet.
    assert rows_seen[0] == 1


def test_the_kernel_is_given_back_when_the_backward_pass_fails(tiny, monkeypatch):
    def broken(*_arguments):
        raise RuntimeError("half-way")

    context = attribution_of(tiny, picture(48, 48), IDS, *GROUPS)
    text = tiny.model.model.language_model
    monkeypatch.setattr(module, "attention_rows", broken)
    with pytest.raises(RuntimeError, match="half-way"), guarded(tiny):
        list(module.span_relevance(capture(context), context))
    assert text.config._attn_implementation == PROBE
    assert module._ACTIVE.get() is None
