"""Attention rollout: right order, the whole product, and the first token left out."""

import numpy as np
import torch

from tests.explain.cases import answer_of
from tests.explain.methods.conftest import attribution_of
from tests.tiny import load_tiny, picture, save_tiny
from workbench.explain.methods.attribution import Cost
from workbench.explain.methods.rollout import ROLLOUT, residual_attention, roll_out
from workbench.models.answer import Question


def test_a_layer_by_hand_with_and_without_the_sink():
    mean = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0.6, 0.2, 0.2]])
    plain = residual_attention(mean, None)
    assert torch.allclose(plain, torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0.3, 0.1, 0.6]]))
    without = residual_attention(mean, 0)
    expected = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 1 / 7, 6 / 7]])
    assert torch.allclose(without, expected)


def test_it_equals_the_product_of_all_layers_in_the_right_order(tmp_path):
    """Peer bug 7: Ã_L ··· Ã_1, the top layer on the left. The other order must give something else."""
    folder = save_tiny(tmp_path / "model")
    model, eager = load_tiny(folder), load_tiny(folder)
    eager.model.set_attn_implementation({"text_config": "eager"})
    with torch.no_grad():  # sharper attention, so that the order matters
        for net in (model, eager):
            for layer in net.decoder.layers:
                layer.self_attn.q_proj.weight *= 25
    prompt, answer = model.prepare(Question("left"), picture(70, 50)), answer_of((7, 11))
    inputs = eager.family.extend(prompt.inputs, torch.tensor(answer.ids))
    with torch.inference_mode():
        maps = eager.model(**inputs, output_attentions=True).attentions
    steps = [residual_attention(layer[0].mean(0).float(), 0) for layer in maps]
    rows = slice(prompt.length - 1, prompt.length + 1)
    right = (steps[2] @ steps[1] @ steps[0])[rows][:, prompt.image_positions]
    wrong = (steps[0] @ steps[1] @ steps[2])[rows][:, prompt.image_positions]
    found = roll_out(model, prompt, answer)
    assert torch.allclose(found, right, atol=1e-5)
    assert not torch.allclose(right, wrong, atol=1e-4)


def test_it_is_labelled_a_baseline_takes_one_pass_and_leaves_no_hook(tiny):
    asked = attribution_of(tiny, picture(48, 48), (7, 11), (0,), (0, 1))
    before = _hooks(tiny)
    found = ROLLOUT.compute(asked, {})
    assert ROLLOUT.label.startswith("Baseline") and "Baseline" in found.note
    assert found.spent == ROLLOUT.cost(asked.prompt, 2, {}) == Cost(1)
    assert found.values.shape == (2, 36)
    assert np.allclose(found.image_share, found.values.sum(-1), atol=1e-6)
    assert (found.image_share > 0).all() and (found.image_share < 1).all()
    assert _hooks(tiny) == before


def _hooks(model) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.model.modules()
    )
