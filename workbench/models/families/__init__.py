"""The families that the workbench can read. Adding one: one file here and one entry in FAMILIES."""

from typing import Any

from workbench.errors import UserFacing
from workbench.models.families.base import DecoderParts, Family, has_vision
from workbench.models.families.gemma3 import Gemma3
from workbench.models.families.idefics3 import Idefics3
from workbench.models.families.internvl import InternVL
from workbench.models.families.llava import Llava
from workbench.models.families.llava_next import LlavaNext
from workbench.models.families.llava_onevision import LlavaOnevision
from workbench.models.families.qwen_vl import QwenVL
from workbench.models.families.text_only import TextOnly
from workbench.registry import Registry

FAMILIES: Registry[Family] = Registry(
    "family",
    "workbench.families",
    (
        Llava(),
        LlavaNext(),
        LlavaOnevision(),
        InternVL(),
        Idefics3(),
        QwenVL(),
        Gemma3(),
        TextOnly(),
    ),
)


def family_for(config: Any) -> Family:
    """The adapter of a model config; raises UserFacing for an architecture without one.

    The newest family is asked first, so that one from outside can take over what an own one would match.
    """
    for family in reversed([*FAMILIES.values()]):
        if family.matches(config):
            return family
    known = ", ".join(FAMILIES)
    raise UserFacing(
        f"Models of the type {config.model_type!r} cannot be explained here yet.",
        f"Known families: {known}. A new one needs an adapter that states its image token positions, patch "
        "boxes, input extension and decoder parts (workbench/models/families/base.py).",
    )


__all__ = ["FAMILIES", "DecoderParts", "Family", "family_for", "has_vision"]
