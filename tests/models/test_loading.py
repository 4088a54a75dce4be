"""What cannot be loaded is refused with one clear sentence."""

import json
import shutil

import pytest

from tests.tiny import load_tiny
from workbench.errors import UserFacing
from workbench.models.checkpoints.memory import Device
from workbench.models.loading import load_model
from workbench.settings import Settings

CPU = Settings(device="cpu")


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def test_loaded_model_is_frozen_and_described(tiny):
    assert str(tiny.dtype) == "torch.float32"
    assert tiny.memory_bytes == 4 * tiny.parameters
    assert len(tiny.revision) == 12
    assert not any(p.requires_grad for p in tiny.model.parameters())


def test_the_revision_follows_the_weights(tiny, copy):
    assert load_tiny(copy).revision == tiny.revision
    (copy / "extra.safetensors").write_bytes(b"x")
    assert load_tiny(copy).revision != tiny.revision


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "processor_config.json"]
)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(UserFacing, match=name):
        load_model(str(copy), settings=CPU)


def test_pickled_weights_are_refused(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UserFacing, match="safetensors"):
        load_model(str(copy), settings=CPU)


def test_a_missing_shard_is_named(copy):
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserFacing, match="model-00002-of-00002"):
        load_model(str(copy), settings=CPU)


def test_truncated_weights_are_refused(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserFacing, match="model.safetensors .* is damaged"):
        load_model(str(copy), settings=CPU)


def test_an_unknown_architecture_says_what_an_adapter_needs(copy):
    config = {"model_type": "blip-2"}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserFacing, match="patch") as fault:
        load_model(str(copy), settings=CPU)
    assert "blip-2" in fault.value.message


@pytest.mark.parametrize("ref", ["nothing", "/no/such/folder", "./nope", "a/b/c"])
def test_unknown_names_are_refused_without_network(ref, no_network):
    with pytest.raises(UserFacing, match="no model named"):
        load_model(ref, settings=CPU)


def test_a_public_page_loads_only_its_list():
    with pytest.raises(UserFacing, match="public page"):
        load_model("someone/else", settings=Settings(public=True))


def test_no_gpu_is_said(monkeypatch, tiny_folder):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserFacing, match="CUDA"):
        load_model(str(tiny_folder), settings=Settings(device="cuda"))


def test_a_second_model_that_does_not_fit_is_refused_with_the_numbers(tiny_folder, monkeypatch):
    small = Device("cpu", 10_000_000, 16_000_000_000)
    monkeypatch.setattr("workbench.models.loading.here", lambda *_: small)
    with pytest.raises(UserFacing, match="does not fit here.*needs about .* MB.*10 MB free of 16.0 GB"):
        load_model(str(tiny_folder), settings=CPU)


@pytest.mark.parametrize("quantise", ["8bit", "4bit"])
def test_quantised_weights_need_a_gpu(tiny_folder, quantise):
    with pytest.raises(UserFacing, match="need a CUDA GPU"):
        load_model(str(tiny_folder), settings=Settings(device="cpu", quantise=quantise))
