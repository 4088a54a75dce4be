"""Checkpoints of the families with tiles, from a folder to maps of an answer, also without torchvision."""

from unittest import mock

import numpy as np
import pytest
import torch
from transformers.models.smolvlm import processing_smolvlm
from transformers.utils import is_torchvision_available

from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.models.families.every_family import TILES, make_tiles
from tests.tiny import load_tiny, picture
from workbench.cases.answered import AnsweredCase
from workbench.explain import HeatMap, all_span, explain
from workbench.models.answer import Decoding
from workbench.models.processors import PicturesOnly

WIDE = picture(90, 50)
SAMPLED = Decoding(max_new_tokens=8, temperature=1.0, seed=1)  # greedy, some of these write spaces alone


def load(folder):
    """`load_model` as on a machine with num2words, which only frames of a video need."""
    with mock.patch.object(processing_smolvlm, "num2words", str):
        return load_tiny(folder)


@pytest.fixture(scope="module", params=TILES)
def made(request):
    return make_tiles(request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["one-file", "a-file-a-part"])
def folder(request, made, tmp_path_factory):
    return tiles.save(made, tmp_path_factory.mktemp("made") / "model", request.param)


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


@pytest.mark.skipif(is_torchvision_available(), reason="torchvision rounds resized pixels differently")
@pytest.mark.parametrize("image", [WIDE, picture(40, 100), None], ids=["wide", "tall", "none"])
def test_the_inputs_are_those_of_the_parts_in_memory(made, model, image):
    ours, theirs = (one.prepare(tiny.ASK, image).inputs for one in (model, made))
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        assert torch.equal(ours[key], value)


def test_an_answer_is_forced_and_explained(model):
    prompt = model.prepare(tiny.ASK, WIDE)
    answer = model.generate(prompt, SAMPLED)
    assert np.abs(model.teacher_force(prompt, answer.ids).logprobs - answer.logprobs).max() < 1e-4
    span = all_span(answer)
    count = int((prompt.inputs["input_ids"] == model.model.config.image_token_id).sum())
    for method in ("attention_mean", "logit_attribution"):
        found = explain(AnsweredCase.of(model, prompt, None, answer), span, method)
        assert isinstance(found, HeatMap)
        assert found.values.shape == (count,)
        assert found.boxes.shape == (count, 4)
        assert np.ptp(found.values) > 0


def test_a_saved_processor_is_the_one_that_was_loaded(model, folder, tmp_path):
    model.model.save_pretrained(tmp_path)
    model.processor.save_pretrained(tmp_path)
    again = load(tmp_path)
    ours, theirs = (one.prepare(tiny.ASK, WIDE).inputs for one in (again, model))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())


def test_saving_keeps_the_video_part(model, folder, tmp_path):
    if not isinstance(model.processor, PicturesOnly):
        pytest.skip("this processor was built whole")
    model.processor.save_pretrained(tmp_path)
    for name in ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"):
        assert (tmp_path / name).is_file() == (folder / name).is_file()
        if (folder / name).is_file():
            assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
