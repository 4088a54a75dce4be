"""Processors without torchvision give the inputs of the real ones."""

import importlib.util
import json
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from transformers import AutoConfig, AutoTokenizer
from transformers.models.gemma3.processing_gemma3 import Gemma3Processor
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from tests.models.families import tiny_configs
from tests.models.families import tiny_configs_tiles as tiles
from tests.tiny import picture
from tests.waiting import HANG_SECONDS
from workbench.errors import UserFacing
from workbench.models.families.idefics3 import Idefics3
from workbench.models.loading import load_model
from workbench.models.processors import PicturesOnly, TextProcessor, load_processor, pictures_only
from workbench.settings import Settings

REAL = {"qwen2_vl": Qwen2VLProcessor, "qwen2_5_vl": Qwen2_5_VLProcessor, "qwen3_vl": Qwen3VLProcessor}
NUM2WORDS = importlib.util.find_spec("num2words") is not None
TORCHVISION = importlib.util.find_spec("torchvision") is not None
SIZES = [(60, 30), (33, 70), None]
# A CPU build of torch lacks some operators whose fakes torchvision registers on import; they aren't used.
IN_ANOTHER_PROCESS = """
import sys
import torch

register = torch.library.register_fake

def forgiving(op, *rest, **more):
    if isinstance(op, str) and op.startswith("torchvision::"):
        return lambda function: function
    return register(op, *rest, **more)

torch.library.register_fake = forgiving
import torchvision
from transformers import AutoConfig
from tests.models.test_processors import SIZES, asked
from workbench.models.processors import load_processor

folder, target = sys.argv[1:]
processor = load_processor(folder, AutoConfig.from_pretrained(folder))
inputs = [dict(asked(processor, size)) for size in SIZES]
torch.save({"name": type(processor).__name__, "inputs": inputs}, target)
"""


def asked(processor, size):
    """Inputs for one question, about a picture of that size."""
    content = [{"type": "text", "text": "Is there a nodule?"}]
    if size is not None:
        content.insert(0, {"type": "image", "image": Image.fromarray(picture(*size).pixels)})
    return processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )


@pytest.fixture(params=REAL)
def folder(request, tmp_path):
    return tiny_configs.save_qwen(tmp_path / request.param, request.param)


def _pictures_only(folder) -> PicturesOnly:
    """The real class without its video part, also where torchvision is installed."""
    images, words = Qwen2VLImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    settings = {"chat_template": words.chat_template}
    return pictures_only(REAL[folder.name], images, words, settings, {"path_or_repo_id": str(folder)})


def _same(ours, theirs, tolerance):
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        assert ours[key].shape == value.shape
        assert ours[key].dtype == value.dtype
        assert (ours[key] - value).abs().max() <= (tolerance if key == "pixel_values" else 0)


def test_a_picture_fills_its_placeholder_by_hand(folder):
    """33 × 70 becomes 32 × 72: 4 × 9 tokens between the marks, and 4 patches of 2 · 3 · 4 · 4 in each."""
    processor = _pictures_only(folder)
    inputs = asked(processor, (33, 70))
    text = processor.tokenizer.decode(inputs["input_ids"][0])
    assert "<|vision_start|>" + "<|image_pad|>" * 36 + "<|vision_end|>Is there a nodule?" in text
    assert inputs["pixel_values"].shape == (4 * 36, 2 * 3 * 4 * 4)
    assert inputs["mm_token_type_ids"].sum() == 36


@pytest.mark.slow
@pytest.mark.skipif(not TORCHVISION, reason="torchvision is not installed")
def test_the_same_inputs_as_the_real_processor_with_torchvision(folder, repo_root, tmp_path):
    target = tmp_path / "inputs.pt"
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(folder), str(target)]
    subprocess.run(command, cwd=repo_root, check=True, timeout=HANG_SECONDS)
    kept = torch.load(target)
    assert kept["name"] == REAL[folder.name].__name__
    for size, theirs in zip(SIZES, kept["inputs"], strict=True):
        # torchvision and Pillow round resized pixels differently, by one or two grey levels of 255.
        _same(asked(_pictures_only(folder), size), theirs, 0.04)


@pytest.mark.skipif(TORCHVISION, reason="torchvision is installed")
def test_without_torchvision_it_is_the_checkpoint_s_own_class_for_pictures(folder):
    processor = load_processor(folder, AutoConfig.from_pretrained(folder))
    assert isinstance(processor, PicturesOnly)
    assert isinstance(processor, REAL[folder.name])
    assert type(processor).__name__ == REAL[folder.name].__name__
    assert "<|im_start|>" in processor.chat_template
    assert "video_processor" not in processor.to_dict()


@pytest.mark.skipif(TORCHVISION, reason="torchvision is installed")
@pytest.mark.parametrize(
    "file", ["processor_config.json", "preprocessor_config.json", "tokenizer_config.json"]
)
def test_the_class_that_the_checkpoint_names_comes_before_its_model_s(folder, file):
    other = Qwen3VLProcessor if folder.name != "qwen3_vl" else Qwen2VLProcessor
    path = folder / file
    kept = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(kept | {"processor_class": other.__name__}))
    assert isinstance(load_processor(folder, AutoConfig.from_pretrained(folder)), other)


@pytest.mark.skipif(TORCHVISION, reason="torchvision is installed")
def test_the_template_kept_with_the_processor_comes_first(folder):
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'][-1]['text'] }}!")
    processor = load_processor(folder, AutoConfig.from_pretrained(folder))
    ids = asked(processor, None)["input_ids"][0]
    assert processor.tokenizer.decode(ids) == "Is there a nodule?!"


@pytest.mark.skipif(TORCHVISION, reason="torchvision is installed")
def test_saving_keeps_the_origin_s_files(folder, tmp_path):
    (folder / "video_preprocessor_config.json").write_text('{"kept": 1}')
    load_processor(folder, AutoConfig.from_pretrained(folder)).save_pretrained(tmp_path / "out")
    assert (tmp_path / "out" / "video_preprocessor_config.json").read_text() == '{"kept": 1}'
    shutil.copy(folder / "config.json", tmp_path / "out")
    again = load_processor(tmp_path / "out", AutoConfig.from_pretrained(folder))
    assert torch.equal(
        asked(again, (60, 30))["input_ids"], asked(_pictures_only(folder), (60, 30))["input_ids"]
    )


def _failing(monkeypatch, message):
    def fail(*_, **__):
        raise ImportError(message)

    monkeypatch.setattr("workbench.models.processors.AutoProcessor.from_pretrained", fail)


def test_a_part_that_has_no_stand_in_is_asked_for_by_its_package(folder, monkeypatch):
    """A class with a part besides pictures, text and video can't be built without its own loader."""
    _failing(monkeypatch, "this needs the Torchvision library")
    monkeypatch.setattr("workbench.models.processors.is_torchvision_available", lambda: False)
    wanted = ["image_processor", "tokenizer", "feature_extractor"]
    monkeypatch.setattr(REAL[folder.name], "get_attributes", classmethod(lambda _: wanted))
    with pytest.raises(UserFacing, match="needs the package torchvision") as fault:
        load_processor(folder, AutoConfig.from_pretrained(folder))
    assert fault.value.hint == "Install it: pip install torchvision."


def test_another_failing_import_is_not_explained_away(folder, monkeypatch):
    _failing(monkeypatch, "no module named soundfile")
    with pytest.raises(ImportError, match="soundfile"):
        load_processor(folder, AutoConfig.from_pretrained(folder))


@pytest.mark.skipif(NUM2WORDS, reason="num2words is installed")
def test_smolvlm_without_num2words_says_so(tmp_path):
    folder = tiles.save(tiles.smolvlm(Idefics3()), tmp_path, one_file=True)
    with pytest.raises(UserFacing, match="smolvlm.* needs the package num2words, which is not installed"):
        load_model(str(folder), settings=Settings(device="cpu"))


def test_a_processor_without_a_video_part_is_left_alone(tmp_path):
    folder = tiny_configs.save_gemma3(tmp_path / "gemma")
    processor = load_processor(folder, AutoConfig.from_pretrained(folder))
    assert isinstance(processor, Gemma3Processor)
    assert not isinstance(processor, PicturesOnly)


def test_a_text_only_model_gets_its_tokenizer_alone(tmp_path):
    folder = tiny_configs.save_text(tmp_path / "text", "llama")
    processor = load_processor(folder, AutoConfig.from_pretrained(folder))
    assert isinstance(processor, TextProcessor)
    assert set(asked(processor, None)) == {"input_ids", "attention_mask"}
    with pytest.raises(ValueError, match="takes no pictures"):
        asked(processor, (20, 20))
