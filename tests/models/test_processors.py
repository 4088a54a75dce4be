"""Processors without torchvision give the inputs of the real ones."""

import importlib.util
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from transformers import AutoConfig, AutoTokenizer
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from tests.models.families import tiny_configs
from tests.tiny import picture
from workbench.models.processors import GridProcessor, TextProcessor, expand_placeholders, load_processor

REAL = {"qwen2_vl": Qwen2VLProcessor, "qwen2_5_vl": Qwen2_5_VLProcessor, "qwen3_vl": Qwen3VLProcessor}
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


def _joined(folder) -> GridProcessor:
    config = AutoConfig.from_pretrained(folder)
    images = Qwen2VLImageProcessorPil.from_pretrained(folder)
    return GridProcessor(images, AutoTokenizer.from_pretrained(folder), config.image_token_id)


def _same(ours, theirs, tolerance):
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        assert ours[key].shape == value.shape
        assert ours[key].dtype == value.dtype
        assert (ours[key] - value).abs().max() <= (tolerance if key == "pixel_values" else 0)


@pytest.mark.parametrize("size", SIZES)
def test_the_same_inputs_as_the_real_class_around_the_same_parts(folder, size):
    """The real processor class, with nothing where its video part would be, must agree to the bit."""
    ours = _joined(folder)
    real = REAL[folder.name]
    kind = type("WithoutVideo", (real,), {"check_argument_for_proper_class": lambda self, name, part: None})
    theirs = kind(ours.image_processor, ours.tokenizer, None, chat_template=ours.chat_template)
    _same(asked(ours, size), asked(theirs, size), 0)


@pytest.mark.slow
@pytest.mark.skipif(not TORCHVISION, reason="torchvision is not installed")
def test_the_same_inputs_as_the_real_processor_with_torchvision(folder, repo_root, tmp_path):
    target = tmp_path / "inputs.pt"
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(folder), str(target)]
    subprocess.run(command, cwd=repo_root, check=True, timeout=100)
    kept = torch.load(target)
    assert kept["name"] == REAL[folder.name].__name__
    for size, theirs in zip(SIZES, kept["inputs"], strict=True):
        # torchvision and Pillow round resized pixels differently, by one or two grey levels of 255.
        _same(asked(_joined(folder), size), theirs, 0.04)


@pytest.mark.skipif(TORCHVISION, reason="torchvision is installed")
def test_without_torchvision_the_parts_are_joined(folder):
    processor = load_processor(folder, AutoConfig.from_pretrained(folder))
    assert isinstance(processor, GridProcessor)
    assert "<|im_start|>" in processor.chat_template


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
    assert torch.equal(asked(again, (60, 30))["input_ids"], asked(_joined(folder), (60, 30))["input_ids"])


def test_placeholders_are_filled_in_order():
    assert expand_placeholders("a#b#c", "#", [2, 0]) == "a##bc"
    with pytest.raises(ValueError, match="1 pictures but 2"):
        expand_placeholders("a#b#c", "#", [1])


def test_a_text_only_model_gets_its_tokenizer_alone(tmp_path):
    folder = tiny_configs.save_text(tmp_path / "text", "llama")
    processor = load_processor(folder, AutoConfig.from_pretrained(folder))
    assert isinstance(processor, TextProcessor)
    assert set(asked(processor, None)) == {"input_ids", "attention_mask"}
    with pytest.raises(ValueError, match="takes no pictures"):
        asked(processor, (20, 20))
