"""Tiny random checkpoints of the real families, laid out as on the hub; pictures that differ in a region."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    Gemma3Config,
    Gemma3Processor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2VLConfig,
    Qwen3VLConfig,
    Qwen3VLMoeConfig,
)
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.tiny import TEXTS, load_tiny, picture
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Decoding, Question
from workbench.models.session import LoadedModel

ASK = Question("Is there evidence of a nodule?")
GREEDY = Decoding(max_new_tokens=8)
_TURNS = (
    "{{% for turn in messages %}}{begin}{{{{ turn['role'] }}}}\n{{% if turn['content'] is string %}}"
    "{{{{ turn['content'] }}}}{{% else %}}{{% for part in turn['content'] %}}"
    "{{% if part['type'] == 'image' %}}{image}"
    "{{% else %}}{{{{ part['text'] }}}}{{% endif %}}{{% endfor %}}{{% endif %}}{end}\n{{% endfor %}}"
    "{{% if add_generation_prompt %}}{begin}assistant\n{{% endif %}}"
)


def tokenizer(specials: list[str], begin: str, end: str, image: str, **names: Any) -> PreTrainedTokenizerFast:
    """Byte-level tokenizer with a chat template that puts `image` where the picture goes."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    template = _TURNS.format(begin=begin, end=end, image=image)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, padding_side="left", chat_template=template, pad_token=specials[0], **names
    )


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    marks = ["im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad"]
    specials = ["<|endoftext|>", *(f"<|{mark}|>" for mark in marks)]
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    return tokenizer(specials, "<|im_start|>", "<|im_end|>", image, eos_token="<|im_end|>")


QWEN = {
    "qwen2_vl": Qwen2VLConfig,
    "qwen2_5_vl": Qwen2_5_VLConfig,
    "qwen3_vl": Qwen3VLConfig,
    "qwen3_vl_moe": Qwen3VLMoeConfig,
}
_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_QWEN_VISION = {
    "qwen2_vl": {"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2, "patch_size": 4},
    # A window of 2 × 2 blocks, so that the tower reorders the blocks of every picture in these tests.
    "qwen2_5_vl": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "out_hidden_size": 32,
        "patch_size": 4,
        "window_size": 16,
        "fullatt_block_indexes": [1],
    },
    "qwen3_vl": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "out_hidden_size": 32,
        "patch_size": 4,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    },
}
_QWEN_VISION["qwen3_vl_moe"] = _QWEN_VISION["qwen3_vl"]


def save_qwen(
    folder: Path, kind: str, patch: int = 4, limits: tuple[int, int] = (64, 64 * 48), **vision: Any
) -> Path:
    """A tiny Qwen-VL checkpoint: patches of 4 pixels, merged 2 × 2, so one token sees 8 × 8 pixels.

    `limits` are the fewest and the most pixels of a picture; `vision` changes settings of the tower.
    """
    words = qwen_tokenizer()
    number = words.convert_tokens_to_ids
    text = _TEXT | {"vocab_size": len(words), "bos_token_id": None, "eos_token_id": words.eos_token_id}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
    if kind.startswith("qwen3_vl"):
        text["head_dim"] = 8
    if kind == "qwen3_vl_moe":
        text |= {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
    config = QWEN[kind](
        text_config=text,
        vision_config={"depth": 2, "num_heads": 2, **_QWEN_VISION[kind], "patch_size": patch, **vision},
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )
    _save(folder, AutoModelForImageTextToText, config, words)
    fewest, most = limits
    images = Qwen2VLImageProcessorPil(patch_size=patch, merge_size=2, min_pixels=fewest, max_pixels=most)
    images.save_pretrained(folder)
    return folder


def save_gemma3(folder: Path, side: int = 32, patch: int = 4, tokens: int = 16) -> Path:
    """A tiny Gemma 3: 32 × 32 pixels, 8 × 8 patches pooled to 4 × 4, a window shorter than a prompt."""
    specials = ["<pad>", "<eos>", "<bos>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    names = dict(zip(("boi_token", "eoi_token", "image_token"), specials[3:], strict=True))
    turns = ["<start_of_turn>", "<end_of_turn>"]
    ends = {"bos_token": "<bos>", "eos_token": "<eos>"}
    words = tokenizer([*specials, *turns], *turns, "<start_of_image>", extra_special_tokens=names, **ends)
    words.chat_template = "{{ bos_token }}" + words.chat_template
    text = gemma_text(words) | {"sliding_window": 12}
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config=text,
        vision_config=vision | {"image_size": side, "patch_size": patch},
        mm_tokens_per_image=tokens,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
        image_token_index=words.image_token_id,
    )
    _save(folder, AutoModelForImageTextToText, config, words)
    images = Gemma3ImageProcessorPil(size={"height": side, "width": side})
    Gemma3Processor(images, words, words.chat_template, image_seq_length=tokens).save_pretrained(folder)
    return folder


def load_gemma3(folder: Path, crops: bool) -> LoadedModel:
    """The model of `save_gemma3`, shown a picture's crops too if asked."""
    made = load_tiny(folder)
    # The processor's own default comes before the image processor's; it is shared by the class.
    made.processor.images_kwargs = dict(
        made.processor.images_kwargs, do_pan_and_scan=crops, pan_and_scan_min_crop_size=16
    )
    return made


def gemma_text(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    return _TEXT | {
        "vocab_size": len(words),
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
    }


def save_text(folder: Path, kind: str) -> Path:
    """A tiny text-only decoder without any processor file."""
    specials = ["<pad>", "<s>", "</s>", "[BEGIN]", "[END]"]
    words = tokenizer(specials, "[BEGIN]", "[END]", "", bos_token="<s>", eos_token="</s>")
    names = {name: getattr(words, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    own = {"gemma3_text": gemma_text(words) | {"sliding_window": 12}, "mistral": {"sliding_window": 12}}
    config = AutoConfig.for_model(kind, **_TEXT | names | {"vocab_size": len(words)} | own.get(kind, {}))
    _save(folder, AutoModelForCausalLM, config, words)
    return folder


def _save(folder: Path, auto: Any, config: Any, words: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(3)
    model = auto.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # Wider than the usual 0.02, so that pictures and positions visibly change the scores.
            if parameter.ndim > 1 and "embed_tokens" not in name:
                parameter.normal_(0, 0.15)
    for name in ("pad_token_id", "eos_token_id"):
        setattr(model.generation_config, name, getattr(words, name))
    model.save_pretrained(folder)
    words.save_pretrained(folder)


def painted(size: tuple[int, int], box: tuple[float, float, float, float]) -> list[MedicalImage]:
    """A picture and the same one with other pixels in `box` (x0, y0, x1, y1)."""
    plain = picture(*size, seed=5)
    x0, y0, x1, y1 = np.round(box).astype(int)
    pixels = plain.pixels.copy()
    pixels[y0:y1, x0:x1] = 255 - pixels[y0:y1, x0:x1]
    return [plain, MedicalImage(pixels, "test", "array")]


def touched(boxes: np.ndarray, box: tuple[float, float, float, float]) -> set[int]:
    """Which boxes overlap a region, by index."""
    x0, y0, x1, y1 = box
    inside = (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)
    return set(np.flatnonzero(inside).tolist())


def changed(model: LoadedModel, images: list[MedicalImage], read: Callable[..., torch.Tensor]) -> set[int]:
    """Which image tokens differ between two pictures in what `read(inputs)` gives, `[P, ...]`."""
    with torch.inference_mode():
        one, two = (read(model.prepare(ASK, image).inputs) for image in images)
    return set(torch.nonzero((one - two).abs().flatten(1).amax(1) > 1e-6).flatten().tolist())


def quadrant(boxes: np.ndarray, corner: int) -> tuple[float, float, float, float]:
    """A region from the middle of a corner's box to the middle of a box near the picture's centre.

    Its edges lie in the middle of boxes, so that resizing carries no change across into the next box.
    """
    x, y = (np.unique((boxes[:, k] + boxes[:, k + 2]) / 2) for k in (0, 1))
    middle_x, middle_y = x[len(x) // 2], y[len(y) // 2]
    left, top = corner % 2 == 0, corner < 2
    x0, x1 = (x[0], middle_x) if left else (middle_x, x[-1])
    y0, y1 = (y[0], middle_y) if top else (middle_y, y[-1])
    return tuple(float(v) for v in np.round([x0, y0, x1, y1]))
