"""Tiny random models of the families that cut pictures into tiles, each with its real classes."""

import json
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from transformers import (
    AutoModelForImageTextToText,
    Idefics3Config,
    Idefics3Processor,
    InternVLConfig,
    InternVLProcessor,
    LlavaNextConfig,
    LlavaNextProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionProcessor,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMProcessor,
)
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import (
    LlavaOnevisionImageProcessorPil,
)
from transformers.models.smolvlm import processing_smolvlm
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

from tests.models.families.tiny_configs import tokenizer
from workbench.models.catalogue import ModelCard
from workbench.models.families.base import Family
from workbench.models.probe import install
from workbench.models.processors import pictures_only
from workbench.models.session import LoadedModel

NEAREST = 0  # reads single pixels, so that a change doesn't leak into the neighbouring token's pixels
BICUBIC = 3
PATCH = 4
_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


def words(image: str, *others: str, **names: Any) -> PreTrainedTokenizerFast:
    """Tokenizer whose chat template puts `image` where the picture goes."""
    specials = ["<pad>", "<s>", "</s>", "[BEGIN]", "[END]", image, *others]
    return tokenizer(specials, "[BEGIN]", "[END]", image, bos_token="<s>", eos_token="</s>", **names)


def pictures(real: Any, images: Any, tokens: PreTrainedTokenizerFast, **settings: Any) -> Any:
    """The real processor class without its video part, which can't be built without torchvision."""
    return pictures_only(real, images, tokens, {"chat_template": tokens.chat_template, **settings}, {})


def loaded(config: Any, processor: Any, family: Family) -> LoadedModel:
    """A random model as the workbench holds it."""
    torch.manual_seed(3)
    model = AutoModelForImageTextToText.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Wider than the usual 0.02, so that pictures and positions visibly change the scores.
            if parameter.ndim > 1 and "embed_tokens" not in name:
                parameter.normal_(0, 0.15)
    for name in ("pad_token_id", "eos_token_id"):
        setattr(model.generation_config, name, getattr(processor.tokenizer, name))
    model.eval().requires_grad_(False)
    install(model)
    return LoadedModel(ModelCard(family.name, family.name, "memory"), model, processor, family, "test")


def _text(tokens: PreTrainedTokenizerFast) -> dict[str, Any]:
    ids = {name: getattr(tokens, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    return _TEXT | ids | {"vocab_size": len(tokens)}


def llava_next(family: Family, resample: int = BICUBIC) -> LoadedModel:
    """Tiles of 24 pixels, CLIP patches of 4: 36 tokens a tile; up to 2 × 2, 3 × 1 or 1 × 3 tiles."""
    tokens = words("<image>")
    pinpoints = [[24, 48], [48, 24], [48, 48], [72, 24], [24, 72]]
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": 24},
        crop_size={"height": 24, "width": 24},
        image_grid_pinpoints=pinpoints,
        resample=resample,
    )
    processor = LlavaNextProcessor(
        images,
        tokens,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=tokens.chat_template,
    )
    vision = _VISION | {"model_type": "clip_vision_model", "image_size": 24, "patch_size": PATCH}
    config = LlavaNextConfig(
        text_config=_text(tokens) | {"model_type": "llama"},
        vision_config=vision,
        image_token_index=processor.image_token_id,
        image_grid_pinpoints=pinpoints,
    )
    return loaded(config, processor, family)


def llava_onevision(family: Family, resample: int = BICUBIC) -> LoadedModel:
    """Tiles of 26 pixels, of which SigLIP's 6 × 6 patches of 4 use 24; at most two tiles' worth of tokens."""
    tokens = words("<image>", "<video>")
    pinpoints = [[26 * rows, 26 * columns] for rows in (1, 2, 3) for columns in (1, 2, 3)]
    images = LlavaOnevisionImageProcessorPil(
        size={"height": 26, "width": 26}, image_grid_pinpoints=pinpoints, resample=resample
    )
    image, video = tokens.convert_tokens_to_ids(["<image>", "<video>"])
    processor = pictures(
        LlavaOnevisionProcessor,
        images,
        tokens,
        num_image_tokens=36,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_2",
    )
    vision = _VISION | {"model_type": "siglip_vision_model", "image_size": 26, "patch_size": PATCH}
    config = LlavaOnevisionConfig(
        text_config=_text(tokens) | {"model_type": "qwen2"},
        vision_config=vision | {"vision_use_head": False},
        image_token_index=image,
        video_token_index=video,
        image_grid_pinpoints=pinpoints,
        vision_aspect_ratio="anyres_max_2",
    )
    return loaded(config, processor, family)


def internvl(
    family: Family, resample: int = BICUBIC, tile: int = 24, patch: int = PATCH, most: int = 6
) -> LoadedModel:
    """Tiles of 24 pixels, patches of 4 merged 2 × 2: 9 tokens a tile; up to six tiles and a thumbnail."""
    names = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokens = words("<IMG_CONTEXT>", "<img>", "</img>", "<video>", extra_special_tokens=names)
    images = GotOcr2ImageProcessorPil(
        size={"height": tile, "width": tile}, max_patches=most, resample=resample
    )
    processor = pictures(InternVLProcessor, images, tokens, image_seq_length=(tile // patch // 2) ** 2)
    config = InternVLConfig(
        text_config=_text(tokens) | {"model_type": "qwen2"},
        vision_config=_VISION | {"image_size": tile, "patch_size": patch},
        image_token_id=tokens.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(tile // patch // 2) ** 2,
        # Tied, this random model would repeat the prompt's last kinds of token, image tokens among them.
        tie_word_embeddings=False,
    )
    return loaded(config, processor, family)


def idefics3(
    family: Family,
    resample: int = BICUBIC,
    tile: int = 26,
    patch: int = PATCH,
    scale: int = 2,
    longest: int = 96,
) -> LoadedModel:
    """Tiles of 26 pixels, of which 6 × 6 patches of 4 use 24, merged 2 × 2: 9 tokens a tile."""
    tokens = words("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *_rows(4))
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": longest}, max_image_size={"longest_edge": tile}, resample=resample
    )
    processor = Idefics3Processor(
        images, tokens, image_seq_len=(tile // patch // scale) ** 2, chat_template=tokens.chat_template
    )
    config = Idefics3Config(
        text_config=_text(tokens) | {"model_type": "llama"},
        vision_config=_VISION | {"image_size": tile, "patch_size": patch},
        image_token_id=processor.image_token_id,
        scale_factor=scale,
    )
    return loaded(config, processor, family)


def smolvlm(family: Family, resample: int = BICUBIC) -> LoadedModel:
    """SmolVLM with tiles of 24 pixels, patches of 4 merged 3 × 3: 4 tokens a tile."""
    tokens = words("<image>", "<fake_token_around_image>", "<global-img>", *_rows(4))
    images = SmolVLMImageProcessorPil(
        size={"longest_edge": 96}, max_image_size={"longest_edge": 24}, resample=resample
    )
    with mock.patch.object(processing_smolvlm, "num2words", str):  # for frames of a video
        processor = pictures(SmolVLMProcessor, images, tokens, image_seq_len=4)
    config = SmolVLMConfig(
        text_config=_text(tokens) | {"model_type": "llama"},
        vision_config=_VISION | {"image_size": 24, "patch_size": PATCH},
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        scale_factor=3,
    )
    return loaded(config, processor, family)


def _rows(count: int) -> list[str]:
    return [f"<row_{row + 1}_col_{column + 1}>" for row in range(count) for column in range(count)]


def save(made: LoadedModel, folder: Path, one_file: bool) -> Path:
    """Write a checkpoint: the processor's settings in `one_file`, or in one for each part, as older ones do.

    Both name a video processor, as checkpoints of these families do.
    """
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    settings = made.processor.to_dict()
    video = {"video_processor_type": type(made.processor).__name__.replace("Processor", "VideoProcessor")}
    if one_file:
        settings["video_processor"] = video
    else:
        images = settings.pop("image_processor")
        images |= {"processor_class": settings["processor_class"]}
        images["image_processor_type"] = images["image_processor_type"].removesuffix("Pil") + "Fast"
        (folder / "preprocessor_config.json").write_text(json.dumps(images))
        (folder / "video_preprocessor_config.json").write_text(json.dumps(video))
    (folder / "processor_config.json").write_text(json.dumps(settings))
    return folder
