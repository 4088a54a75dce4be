"""The small pair: plain transformers LLaVA classes, own tokenizer, SigLIP tower, Llama text decoder."""

from collections.abc import Iterable
from dataclasses import dataclass

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
)
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from workbench.models.answer import Mode
from workbench.models.templates import BARE, Template
from workbench.phantoms.sample import TAGS

SPECIAL = ("<pad>", "<s>", "</s>", "<image>")
STRUCTURE = ("<think>", "</think>", "<answer>", "</answer>", *dict.fromkeys(TAGS.values()))
# transformers renders with trim_blocks, which eats a line break after a block tag: hence {{ '\\n' }}.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'].upper() }}: "
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}{{ '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
TEMPLATES: dict[Mode, Template] = {
    "trace": Template("{question}\nReason step by step."),
    "short": Template("{question}\nAnswer briefly."),
    "bare": BARE,
}


@dataclass(frozen=True)
class Size:
    """Widths and depths; the default pair has 12 × 12 image tokens at 192 pixels."""

    image: int = 192
    patch: int = 16
    vision_width: int = 192
    vision_layers: int = 4
    text_width: int = 192
    text_layers: int = 4
    heads: int = 4
    vocabulary: int = 2400

    @property
    def grid(self) -> int:
        return self.image // self.patch


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE that never fails on any script; trace tags are single, visible tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(STRUCTURE),
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in STRUCTURE])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def build_processor(tokenizer: PreTrainedTokenizerFast, size: Size) -> LlavaProcessor:
    """Pads to a square in mean grey, then resizes: nothing of the picture is cut off or squashed."""
    images = LlavaImageProcessorPil(
        do_pad=True,
        size={"shortest_edge": size.image},
        crop_size={"height": size.image, "width": size.image},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=size.patch,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=CHAT_TEMPLATE,
    )


def build_model(tokenizer: PreTrainedTokenizerFast, size: Size) -> LlavaForConditionalGeneration:
    """Randomly initialised model that matches `build_processor`."""
    vision = SiglipVisionConfig(
        hidden_size=size.vision_width,
        intermediate_size=size.vision_width * 3,
        num_hidden_layers=size.vision_layers,
        num_attention_heads=size.heads,
        image_size=size.image,
        patch_size=size.patch,
        vision_use_head=False,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.text_width,
        intermediate_size=size.text_width * 3,
        num_hidden_layers=size.text_layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.bos_token_id = tokenizer.bos_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model
