"""Decoders without a vision part: loaded without a processor, asked without a picture."""

import json
import shutil

import numpy as np
import pytest

from tests.models.families import tiny_configs as tiny
from tests.models.families.every_family import TEXT
from tests.tiny import load_tiny, picture
from workbench.errors import UserFacing
from workbench.models.answer import Question
from workbench.models.loading import load_model
from workbench.settings import Settings


@pytest.fixture(scope="module", params=TEXT)
def folder(request, tmp_path_factory):
    return tiny.save_text(tmp_path_factory.mktemp(request.param) / "model", request.param)


@pytest.fixture(scope="module")
def model(folder):
    return load_tiny(folder)


def test_there_are_no_image_tokens(model):
    prompt = model.prepare(tiny.ASK, None)
    assert (prompt.image_positions.shape, prompt.boxes.shape, prompt.image_size) == ((0,), (0, 4), None)
    assert not model.takes_image
    assert not model.card.takes_image
    assert model.seen(prompt) is None


def test_a_picture_is_refused_before_anything_runs(model, monkeypatch):
    monkeypatch.setattr(model.processor, "apply_chat_template", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(UserFacing, match="only reads text"):
        model.prepare(tiny.ASK, picture(40, 30))


def test_question_tokens_spell_the_question_and_its_options(model):
    question = Question("Is there a nodule? 日本", ("yes", "no"))
    prompt = model.prepare(question, None)
    found = model.question_tokens(prompt)
    assert found.text == "Is there a nodule? 日本\nA. yes\nB. no"
    assert "".join(found.text[start:end] for start, end in found.offsets) == found.text
    ids = prompt.inputs["input_ids"][0, found.positions]
    assert found.text in model.tokenizer.decode(ids)
    assert len(found.positions) < prompt.length / 2


def test_attention_over_the_question_is_collected(model):
    prompt = model.prepare(tiny.ASK, None)
    found = model.question_tokens(prompt)
    collector = model.teacher_force(prompt, (20, 21), collect=True, columns=found.positions).collector
    full = model.teacher_force(prompt, (20, 21), collect=True, columns=np.arange(prompt.length)).collector
    for index, layer in collector.layers.items():
        assert layer.attention.shape == (4, 2, len(found.positions))
        assert np.allclose(layer.attention, full.layers[index].attention[:, :, found.positions], atol=1e-6)


def test_a_model_without_chat_template_continues_the_bare_question(tmp_path):
    folder = tiny.save_text(tmp_path / "model", "llama")
    (folder / "chat_template.jinja").unlink()
    model = load_tiny(folder)
    prompt = model.prepare(Question("left right", mode="short"), None)
    assert model.tokenizer.decode(prompt.inputs["input_ids"][0]).startswith("left right\nAnswer")


def test_gradients_are_possible_unless_weights_are_quantised(model, monkeypatch):
    assert model.can_backpropagate
    monkeypatch.setattr(model.model, "is_quantized", True, raising=False)
    assert not model.can_backpropagate


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_missing_file_is_named_but_no_processor_is_asked_for(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).unlink()
    with pytest.raises(UserFacing, match=name):
        load_model(str(copy), settings=Settings(device="cpu"))


def test_an_unknown_decoder_is_refused_with_what_an_adapter_needs(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "config.json").write_text(json.dumps({"model_type": "mamba"}))
    with pytest.raises(UserFacing, match="image token positions, patch boxes") as fault:
        load_model(str(copy), settings=Settings(device="cpu"))
    assert "mamba" in fault.value.message
