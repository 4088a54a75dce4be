"""Grad-CAM against its formula, on a planted patch of a two-layer model, and what it refuses."""

import numpy as np
import pytest
import torch
from transformers import LlavaForConditionalGeneration

from tests.explain.cases import case_of, painted, token_spans
from tests.explain.methods.conftest import PLACES, attribution_of
from tests.tiny import PLANTED_TOKEN, load_tiny, picture, plant
from workbench.explain import Refusal, explain_spans
from workbench.explain.methods.attribution import guarded
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.grad_cam import chosen_layer

IDS = (7, 11, 13)


@pytest.fixture(scope="module")
def deep(graded, tmp_path_factory):
    """The graded planted model with a silent layer below the one that reads the patch."""
    config = graded.model.config.__class__.from_dict(graded.model.config.to_dict())
    config.text_config.num_hidden_layers = 2
    model = LlavaForConditionalGeneration(config)
    plant(model)
    lower, upper = model.model.language_model.layers
    upper.load_state_dict(lower.state_dict())
    with torch.no_grad():
        model.model.multi_modal_projector.linear_2.bias[2] = 20.0
        for weight in (lower.self_attn.o_proj.weight, lower.input_layernorm.weight):
            weight.zero_()
    folder = tmp_path_factory.mktemp("deep") / "model"
    model.save_pretrained(folder)
    graded.processor.save_pretrained(folder)
    return load_tiny(folder)


@pytest.mark.parametrize(("width", "height", "box"), PLACES)
def test_the_painted_patch_lights_up_where_it_was_painted(deep, ask, width, height, box):
    found = ask(deep, painted(width, height, box), (PLANTED_TOKEN,), [(0,)], "grad_cam")[0]
    middle = (np.array(box[:2]) + np.array(box[2:])) / 2
    best = found.boxes[int(found.values.argmax())]
    assert (best[:2] <= middle).all() and (middle <= best[2:]).all()
    assert found.values.min() >= 0 and 0 < found.image_share <= 1


@pytest.mark.parametrize("reference", [0, 1])
def test_the_map_is_the_formula_written_out(tiny, ask, reference):
    image, layer = picture(70, 50), 2
    found = ask(tiny, image, IDS, [(0,), (1, 2)], "grad_cam", layer=layer, reference=reference)
    context = attribution_of(tiny, image, IDS, (0,))
    kept: list[torch.Tensor] = []
    for heat, tokens in zip(found, ([0], [1, 2]), strict=True):
        with guarded(tiny):
            passed = capture(context)
            hook = tiny.decoder.layers[layer - 1].register_forward_hook(lambda _m, _a, out: kept.append(out))
            try:
                score = passed.logprobs(passed.embeddings.requires_grad_())[0, tokens].sum()
            finally:
                hook.remove()
            whole = torch.autograd.grad(score, kept[-1])[0][0]
        gradient = whole[passed.positions]
        state = kept[-1][0, passed.positions].detach()
        away = state - state.mean(0) if reference == 0 else state
        expected = (away @ gradient.mean(0)).relu().numpy()
        assert np.allclose(heat.values, expected, atol=1e-6)
        assert expected.max() > 0
        size = (whole * kept[-1][0].detach()).abs().sum(-1)
        assert heat.image_share == pytest.approx(float(size[passed.positions].sum() / size.sum()), rel=1e-4)


def test_the_last_layer_is_refused_with_the_reason(tiny):
    """Fault 8 of `test_peer_bugs.py`: Grad-CAM at the last layer is zero everywhere, yet was drawn."""
    case, spans = case_of(tiny, picture(48, 48), IDS), token_spans((0,))
    for layer, word in ((3, "exactly zero"), (4, "no layer 4")):
        refused = explain_spans(case, spans, "grad_cam", {"layer": layer})
        assert isinstance(refused, Refusal) and word in refused.reason and "1 to 2" in refused.hint


def test_what_the_refusal_says_about_the_last_layer_is_true(tiny):
    context = attribution_of(tiny, picture(48, 48), IDS, (0,))
    kept: list[torch.Tensor] = []
    hook = tiny.decoder.layers[-1].register_forward_hook(lambda _m, _a, out: kept.append(out))
    try:
        with guarded(tiny):
            passed = capture(context)
            score = passed.logprobs(passed.embeddings.requires_grad_()).sum()
            gradient = torch.autograd.grad(score, kept[-1])[0]
    finally:
        hook.remove()
    assert gradient[0, passed.positions].abs().max() == 0
    assert gradient[0, passed.rows].abs().max() > 0


def test_the_middle_layer_and_the_numbers_from_one():
    assert [chosen_layer(0, layers) for layers in (2, 3, 28)] == [0, 0, 13]
    assert chosen_layer(1, 2) == 0 and chosen_layer(27, 28) == 26
    for number, layers in ((28, 28), (0, 1), (1, 1), (29, 28)):
        assert isinstance(chosen_layer(number, layers), Refusal)
