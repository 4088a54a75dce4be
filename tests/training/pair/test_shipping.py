"""What is trained is what is asked: same prompt ids, same pixels, resumable loop."""

import numpy as np
import torch
from torch import nn

from tests.tiny import TINY, load_tiny, save_tiny
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Question
from workbench.training.pair.architecture import TEMPLATES
from workbench.training.pair.loop import Plan, one_cycle, train
from workbench.training.pair.packing import make_branch, prefix_ids
from workbench.training.pair.pictures import pad_square, to_tensor


def test_training_and_answering_use_the_same_prompt_ids_and_pixels(tmp_path):
    model = load_tiny(save_tiny(tmp_path / "m"))
    smooth = np.linspace(0, 255, 96 * 64 * 3).reshape(64, 96, 3).astype(np.uint8)
    prompt = model.prepare(Question("Is there a spot?"), MedicalImage(smooth, "x", "array"))
    text = model.card.templates["trace"].user.replace("{question}", "Is there a spot?")
    wanted = [*prefix_ids(model.tokenizer, TINY.grid**2), *make_branch(model.tokenizer, text, "").question]
    assert prompt.inputs["input_ids"][0].tolist() == wanted
    ours = to_tensor(pad_square(smooth)[0], TINY.image)
    difference = (ours - prompt.inputs["pixel_values"][0]).abs()
    assert difference.mean() < 0.02  # area against bicubic resampling; the layout is identical


def test_shipped_templates_are_those_trained_on(repo_root):
    from workbench.models.catalogue import load_catalogue

    shipped = [card for card in load_catalogue(repo_root / "assets" / "models").values() if card.bundled]
    assert [card.templates for card in shipped] == [TEMPLATES, TEMPLATES]


def test_schedule_by_hand():
    plan = Plan(steps=100, peak_rate=1.0, warm_up=10)
    assert one_cycle(0.0, 4, plan) == 0.5
    assert abs(one_cycle(0.5, 50, plan) - 0.51) < 1e-6
    assert abs(one_cycle(1.0, 99, plan) - 0.02) < 1e-6


def _fit(folder, steps):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)

    def batches(first):
        number = first
        while True:
            generator = torch.Generator().manual_seed(number)
            yield torch.randn(4, 3, generator=generator)
            number += 1

    plan = Plan(steps=steps, peak_rate=0.1, warm_up=1, save_every=1)
    position = train(
        model, batches, lambda x: (model(x) - x.sum(1, keepdim=True)).pow(2).mean(), plan, folder
    )
    return model, position


def test_a_resumed_run_continues_with_the_next_batch(tmp_path):
    _, first = _fit(tmp_path / "a", 3)
    resumed, second = _fit(tmp_path / "a", 6)
    assert (first.step, second.step) == (3, 6)
    again, third = _fit(tmp_path / "a", 6)
    assert third.step == 6
    assert torch.equal(resumed.weight, again.weight)
