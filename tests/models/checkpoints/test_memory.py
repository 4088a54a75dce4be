"""What a checkpoint needs is counted from its headers; what fits is told with the numbers."""

import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from workbench.errors import UserFacing
from workbench.models.catalogue import ModelCard
from workbench.models.checkpoints.memory import (
    Device,
    Size,
    _machine_memory,
    counted_size,
    fits,
    folder_size,
    gigabytes,
    half_format,
    here,
)

GB = 10**9
SEVEN = counted_size(8_300_000_000)  # Qwen2.5-VL-7B, its vision tower included


def gpu(free: float, number_format: str = "bfloat16") -> Device:
    return Device("cuda", int(free * GB), 80 * GB, number_format, "a card")


def cpu(free: float, number_format: str = "float32") -> Device:
    return Device("cpu", int(free * GB), 128 * GB, number_format)


def test_weights_by_hand():
    size = Size(matrices=1000, others=100)
    assert size.weights("float32") == 4400
    assert size.weights("bfloat16") == size.weights("float16") == 2200
    assert size.weights("8bit") == 1000 + 200
    assert size.weights("4bit") == 562 + 200  # half a byte and a 64th of four each


def test_a_folder_is_counted_from_its_headers(tmp_path):
    tensors = {
        "model.layers.0.mlp.up_proj.weight": torch.zeros(6, 4),
        "model.embed_tokens.weight": torch.zeros(10, 4),
        "model.norm.weight": torch.zeros(4),
    }
    save_file(tensors, tmp_path / "model-1.safetensors")
    save_file({"model.layers.1.mlp.experts.up": torch.zeros(2, 3, 4)}, tmp_path / "model-2.safetensors")
    config = {"hidden_size": 4, "num_attention_heads": 2, "num_hidden_layers": 3, "intermediate_size": 6}
    (tmp_path / "config.json").write_text(json.dumps({"text_config": config | {"num_key_value_heads": 1}}))
    size = folder_size(tmp_path)
    assert (size.matrices, size.others, size.parameters) == (24, 40 + 4 + 24, 92)
    assert size.token_bytes == 2 * (3 * 1 * 2 * 2 + 8 * 4 + 2 * 6)
    assert size.working("float32", 10) == 2 * size.working("8bit", 10) == 20 * size.token_bytes


def test_the_tiny_model_is_counted_whole(tiny_folder, tiny):
    assert folder_size(tiny_folder).parameters == tiny.parameters


@pytest.mark.parametrize("keep", [4, 300, -10])
def test_a_cut_off_file_is_named(tmp_path, keep):
    save_file({"a": torch.zeros(20, 20)}, tmp_path / "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:keep])
    with pytest.raises(UserFacing, match="model.safetensors .* is damaged: it is cut off"):
        folder_size(tmp_path)


def test_other_bytes_are_no_weights(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", 4) + b"nope")
    with pytest.raises(UserFacing, match="damaged"):
        folder_size(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserFacing, match="no weights"):
        folder_size(tmp_path)


@pytest.mark.parametrize(
    "device, verdict",
    [
        (gpu(24), "fits"),
        (gpu(15, "float16"), "fits in 8 bit"),  # a T4: 16.6 GB of weights at 16 bit
        (gpu(8.5), "fits in 4 bit"),
        (gpu(4), "does not fit"),
        (cpu(64), "fits"),
        (cpu(23), "does not fit"),
        (cpu(23, "bfloat16"), "fits"),
    ],
)
def test_a_seven_billion_model(device, verdict):
    found = fits(SEVEN, device)
    assert found.verdict == verdict
    assert gigabytes(found.needed) in found.sentence
    assert gigabytes(device.free) in found.sentence
    assert (found.needed <= device.free) == (verdict != "does not fit")
    assert found.available == device.free


def test_experts_are_not_quantised():
    mixture = counted_size(31_000_000_000, experts=28_000_000_000)
    assert mixture.parameters == 31_000_000_000
    assert mixture.weights("4bit") > 2 * 28_000_000_000
    assert fits(mixture, gpu(40)).verdict == "does not fit"


def test_what_does_not_fit_says_what_would():
    said = fits(SEVEN, cpu(23)).sentence
    assert "--dtype bfloat16" in said
    assert "--dtype" not in fits(SEVEN, cpu(8)).sentence
    assert "8 bit" in fits(SEVEN, gpu(4)).sentence


def test_a_copy_of_sixteen_beside_another_is_not_tried():
    assert fits(SEVEN, gpu(24)).verdict == "fits"
    assert fits(SEVEN, gpu(24 - 17)).verdict != "fits"


def test_longer_answers_need_more():
    short, long = (fits(SEVEN, gpu(80), tokens).needed for tokens in (1000, 9000))
    assert long - short == 8000 * SEVEN.token_bytes


def test_a_card_without_a_size_is_not_judged():
    assert fits(ModelCard("a", "A", "owner/a"), gpu(80)) is None


def test_gpus_before_ampere_calculate_in_float16():
    assert half_format((7, 5)) == "float16"
    assert half_format((8, 0)) == half_format((9, 0)) == "bfloat16"


def test_a_container_limits_the_memory(tmp_path):
    (tmp_path / "memory.max").write_text("4000000\n")
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    assert _machine_memory(tmp_path) == (1_500_000, 4_000_000)
    (tmp_path / "memory.max").write_text("max\n")
    free, total = _machine_memory(tmp_path)
    assert 4_000_000 < free <= total


def test_this_machine_is_read(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    device = here()
    assert device.kind == "cpu" and device.format == "float32" and 0 < device.free <= device.total
    assert here("cpu", "bfloat16").format == "bfloat16"


def test_sizes_in_words():
    assert gigabytes(16_600_000_000) == "16.6 GB"
    assert gigabytes(14_000_000) == "14 MB"
