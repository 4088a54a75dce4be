"""Answers that go on from text that was given to the model as the beginning of its own answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from workbench.models.answer import Answer, Prompt
from workbench.models.forced import require_no_placeholder
from workbench.models.generation import OffsetDecoder
from workbench.models.prompts import neutral

if TYPE_CHECKING:
    from workbench.models.session import LoadedModel


def continued(model: "LoadedModel", prompt: Prompt, ids: Sequence[int]) -> Prompt:
    """The prompt with answer ids appended, so that generation starts right after them.

    Raises UserFacing for ids with the sign of a picture among them.
    """
    if not ids:
        return prompt
    require_no_placeholder(model, prompt, ids)
    extended = model.family.extend(prompt.inputs, torch.tensor(list(ids), device=model.device))
    return replace(prompt, inputs=extended)


def text_ids(model: "LoadedModel", text: str) -> tuple[int, ...]:
    """Ids of a text that stands at the beginning of an answer; its control tokens are read as plain text."""
    return tuple(model.tokenizer(neutral(text, model.tokenizer), add_special_tokens=False)["input_ids"])


def joined(model: "LoadedModel", ids: Sequence[int], written: Answer) -> Answer:
    """`written` with other ids; its text and offsets are decoded anew, ids put before it have no log
    probability."""
    decoder = OffsetDecoder(model.tokenizer)
    for token in ids:
        decoder.add(token)
    unknown = (float("nan"),) * (len(ids) - len(written.ids))
    return replace(
        written,
        ids=tuple(ids),
        text=decoder.text,
        offsets=tuple(decoder.offsets),
        logprobs=(*unknown, *written.logprobs),
    )
