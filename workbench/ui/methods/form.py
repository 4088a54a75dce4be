"""What the visitor chose on the Methods screen, checked: the part of the answer and the region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import UserFacing
from workbench.ui.case.trust import row_of
from workbench.ui.sessions import Session

if TYPE_CHECKING:
    from workbench.cases.column import CaseColumn
    from workbench.explain.heatmap import Span


@dataclass(frozen=True)
class Form:
    """What the visitor chose; nothing of it is trusted yet. `box` is text: x0, y0, x1, y1 in pixels.

    `foil` is the word that the answer might have been, for the methods that ask for one; `settings` by
    method and name are inside the declared ranges, but the model may lack such a layer or head.
    """

    role: str
    span: str
    word: str
    methods: tuple[str, ...]
    curves: bool
    region: str
    box: str
    foil: str = ""
    settings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def span_choices(column: "CaseColumn | None") -> list[tuple[str, str]]:
    """(label, value) of everything that can be explained; the answer comes first where there is one."""
    if column is None:
        return []
    from workbench.explain.spans import answer_span

    steps = [
        (f"Step {number + 1} ({step.axis})", f"step:{number}")
        for number, step in enumerate(column.trace.steps)
    ]
    ends = [("Final answer", "answer")] if answer_span(column.trace, column.answer) else []
    return [*ends, *steps, ("Whole text", "all"), ("One word (type it)", "word")]


def span_of(column: "CaseColumn", spec: str, word: str) -> "Span":
    """The chosen part of the answer; a typed word is looked for without regard to case. Raises UserFacing."""
    from workbench.explain.heatmap import Span
    from workbench.explain.spans import resolve_span

    if spec == "word":
        wanted = str(word or "").strip().strip(".,;:").lower()
        for found in column.words:
            if wanted and found.text.strip(".,;:<>/").lower() == wanted:
                return Span("word", found.text, tuple(range(found.token_start, found.token_end)))
        raise UserFacing(f"The answer has no word {str(word or '')[:40]!r}.", "Type a word of this answer.")
    if spec.startswith("step:") and spec.removeprefix("step:").isdigit():
        from workbench.explain.spans import step_spans

        spans = step_spans(column.trace)
        row = row_of(column, spans, "step", int(spec.removeprefix("step:")))
        if row is None:
            raise UserFacing("The answer has no such step.", "Choose another part of the answer.")
        return spans[row]
    return resolve_span(spec, column.trace, column.answer)


def region_of(page: Session, kind: str, box: str) -> np.ndarray | None:
    """The region that maps are scored against, bool `[H, W]`; None without one. Raises UserFacing."""
    from workbench.explain.metrics import region_mask

    if page.run is None or kind == "none":
        return None
    picture = page.run.picture
    if kind == "lesion":
        if picture.lesion is None:
            raise UserFacing("Nobody knows where the finding lies here.", "Choose no region, or give a box.")
        return picture.lesion
    if kind != "box":
        raise UserFacing("There is no such kind of region.", "Choose one from the list.")
    size = (picture.image.width, picture.image.height)
    return region_mask(size, box_of(box)[None])


def box_of(text: str) -> np.ndarray:
    """Four numbers "x0, y0, x1, y1" as float64 `[4]`. Raises UserFacing for anything else."""
    hint = "Write x0, y0, x1, y1 in pixels of the picture, e.g. 40, 60, 90, 120."
    try:
        numbers = np.array([float(part) for part in str(text or "").replace(",", " ").split()])
    except ValueError as fault:
        raise UserFacing("The box holds something that is no number.", hint) from fault
    if len(numbers) != 4 or not np.isfinite(numbers).all():
        raise UserFacing("A box has four numbers.", hint)
    return numbers
