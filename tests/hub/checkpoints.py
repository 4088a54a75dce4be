"""Tiny random checkpoints of the true architectures whose pictures are cut as the real models document.

Patch, merge and pixel limits are those of the published configurations, so that a picture becomes as many
tokens as it does for the real model; widths, layers and vocabularies are tiny.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.tiny import TINY, save_tiny
from workbench.models.families.idefics3 import Idefics3
from workbench.models.families.internvl import InternVL

WIDTH, HEIGHT = 448, 224  # the picture that every one of them is asked about


@dataclass(frozen=True)
class Checkpoint:
    """How to write one, and the image tokens that the real model makes of a picture of WIDTH × HEIGHT.

    `base` names the checkpoint that it is an adapter for.
    """

    save: Callable[[Path], Path]
    tokens: int
    base: str = ""


def qwen2_5_vl(folder: Path) -> Path:
    """Patches of 14 merged 2 × 2, windows of 112, 4 to 16,384 tokens a picture."""
    limits = (4 * 28 * 28, 16384 * 28 * 28)
    return tiny.save_qwen(folder, "qwen2_5_vl", patch=14, limits=limits, window_size=112)


def qwen3_vl(folder: Path, kind: str = "qwen3_vl") -> Path:
    """Patches of 16 merged 2 × 2, 65,536 to 16,777,216 pixels, 48 × 48 positions."""
    limits = (65536, 16777216)
    return tiny.save_qwen(folder, kind, patch=16, limits=limits, num_position_embeddings=2304)


def qwen3_vl_moe(folder: Path) -> Path:
    """The same with experts in the text decoder."""
    return qwen3_vl(folder, "qwen3_vl_moe")


def adapter(folder: Path) -> Path:
    """A LoRA adapter on all linear layers of the Qwen2.5-VL beside it, its weights not zero."""
    base, name = folder.parent / "qwen2.5-vl", "their/qwen2.5-vl"
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(5)
    model = AutoModelForImageTextToText.from_pretrained(base)
    made = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    made.peft_config["default"].base_model_name_or_path = name
    made.save_pretrained(folder, save_embedding_layers=False)  # it would look the base up on the hub
    return folder


def gemma3(folder: Path) -> Path:
    """896 × 896 pixels, patches of 14, pooled to 256 tokens."""
    return tiny.save_gemma3(folder, side=896, patch=14, tokens=256)


def llava(folder: Path) -> Path:
    """LLaVA 1.5: 336 × 336 pixels, patches of 14."""
    return save_tiny(folder, replace(TINY, image=336, patch=14))


def smolvlm(folder: Path) -> Path:
    """SmolVLM 256M and 500M, which are Idefics 3: the longer side 2048, tiles of 512, 64 tokens a tile."""
    made = tiles.idefics3(Idefics3(), tile=512, patch=16, scale=4, longest=2048)
    return tiles.save(made, folder, one_file=True)


def internvl(folder: Path) -> Path:
    """Tiles of 448, at most 12 and a thumbnail, 256 tokens a tile."""
    return tiles.save(tiles.internvl(InternVL(), tile=448, patch=14, most=12), folder, one_file=True)


CHECKPOINTS = {
    "qwen2.5-vl": Checkpoint(qwen2_5_vl, 16 * 8),
    "qwen2.5-vl-lora": Checkpoint(adapter, 16 * 8, base="qwen2.5-vl"),
    "qwen3-vl": Checkpoint(qwen3_vl, 14 * 7),
    "qwen3-vl-moe": Checkpoint(qwen3_vl_moe, 14 * 7),
    "gemma3": Checkpoint(gemma3, 256),
    "llava": Checkpoint(llava, 24 * 24),
    "smolvlm": Checkpoint(smolvlm, (4 * 2 + 1) * 64),
    "internvl": Checkpoint(internvl, (2 + 1) * 256),
    "qwen3": Checkpoint(lambda folder: tiny.save_text(folder, "qwen3"), 0),
    "llama": Checkpoint(lambda folder: tiny.save_text(folder, "llama"), 0),
}
