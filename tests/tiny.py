"""Tiny random models of the real classes for tests: built in under a second, no download."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, LlavaForConditionalGeneration

from workbench.imaging.medical_image import MedicalImage
from workbench.models.loading import load_model
from workbench.models.session import LoadedModel
from workbench.settings import Settings
from workbench.training.pair.architecture import Size, build_model, build_processor, train_tokenizer

TEXTS = [
    "The image shows a small round bright spot. Therefore the answer is yes. left right upper lower zone",
    "Reason step by step. Answer briefly. USER: ASSISTANT: Is there evidence of a nodule?",
]
TINY = Size(
    image=48, patch=8, vision_width=32, vision_layers=2, text_width=32, text_layers=3, heads=4, vocabulary=360
)


def save_tiny(folder: Path, size: Size = TINY, seed: int = 0) -> Path:
    """Write a random model and its processor to `folder`."""
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(TEXTS, size.vocabulary)
    build_model(tokenizer, size).save_pretrained(folder)
    build_processor(tokenizer, size).save_pretrained(folder)
    return folder


def load_tiny(folder: Path) -> LoadedModel:
    return load_model(str(folder), settings=Settings(device="cpu"))


def picture(width: int, height: int, seed: int = 0) -> MedicalImage:
    """Random picture of the given size."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return MedicalImage(pixels, "test", "array")


PLANTED_TOKEN = 300


def plant(model: LlavaForConditionalGeneration, strength: float = 4.0) -> None:
    """Set the weights by hand: a bright patch is attended to and pushes the logit of PLANTED_TOKEN.

    Needs one vision layer, one text layer, one head, attention bias and an untied unembedding. The vision
    layer and the MLPs are silenced; a patch's brightness becomes residual direction 0; keys read it on the
    slowest rotary pair (nearly position free); values carry it to direction 1; the unembedding reads that.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        tower, text = model.model.vision_tower, model.model.language_model
        tower.embeddings.patch_embedding.weight[0].fill_(
            1 / tower.embeddings.patch_embedding.weight[0].numel()
        )
        model.model.multi_modal_projector.linear_1.weight[0, 0] = 10.0  # GELU of a dark patch is then zero
        model.model.multi_modal_projector.linear_2.weight[0, 0] = 1.0
        layer = text.layers[0]
        layer.input_layernorm.weight.fill_(1)
        layer.post_attention_layernorm.weight.fill_(1)
        text.norm.weight.fill_(1)
        slow = layer.self_attn.head_dim // 2 - 1
        layer.self_attn.q_proj.bias[slow] = strength
        layer.self_attn.k_proj.weight[slow, 0] = strength
        layer.self_attn.v_proj.weight[1, 0] = 1.0
        layer.self_attn.o_proj.weight[1, 1] = 1.0
        text.embed_tokens.weight[:, 2] = 1.0
        model.lm_head.weight[PLANTED_TOKEN, 1] = 1.0


def planted_model(folder: Path) -> LoadedModel:
    """The model of `plant`, written to `folder` and loaded."""
    save_tiny(folder, replace(TINY, vision_layers=1, text_layers=1, heads=1))
    config = load_tiny(folder).model.config
    config.text_config.attention_bias = True
    config.text_config.tie_word_embeddings = config.tie_word_embeddings = False
    model = LlavaForConditionalGeneration(config)
    plant(model)
    model.save_pretrained(folder)
    return load_tiny(folder)


def planted_text_model(folder: Path, key: str, says: str, strength: float = 2.0) -> LoadedModel:
    """A text-only model that says the token `says` where the token `key` stands before: nothing else counts.

    As in `plant`, with the embedding of `key` in place of a bright patch.
    """
    tokenizer = train_tokenizer(TEXTS, TINY.vocabulary)
    key_id, says_id = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (key, says))
    assert len(key_id) == len(says_id) == 1, "each must be one token"
    names = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, attention_bias=True, tie_word_embeddings=False, **names,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        layer = model.model.layers[0]
        for norm in (layer.input_layernorm, layer.post_attention_layernorm, model.model.norm):
            norm.weight.fill_(1)
        slow = layer.self_attn.head_dim // 2 - 1
        layer.self_attn.q_proj.bias[slow] = strength
        layer.self_attn.k_proj.weight[slow, 0] = strength
        layer.self_attn.v_proj.weight[1, 0] = 1.0
        layer.self_attn.o_proj.weight[1, 1] = 1.0
        model.model.embed_tokens.weight[:, 2] = 1.0
        model.model.embed_tokens.weight[key_id[0], 0] = 1.0
        model.lm_head.weight[says_id[0], 1] = 4.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_tiny(folder)
