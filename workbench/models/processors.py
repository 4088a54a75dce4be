"""Processors: the checkpoint's own where it can be built, else the same inputs without its video part.

Processors of the Qwen-VL kind insist on a video processor, and that needs torchvision, for which many CPU
machines have no build. Pictures and text don't need it: the parts below give the same inputs.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer, ProcessorMixin
from transformers.utils import cached_file, is_torchvision_available

from workbench.errors import UserFacing
from workbench.models.families.base import has_vision

Turns = Sequence[Mapping[str, Any]]
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


def expand_placeholders(text: str, token: str, counts: Sequence[int]) -> str:
    """`text` with its i-th image placeholder repeated `counts[i]` times.

    Raises ValueError when there are more or fewer placeholders than counts.
    """
    pieces = text.split(token)
    if len(pieces) != len(counts) + 1:
        raise ValueError(f"{len(counts)} pictures but {len(pieces) - 1} image placeholders in the prompt")
    filled = [token * count + piece for count, piece in zip(counts, pieces[1:], strict=True)]
    return "".join([pieces[0], *filled])


class GridProcessor:
    """Image processor and tokenizer of a Qwen-VL checkpoint, joined without the video part.

    A picture that the image processor cuts into a grid `[t, h, w]` of patches has t·h·w / merge² tokens.
    """

    def __init__(
        self,
        image_processor: Any,
        tokenizer: Any,
        image_token_id: int,
        chat_template: str | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """`origin` names where the processor files lie (`path_or_repo_id`, `revision`), for saving."""
        self.image_processor, self.tokenizer = image_processor, tokenizer
        self.image_token_id, self.image_token = (
            image_token_id,
            tokenizer.convert_ids_to_tokens(image_token_id),
        )
        self.chat_template = chat_template or tokenizer.chat_template
        self.origin = dict(origin or {})

    def apply_chat_template(
        self, conversation: Turns, *, add_generation_prompt: bool = False, **_: Any
    ) -> dict[str, torch.Tensor]:
        """Inputs of one conversation, batch 1: what the real processor gives with `tokenize=True`.

        Raises ValueError when the template places another number of pictures than the conversation holds.
        """
        text = self.tokenizer.apply_chat_template(
            conversation,
            chat_template=self.chat_template,
            add_generation_prompt=add_generation_prompt,
            tokenize=False,
        )
        pictures = _parts(conversation, "image")
        visual = dict(self.image_processor(images=pictures, return_tensors="pt")) if pictures else {}
        grids = visual.get("image_grid_thw", torch.zeros(0, 3, dtype=torch.long))
        counts = (grids.prod(-1) // self.image_processor.merge_size**2).tolist()
        text = expand_placeholders(text, self.image_token, counts)
        begun = bool(self.tokenizer.bos_token) and text.startswith(self.tokenizer.bos_token)
        ids = self.tokenizer(text, add_special_tokens=not begun, return_tensors="pt")["input_ids"]
        kinds = (ids == self.image_token_id).long()
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": kinds} | visual

    def save_pretrained(self, folder: str | Path) -> None:
        """The tokenizer, and the origin's own processor files unchanged, the video part included."""
        self.image_processor.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        for name in _SIDE_FILES if self.origin else ():
            found = cached_file(
                filename=name,
                **self.origin,
                _raise_exceptions_for_missing_entries=False,
                _raise_exceptions_for_connection_errors=False,
            )
            if found:
                shutil.copyfile(found, Path(folder) / name)


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
    """The checkpoint's processor: its own, or GridProcessor without torchvision, or TextProcessor.

    `config` is the model's; `common` goes to every `from_pretrained` (`revision`, `local_files_only`, ...).
    Raises UserFacing for a processor that needs torchvision and has no replacement here.
    """
    if not has_vision(config):
        return TextProcessor(AutoTokenizer.from_pretrained(source, **common))
    try:
        return AutoProcessor.from_pretrained(source, **common)
    except (ImportError, ValueError) as error:
        # Which of the two it is depends on the files of the checkpoint.
        if is_torchvision_available() or "torchvision" not in str(error).lower():
            raise
        return _without_video(source, config, error, **common)


def _without_video(source: str | Path, config: Any, error: Exception, **common: Any) -> GridProcessor:
    images = AutoImageProcessor.from_pretrained(source, backend="pil", **common)
    if "image_grid_thw" not in images.model_input_names:
        raise UserFacing(
            f"The processor of {str(source)!r} ({config.model_type}) needs a package that is not installed.",
            "Install torchvision.",
        ) from error
    tokenizer = AutoTokenizer.from_pretrained(source, **common)
    template = _own_template(source, **common)
    origin = {"path_or_repo_id": str(source), "revision": common.get("revision")}
    return GridProcessor(images, tokenizer, config.image_token_id, template, origin)


def _own_template(source: str | Path, **common: Any) -> str | None:
    """The chat template kept with the processor files, if any; it comes before the tokenizer's."""
    kept, _ = ProcessorMixin.get_processor_dict(str(source), **common)
    template = kept.get("chat_template")
    return template.get("default") if isinstance(template, dict) else template
