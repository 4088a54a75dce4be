"""What the visitor chose on the Methods screen, checked: the part of the answer and the region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench import explain
from workbench.errors import UserFacing
from workbench.explain import metrics
from workbench.ui.sessions import Session

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.column import Column
    from workbench.explain import Span


@dataclass(frozen=True)
class Form:
    """What the visitor chose; nothing of it is trusted yet. `box` is text: x0, y0, x1, y1 in pixels.

    `foil` is the word that the answer might have been, for the methods that ask for one; `settings` by
    method and name are inside the declared ranges, but the model may lack such a layer or head. `metrics` are
    further figures of each map.
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
    metrics: tuple[str, ...] = ()


def span_choices(column: "Column | None") -> list[tuple[str, str]]:
    """(label, value) of everything that can be explained; the answer comes first where there is one."""
    if column is None:
        return []
    steps = [
        (f"Step {number + 1} ({step.axis})", f"step:{number}")
        for number, step in enumerate(column.trace.steps)
    ]
    ends = [("Final answer", "answer")] if explain.answer_span(column.trace, column.answer) else []
    return [*ends, *steps, ("Whole text", "all"), ("One word (type it)", "word")]


def span_of(case: "AnsweredCase", spec: str, word: str) -> "Span":
    """The chosen part of the answer; a typed word is looked for without regard to case. Raises UserFacing."""
    if spec != "word":
        return case.span(spec)
    wanted = str(word or "").strip().strip(".,;:").lower()
    for index, found in enumerate(case.words):
        if wanted and found.text.strip(".,;:<>/").lower() == wanted:
            return case.span(f"word:{index}")
    raise UserFacing(f"The answer has no word {str(word or '')[:40]!r}.", "Type a word of this answer.")


def region_of(page: Session, kind: str, box: str) -> np.ndarray | None:
    """The region that maps are scored against, bool `[H, W]`; None without one. Raises UserFacing."""
    if page.run is None or kind == "none":
        return None
    picture = page.run.picture
    if picture is None:
        raise UserFacing("This question has no picture, so it has no region.", "Choose no region.")
    if kind == "lesion":
        if picture.lesion is None:
            raise UserFacing("Nobody knows where the finding lies here.", "Choose no region, or give a box.")
        return picture.lesion
    if kind != "box":
        raise UserFacing("There is no such kind of region.", "Choose one from the list.")
    size = (picture.image.width, picture.image.height)
    return metrics.region_mask(size, box_of(box)[None])


def on_sheet(region: np.ndarray | None, case: "AnsweredCase") -> np.ndarray | None:
    """A region of the first picture on the sheet of all pictures, bool `[H, W]`."""
    if region is None or len(case.images) == 1:
        return region
    sheet = np.zeros(case.sheet.pixels.shape[:2], bool)
    sheet[: region.shape[0], : region.shape[1]] = region
    return sheet


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
