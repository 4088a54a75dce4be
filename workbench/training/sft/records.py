"""The training noun at full scale: one question and answer, with image and reasoning if any."""

from dataclasses import dataclass, field
from pathlib import Path

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Record:
    """One row of a training set, whatever its source.

    `image` is a path, encoded bytes, or None for text only; `options` are empty for open questions and
    `answer` is always the answer's text, never a letter. `reasoning` is the full target text that a stage of
    supervised reasoning learns ("" when the source has none). `tag` is the modality tag ("<CT_SCAN>"), ""
    when unknown. `boxes` are evidence in pixels of the stored image; `rare` marks rare conditions.
    """

    record_id: str
    question: str
    answer: str
    image: Path | bytes | None = None
    options: tuple[str, ...] = ()
    reasoning: str = ""
    tag: str = ""
    boxes: tuple[Box, ...] = field(default=())
    rare: bool = False
    source: str = ""
