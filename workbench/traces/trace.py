"""The trace nouns: a parsed answer, step by step."""

from dataclasses import dataclass
from typing import Literal

Axis = Literal["perception", "knowledge", "rationale"]
AXES: tuple[Axis, ...] = ("perception", "knowledge", "rationale")
Status = Literal["ok", "no_trace", "no_answer", "truncated", "recovered", "empty"]


@dataclass(frozen=True)
class Step:
    """One reasoning step: `text == answer_text[char_start:char_end]` of the raw generated text.

    `token_start`/`token_end` (end exclusive) index the generated ids; both None until
    `locate_tokens` has been given the token offsets. `axis_rule` names the labelling rule used.
    """

    index: int
    axis: Axis
    text: str
    char_start: int
    char_end: int
    axis_rule: str
    token_start: int | None = None
    token_end: int | None = None


@dataclass(frozen=True)
class Trace:
    """What the tolerant parser made of a generated text.

    `rule` says which grammar rule produced the answer. `answer_start`/`answer_end` are character
    positions of the final answer in the raw text (None when there is none). `modality` is the name of the
    modality tag, None for a tag that is none of MediX-R1's 16; `modality_tag` is the tag as it was written.
    """

    status: Status
    rule: str
    steps: tuple[Step, ...] = ()
    modality: str | None = None
    thinking: str = ""
    answer_raw: str | None = None
    answer_text: str | None = None
    answer_letter: str | None = None
    answer_start: int | None = None
    answer_end: int | None = None
    modality_tag: str | None = None
