"""Processors: the checkpoint's own where it can be built, else the same class without its video part.

Many processors insist on a video processor, and that needs torchvision, for which many CPU machines have no
build. Pictures and text don't need it: without it the classes give the same inputs.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer, ProcessorMixin
from transformers.image_processing_base import ImageProcessingMixin
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING, processor_class_from_name
from transformers.utils import cached_file, is_torchvision_available

from workbench.errors import UserFacing
from workbench.models.families.base import has_vision

Turns = Sequence[Mapping[str, Any]]
_VIDEO = "video_processor"
_PACKAGES = ("torchvision", "num2words")  # wanted by some processors, needed by no question about a picture
_SIDE_FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "chat_template.jinja",
    "chat_template.json",
)


def _parts(conversation: Turns, kind: str) -> list[Any]:
    """Contents of all parts of one kind ("image" or "text"), in order."""
    turns = [turn["content"] for turn in conversation if not isinstance(turn["content"], str)]
    return [part[kind] for content in turns for part in content if part["type"] == kind]


class _NoVideoPart:
    """Stands where a video processor would, for the processors that read its sampling settings."""

    num_frames = fps = None
    model_input_names = ()


class PicturesOnly:
    """Put before a processor class: the same class without its video part.

    `origin` names where the processor files lie (`path_or_repo_id`, `revision`), for saving.
    """

    origin: Mapping[str, Any]

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        """The class that a part must have, as in `ProcessorMixin`; the missing one may be anything."""
        if argument_name == _VIDEO:
            return type(argument)
        return super().check_argument_for_proper_class(argument_name, argument)

    def to_dict(self) -> dict[str, Any]:
        """The processor's settings and those of its parts, as in `ProcessorMixin`; not the missing one."""
        return {name: value for name, value in super().to_dict().items() if name != _VIDEO}

    def save_pretrained(self, save_directory: str | Path, **_: Any) -> None:
        """The tokenizer, and the origin's own processor files unchanged, the video part included."""
        self.tokenizer.save_pretrained(save_directory)
        for name in _SIDE_FILES:
            found = cached_file(
                filename=name,
                **self.origin,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
            if found:
                shutil.copyfile(found, Path(save_directory) / name)


def pictures_only(
    real: type[ProcessorMixin],
    images: Any,
    tokenizer: Any,
    settings: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> Any:
    """The processor class `real` around these two parts, with the `settings` that its checkpoint keeps.

    Raises KeyError when the class wants a part that is neither of these nor a video processor.
    """
    parts = {"image_processor": images, "tokenizer": tokenizer, _VIDEO: _NoVideoPart()}
    kind = type(real.__name__, (PicturesOnly, real), {"origin": dict(origin)})
    return kind.from_args_and_dict([parts[name] for name in real.get_attributes()], dict(settings))


class TextProcessor:
    """The tokenizer of a text-only model behind the interface of a processor.

    Chat templates of such models expect plain strings, so the text parts of a turn are joined. A model
    without a chat template is given the bare text, to be continued.
    """

    image_processor = None

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def apply_chat_template(
        self, conversation: Turns, *, add_generation_prompt: bool = False, **_: Any
    ) -> dict[str, torch.Tensor]:
        """Inputs of one conversation without pictures, batch 1; raises ValueError when it holds one."""
        if _parts(conversation, "image"):
            raise ValueError("a text-only model takes no pictures")
        plain = [{"role": turn["role"], "content": _plain(turn["content"])} for turn in conversation]
        if self.tokenizer.chat_template:
            text = self.tokenizer.apply_chat_template(
                plain, add_generation_prompt=add_generation_prompt, tokenize=False
            )
        else:
            text = "\n".join(turn["content"] for turn in plain)
        special = not self.tokenizer.chat_template
        ids = self.tokenizer(text, add_special_tokens=special, return_tensors="pt")["input_ids"]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def load_processor(source: str | Path, config: Any, **common: Any) -> Any:
    """The checkpoint's processor: its own; that one for pictures only; or TextProcessor.

    `config` is the model's; `common` goes to every `from_pretrained` (`revision`, `local_files_only`, ...).
    Raises UserFacing for a processor that needs a package which is not installed.
    """
    if not has_vision(config):
        return TextProcessor(AutoTokenizer.from_pretrained(source, **common))
    try:
        return _own_processor(source, config, **common)
    except ImportError as error:
        missing = next((name for name in _PACKAGES if name in str(error).lower()), None)
        if missing is None:
            raise
        raise UserFacing(
            f"The processor of {str(source)!r} ({config.model_type}) needs the package {missing}, which is "
            "not installed.",
            f"Install it: pip install {missing}.",
        ) from error


def _own_processor(source: str | Path, config: Any, **common: Any) -> Any:
    try:
        return AutoProcessor.from_pretrained(source, **common)
    except (ImportError, ValueError) as error:
        # Which of the two it is depends on the files of the checkpoint.
        if is_torchvision_available() or "torchvision" not in str(error).lower():
            raise
        images = AutoImageProcessor.from_pretrained(source, backend="pil", **common)
        tokenizer = AutoTokenizer.from_pretrained(source, **common)
        settings, _ = ProcessorMixin.get_processor_dict(str(source), **common)
        origin = {"path_or_repo_id": str(source), "revision": common.get("revision")}
        try:
            real = _own_class(source, config, settings, tokenizer, **common)
            return pictures_only(real, images, tokenizer, settings, origin)
        except KeyError:
            raise ImportError(str(error)) from error


def _own_class(
    source: str | Path, config: Any, settings: Mapping[str, Any], tokenizer: Any, **common: Any
) -> type[ProcessorMixin]:
    """The processor class that a checkpoint names, looked up in the order of AutoProcessor."""
    named = settings.get("processor_class")
    if named is None:
        kept, _ = ImageProcessingMixin.get_image_processor_dict(str(source), **common)
        named = kept.get("processor_class") or tokenizer.init_kwargs.get("processor_class")
    return (named and processor_class_from_name(named)) or PROCESSOR_MAPPING[type(config)]
