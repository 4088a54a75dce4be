"""What a model folder must hold depends on whether its model takes pictures."""

import json

import pytest

from tests.models.families import tiny_configs
from workbench.errors import UserFacing
from workbench.models.checkpoints.folder import missing_files, text_only
from workbench.models.loading import load_model
from workbench.settings import Settings

PROCESSOR = "preprocessor_config.json or processor_config.json"


def test_a_text_only_model_needs_no_processor(tmp_path):
    folder = tiny_configs.save_text(tmp_path / "text", "qwen2")
    assert text_only(folder)
    assert missing_files(folder) == []
    (folder / "tokenizer.json").unlink()
    assert missing_files(folder) == ["tokenizer.json or tokenizer.model or vocab.json"]


def test_a_model_with_a_vision_part_needs_one(tiny_folder, tmp_path):
    assert not text_only(tiny_folder)
    assert missing_files(tiny_folder) == []
    folder = tiny_configs.save_qwen(tmp_path / "qwen", "qwen2_vl")
    (folder / "preprocessor_config.json").unlink()
    assert missing_files(folder) == [PROCESSOR]
    with pytest.raises(UserFacing, match="preprocessor_config"):
        load_model(str(folder), settings=Settings(device="cpu"))


@pytest.mark.parametrize("config", [None, "not json", "[]", "{}", "3"])
def test_a_config_that_says_nothing_excuses_nothing(config, tmp_path):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    assert not text_only(tmp_path)
    assert PROCESSOR in missing_files(tmp_path)


def test_an_empty_vision_part_is_none(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "vision_config": None}))
    assert text_only(tmp_path)
