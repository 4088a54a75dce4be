"""One tiny model of every family, for tests of what all of them must do."""

from collections.abc import Callable
from pathlib import Path

from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.tiny import load_tiny, save_tiny
from workbench.models.families.base import Family
from workbench.models.families.idefics3 import Idefics3
from workbench.models.families.internvl import InternVL
from workbench.models.families.llava_next import LlavaNext
from workbench.models.families.llava_onevision import LlavaOnevision
from workbench.models.session import LoadedModel

TILES: dict[str, tuple[Callable[..., LoadedModel], type[Family]]] = {
    "llava_next": (tiles.llava_next, LlavaNext),
    "llava_onevision": (tiles.llava_onevision, LlavaOnevision),
    "internvl": (tiles.internvl, InternVL),
    "idefics3": (tiles.idefics3, Idefics3),
    "smolvlm": (tiles.smolvlm, Idefics3),
}
EVERY = ("llava", *TILES, *tiny.QWEN, "gemma3")  # those that look at pictures
CROPS = "gemma3-crops"
TEXT = ("llama", "mistral", "qwen2", "qwen3", "gemma3_text")


def make_tiles(kind: str, resample: int = tiles.BICUBIC) -> LoadedModel:
    """A random model of one of TILES."""
    build, family = TILES[kind]
    return build(family(), resample)


def make(kind: str, folder: Path) -> LoadedModel:
    """A random model of one of EVERY, CROPS or TEXT; `folder` keeps it if it is loaded from files."""
    if kind in TILES:
        return make_tiles(kind)
    if kind in tiny.QWEN:
        return load_tiny(tiny.save_qwen(folder, kind))
    if kind in TEXT:
        return load_tiny(tiny.save_text(folder, kind))
    if kind == CROPS:
        return tiny.load_gemma3(tiny.save_gemma3(folder), crops=True)
    return load_tiny(tiny.save_gemma3(folder) if kind == "gemma3" else save_tiny(folder))
