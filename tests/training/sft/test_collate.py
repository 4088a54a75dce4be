"""Batches for three families: labels are the target alone, images are expanded as the model wants."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.tiny import save_tiny
from workbench.errors import UserFacing
from workbench.models.processors import load_processor, pictures_only
from workbench.models.prompts import neutral
from workbench.training.sft.collate import IGNORE, Collator, join
from workbench.training.sft.records import Record


def processor_of(checkpoint: Path | str) -> Any:
    """The processor of a saved checkpoint, as training loads it."""
    return load_processor(checkpoint, AutoConfig.from_pretrained(checkpoint))


FAMILIES = ("llava", "qwen2_5_vl", "qwen3_vl")
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
PADS = ("<|image_pad|>", "<|video_pad|>")
CHAT = (
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}{{ '\n' }}{% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant{{ '\n' }}{% endif %}"
)
TRACE = "<think>The lung is dark. A line is seen.</think><answer>B</answer>"


def qwen_tokenizer(chat: str = CHAT) -> PreTrainedTokenizerFast:
    """Byte-level BPE with Qwen's control tokens, trained on a sentence."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=[*CONTROL, *PADS], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["Is there a nodule in the image? The answer is yes."], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>", chat_template=chat
    )


def pictures(real: Any, tokenizer: Any = None, origin: dict[str, str] | None = None) -> Any:
    """The processor class of a Qwen-VL family without its video part."""
    words = tokenizer or qwen_tokenizer()
    images = Qwen2VLImageProcessorPil(patch_size=14)
    return pictures_only(real, images, words, {"chat_template": words.chat_template}, origin or {})


def _qwen_model(family: str, tokenizer: PreTrainedTokenizerFast) -> Any:
    ids = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{name}_pad|>") for name in ("image", "video")
    }
    ids |= {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{name}|>")
        for name in ("vision_start", "vision_end")
    }
    text = dict(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=tokenizer.pad_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
    )
    vision = dict(
        depth=2, hidden_size=32, intermediate_size=64, num_heads=4, patch_size=14, out_hidden_size=32
    )
    if family == "qwen2_5_vl":
        config = Qwen2_5_VLConfig(
            text_config=text | {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id},
            vision_config=vision | {"window_size": 56, "fullatt_block_indexes": [1]},
            **ids,
        )
        return Qwen2_5_VLForConditionalGeneration(config)
    more = {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text | {"head_dim": 8}, vision_config=vision | more, **ids)
    )


def save_family(folder: Path, family: str) -> Path:
    """A tiny random checkpoint of the family, as a hub folder holds it."""
    if family == "llava":
        return save_tiny(folder)
    torch.manual_seed(0)
    tokenizer = qwen_tokenizer()
    _qwen_model(family, tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 56, patch_size=14).save_pretrained(folder)
    return folder


def save_picture(path: Path, width: int = 60, height: int = 40, colour: int = 200) -> Path:
    Image.new("RGB", (width, height), (colour, 30, 30)).save(path)
    return path


def rows(folder: Path) -> list[Record]:
    """Two images of different shape, one text-only; targets of very different length."""
    wide, tall = save_picture(folder / "a.png"), save_picture(folder / "b.png", 30, 80, 90)
    return [
        Record("r1", "Is there a nodule?", "yes", wide),
        Record("r2", "What is seen?", "line", tall, ("dot", "line"), TRACE),
        Record("r3", "Is aspirin a drug?", "yes, it is one of the oldest"),
    ]


@pytest.fixture(scope="module", params=FAMILIES)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_family(tmp_path_factory.mktemp(request.param), request.param)


def test_unmasked_labels_are_exactly_the_target(checkpoint: Path, tmp_path: Path) -> None:
    collator = Collator(processor_of(checkpoint))
    batch = collator(rows(tmp_path))
    end = collator.tokenizer.eos_token
    for labels, target in zip(batch["labels"], ("yes", TRACE, "yes, it is one of the oldest"), strict=True):
        assert collator.tokenizer.decode(labels[labels != IGNORE]) == target + end


def test_labels_repeat_the_inputs_and_cover_neither_image_nor_padding(
    checkpoint: Path, tmp_path: Path
) -> None:
    processor = processor_of(checkpoint)
    batch = Collator(processor)(rows(tmp_path))
    learnt = batch["labels"] != IGNORE
    assert torch.equal(batch["labels"][learnt], batch["input_ids"][learnt])
    image = batch["input_ids"] == processor.image_token_id
    assert image.sum(1).tolist()[:2] != [0, 0] and image.sum(1)[2] == 0
    assert not (learnt & image).any()
    assert not (learnt & (batch["attention_mask"] == 0)).any()
    first = learnt.int().argmax(1)
    assert all(learnt[row, start:].sum() == learnt[row].sum() for row, start in enumerate(first))


def test_the_prompt_is_the_one_of_the_answering_model(tmp_path: Path) -> None:
    from tests.tiny import load_tiny
    from workbench.imaging.load import load_image
    from workbench.models.answer import Question

    model = load_tiny(save_tiny(tmp_path / "model"))
    record = rows(tmp_path)[1]
    inputs = Collator(model.processor, model.card.templates).one(record)
    prompt = model.prepare(Question(record.question, record.options), load_image(record.image))
    length = prompt.inputs["input_ids"].shape[1]
    assert torch.equal(inputs["input_ids"][:, :length], prompt.inputs["input_ids"])
    assert torch.equal(inputs["pixel_values"], prompt.inputs["pixel_values"])


def test_a_batch_gives_each_row_the_logits_of_its_own(checkpoint: Path, tmp_path: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(checkpoint).eval()
    collator = Collator(processor_of(checkpoint))
    records = rows(tmp_path)
    with torch.no_grad():
        batch = collator(records)
        labels = batch.pop("labels")
        together = model(**batch).logits
        for row, record in enumerate(records):
            single = collator([record])
            single.pop("labels")
            alone = model(**single).logits[0]
            kept = (labels[row] != IGNORE).nonzero().flatten()
            torch.testing.assert_close(together[row, kept], alone[kept], rtol=0, atol=1e-5)


def test_a_processor_expands_each_image_by_its_merged_patches(tmp_path: Path) -> None:
    processor = processor_of(save_family(tmp_path / "model", "qwen3_vl"))
    one = Collator(processor).one(rows(tmp_path)[0])
    # 60 × 40 rounds to 56 × 28 at a factor of 28: 4 × 2 patches of 14, merged 2 × 2.
    assert one["image_grid_thw"].tolist() == [[1, 2, 4]]
    assert int((one["input_ids"] == processor.image_token_id).sum()) == 2
    assert torch.equal(one["mm_token_type_ids"], (one["input_ids"] == processor.image_token_id).long())


def test_a_saved_processor_keeps_the_files_of_its_origin(tmp_path: Path) -> None:
    origin = save_family(tmp_path / "model", "qwen2_5_vl")
    (origin / "video_preprocessor_config.json").write_text(
        '{"video_processor_type": "Qwen2VLVideoProcessor"}'
    )
    out = tmp_path / "out"
    pictures(Qwen2_5_VLProcessor, origin={"path_or_repo_id": str(origin)}).save_pretrained(out)
    for name in ("video_preprocessor_config.json", "preprocessor_config.json"):
        assert (out / name).read_bytes() == (origin / name).read_bytes()
    assert (out / "tokenizer.json").is_file()


@pytest.mark.skipif(not importlib.util.find_spec("torchvision"), reason="torchvision is not installed")
@pytest.mark.parametrize("family", FAMILIES[1:])
def test_without_its_video_part_a_processor_gives_what_it_gives_whole(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A torchvision without its compiled part can't register shapes for operators that it lacks.
    register = torch.library.register_fake
    monkeypatch.setattr(
        torch.library,
        "register_fake",
        lambda name, *rest, **more: (
            (lambda function: function)
            if str(name).startswith("torchvision::")
            else register(name, *rest, **more)
        ),
    )
    from transformers import Qwen2VLVideoProcessor, Qwen3VLVideoProcessor

    real_class, video_class = {
        "qwen2_5_vl": (Qwen2_5_VLProcessor, Qwen2VLVideoProcessor),
        "qwen3_vl": (Qwen3VLProcessor, Qwen3VLVideoProcessor),
    }[family]
    tokenizer, images = qwen_tokenizer(), Qwen2VLImageProcessorPil(max_pixels=56 * 56, patch_size=14)
    real = real_class(images, tokenizer, video_class(), chat_template=CHAT)
    ours = pictures_only(real_class, images, tokenizer, {"chat_template": CHAT}, {})
    for record in rows(tmp_path):
        expected, found = Collator(real).one(record), Collator(ours).one(record)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=0, atol=0)


def test_control_tokens_in_the_data_are_read_as_text(tmp_path: Path) -> None:
    processor = processor_of(save_family(tmp_path / "model", "qwen3_vl"))
    record = Record("r", "Is <|image_pad|> here?", "no <|im_end|>", save_picture(tmp_path / "a.png"))
    batch = Collator(processor)([record])
    assert int((batch["input_ids"] == processor.image_token_id).sum()) == 2
    assert int((batch["labels"] == processor.tokenizer.eos_token_id).sum()) == 1
    assert neutral("a <|im_end|>", processor.tokenizer) == "a < |im_end|>"


def test_a_template_that_opens_the_thinking_is_not_given_the_tag_twice() -> None:
    tokenizer = qwen_tokenizer(CHAT.replace("assistant{{ '\n' }}", "assistant{{ '\n' }}<think>{{ '\n' }}"))
    collator = Collator(pictures(Qwen3VLProcessor, tokenizer))
    one = collator.one(Record("r", "Why?", "B", reasoning=TRACE))
    text = tokenizer.decode(one["input_ids"][0])
    assert text.count("<think>") == 1 + 1  # the prompt's own request names the tag once
    assert text.endswith(
        "assistant\n<think>\nThe lung is dark. A line is seen.</think><answer>B</answer><|im_end|>"
    )


def test_an_image_that_breaks_off_is_named_by_its_record(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:60])
    collator = Collator(processor_of(save_tiny(tmp_path / "model")))
    with pytest.raises(UserFacing, match="record 'r9'"):
        collator([Record("r9", "Is it?", "yes", path)])


def test_images_that_can_not_stand_together_are_refused() -> None:
    ids = torch.ones(1, 2, dtype=torch.long)
    shapes = [{"input_ids": ids, "pixel_values": torch.zeros(1, n, 3)} for n in (2, 3)]
    with pytest.raises(UserFacing, match="differ in shape"):
        join(shapes, pad_id=0)
