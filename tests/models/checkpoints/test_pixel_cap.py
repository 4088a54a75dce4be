"""A picture costs at most so many image tokens on a CPU, and a smaller picture than the person's is said."""

from collections import deque

import pytest
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import make
from tests.tiny import load_tiny, picture
from workbench.bench.asking.run_key import model_facts
from workbench.cases.column import run_case
from workbench.models.checkpoints.pixel_cap import CPU_TOKENS, cap_pixels


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def hub_budget(request, tmp_path_factory):
    """A tiny model with the real models' own budget, 16,384 image tokens."""
    folder = tiny.save_qwen(tmp_path_factory.mktemp("hub") / "model", request.param)
    budget = Qwen2VLImageProcessorPil(patch_size=4, merge_size=2, min_pixels=64, max_pixels=16384 * 64)
    budget.save_pretrained(folder)
    return load_tiny(folder)


def test_a_large_picture_costs_no_more_than_the_cap(hub_budget):
    prompt = hub_budget.prepare(tiny.ASK, picture(1600, 1000))
    assert 0.8 * CPU_TOKENS < len(prompt.image_positions) <= CPU_TOKENS
    assert len(prompt.boxes) == len(prompt.image_positions)
    assert prompt.boxes[:, 2].max() == 1600 and prompt.boxes[:, 3].max() == 1000


def test_it_is_said_and_part_of_the_key(hub_budget):
    (last,) = deque(run_case(hub_budget, picture(1600, 1000), tiny.ASK, tiny.GREEDY), maxlen=1)
    assert "of 1,600 × 1,000 pixels" in last.message
    (last,) = deque(run_case(hub_budget, picture(160, 96), tiny.ASK, tiny.GREEDY), maxlen=1)
    assert "pixels" not in last.message
    size = model_facts(hub_budget)["image_budget"]["size"]
    assert size["longest_edge"] == CPU_TOKENS * 64


def test_a_card_decides_and_a_gpu_keeps_the_checkpoints_own(hub_budget):
    images, config = hub_budget.processor.image_processor, hub_budget.model.config
    before = images.size["longest_edge"]
    cap_pixels(hub_budget.processor, config, "cuda")
    assert images.size["longest_edge"] == before
    cap_pixels(hub_budget.processor, config, "cpu", 10**9)  # never raised
    assert images.size["longest_edge"] == before
    try:
        cap_pixels(hub_budget.processor, config, "cuda", 100 * 64)
        assert len(hub_budget.prepare(tiny.ASK, picture(400, 300)).image_positions) <= 100
    finally:
        cap = images.size
        images.size = type(cap)(**{"shortest_edge": 64, "longest_edge": before})


@pytest.mark.parametrize("kind", ["internvl", "idefics3", "smolvlm"])
def test_fewer_tiles(kind, tmp_path):
    model = make(kind, tmp_path / "model")
    whole = len(model.prepare(tiny.ASK, picture(300, 290)).image_positions)
    side = 2 * model.model.config.vision_config.image_size[0] if kind == "internvl" else 0
    side = side or model.processor.image_processor.max_image_size["longest_edge"]
    cap_pixels(model.processor, model.model.config, "cuda", side**2)
    fewer = model.prepare(tiny.ASK, picture(300, 290))
    assert 0 < len(fewer.image_positions) <= whole
    assert len(fewer.boxes) == len(fewer.image_positions)
