"""Records → model inputs for any image-text-to-text processor, with labels on the assistant's target alone.

The prompt is what `LoadedModel.prepare` gives the model at answering time (chat template with the generation
prompt); the target's ids follow it and end with the end-of-sequence token. Prompt and target are tokenised
apart, as in generation, so the boundary between them is exact.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch.nn.functional import pad

from workbench.errors import UserFacing
from workbench.imaging.load import load_image
from workbench.models.answer import Mode, Question
from workbench.models.prompts import neutral, prompt_inputs, render_question, turns_of
from workbench.models.templates import DEFAULT_TEMPLATES, Template
from workbench.training.sft.records import Record

IGNORE = -100
_THINKING = "<think>"


def target_of(record: Record) -> tuple[Mode, str]:
    """Prompt mode and target text: the reasoning where there is one, else the short answer."""
    return ("trace", record.reasoning) if record.reasoning else ("short", record.answer)


def open_picture(record: Record) -> Image.Image | None:
    """The record's image as RGB, upright; None for text only. Raises UserFacing naming the record."""
    if record.image is None:
        return None
    try:
        return Image.fromarray(load_image(record.image).pixels)
    except UserFacing as error:
        raise UserFacing(f"The image of record {record.record_id!r}: {error.message}", error.hint) from error


class Collator:
    """Makes one batch of records; picklable, so that loader workers can run it."""

    def __init__(self, processor: Any, templates: Mapping[Mode, Template] | None = None) -> None:
        self.processor, self.tokenizer = processor, processor.tokenizer
        self.templates = dict(templates or DEFAULT_TEMPLATES)

    def __call__(self, records: Sequence[Record]) -> dict[str, torch.Tensor]:
        """Inputs padded on the right, `labels` int64 `[B, N]` (−100 except on target tokens)."""
        return join([self.one(record) for record in records], self._pad_id)

    @property
    def _pad_id(self) -> int:
        pad_id = self.tokenizer.pad_token_id
        return self.tokenizer.eos_token_id if pad_id is None else pad_id

    def one(self, record: Record) -> dict[str, torch.Tensor]:
        """Inputs and labels of one record, batch 1."""
        mode, target = target_of(record)
        template = self.templates[mode]
        question = render_question(Question(record.question, record.options, mode), template)
        picture = open_picture(record)
        turns = turns_of(neutral(question, self.tokenizer), template, [] if picture is None else [picture])
        inputs = prompt_inputs(self.processor, turns, plain=template.plain)
        return extend(inputs, self._target_ids(target, inputs["input_ids"][0]))

    def _target_ids(self, target: str, prompt: torch.Tensor) -> torch.Tensor:
        """Ids `[T]`; templates of thinking models open `<think>` themselves, which is then not repeated."""
        ending = self.tokenizer.decode(prompt[-8:]).rstrip()
        if ending.endswith(_THINKING):
            target = target.removeprefix(_THINKING)
        ids = self.tokenizer(neutral(target, self.tokenizer), add_special_tokens=False)["input_ids"]
        return torch.tensor([*ids, self.tokenizer.eos_token_id])


def extend(inputs: dict[str, torch.Tensor], target: torch.Tensor) -> dict[str, torch.Tensor]:
    """Prompt inputs (batch 1) followed by target ids `[T]`, with labels on the target alone."""
    ids, shape = inputs["input_ids"], inputs["input_ids"].shape
    out = dict(inputs)
    for key, value in inputs.items():
        if value.shape == shape and key != "input_ids":
            out[key] = pad(value, (0, len(target)), value=1 if key == "attention_mask" else 0)
    out["input_ids"] = torch.cat([ids, target[None]], 1)
    out["labels"] = torch.cat([torch.full_like(ids, IGNORE), target[None]], 1)
    return out


def join(rows: Sequence[dict[str, torch.Tensor]], pad_id: int) -> dict[str, torch.Tensor]:
    """One batch of batch-1 inputs: sequences padded on the right, image tensors one after the other.

    Raises UserFacing when images of one batch have shapes that can't stand together.
    """
    longest = max(row["input_ids"].shape[1] for row in rows)
    fill = {"input_ids": pad_id, "labels": IGNORE}
    out: dict[str, torch.Tensor] = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        parts = []
        for row in rows:
            length = row["input_ids"].shape[1]
            if key in row and row[key].shape == (1, length):
                parts.append(pad(row[key], (0, longest - length), value=fill.get(key, 0)))
            elif key in row:
                parts.append(row[key])
        if len({part.shape[1:] for part in parts}) > 1:
            raise UserFacing(
                f"Images of one batch differ in shape ({key}).", "Use --batch 1 and --accumulate."
            )
        out[key] = torch.cat(parts)
    return out
