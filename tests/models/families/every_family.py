"""One tiny model of every family that looks at pictures, for tests of what all of them must do."""

from pathlib import Path

from tests.models.families import tiny_configs as tiny
from tests.models.families import tiny_configs_tiles as tiles
from tests.tiny import load_tiny, save_tiny
from workbench.models.families.idefics3 import Idefics3
from workbench.models.families.internvl import InternVL
from workbench.models.families.llava_next import LlavaNext
from workbench.models.families.llava_onevision import LlavaOnevision
from workbench.models.session import LoadedModel

_TILES = {
    "llava_next": (tiles.llava_next, LlavaNext),
    "llava_onevision": (tiles.llava_onevision, LlavaOnevision),
    "internvl": (tiles.internvl, InternVL),
    "idefics3": (tiles.idefics3, Idefics3),
    "smolvlm": (tiles.smolvlm, Idefics3),
}
EVERY = ("llava", *_TILES, *tiny.QWEN, "gemma3")


def make(kind: str, folder: Path) -> LoadedModel:
    """A random model of one of EVERY; `folder` is where it is kept if it is loaded from files."""
    if kind in _TILES:
        build, family = _TILES[kind]
        return build(family())
    if kind in tiny.QWEN:
        return load_tiny(tiny.save_qwen(folder, kind))
    return load_tiny(tiny.save_gemma3(folder) if kind == "gemma3" else save_tiny(folder))
