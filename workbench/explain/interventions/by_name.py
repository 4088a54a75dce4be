"""One call for every intervention by name: what the library and the API offer."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.interventions.anchor import ANCHOR, probe_anchor
from workbench.explain.interventions.edits import WHOLE_EDITS
from workbench.explain.interventions.options import ShuffleOutcome, probe_options
from workbench.explain.interventions.picture import ACTIONS, Outcome, probe_region, probe_whole
from workbench.explain.interventions.regions import box_region
from workbench.explain.interventions.traces import EDIT_KINDS, TraceEdit, TraceOutcome, probe_trace

Intervened = Outcome | ShuffleOutcome | TraceOutcome
OTHER, SHUFFLE = "other", "shuffle options"
CHANGES = (*WHOLE_EDITS, OTHER, *ACTIONS, SHUFFLE, *EDIT_KINDS, ANCHOR)


def intervene(
    case: AnsweredCase, change: str, *, stop: threading.Event | None = None, **given: Any
) -> Intervened:
    """Change the image, the options or the reasoning of a case, and look again; the finished outcome.

    `change` is one of CHANGES: a whole picture ("blank", "noise", "blur", "flip", or "other" with `other`, an
    image), a region ("remove", "keep", "block" with `region`, a `Region` or a box x0, y0, x1, y1 in pixels of
    the image, and `fill`); of several pictures `picture` is the number of the one that is changed, from 0
    (left out: all for a whole picture, the first for a region); "shuffle options", a step of the reasoning
    ("truncate", "delete", "replace" with `step` from 1, `then`, `text`), or "anchor": the answer begins with
    the reasoning `prefix`. `seed` where chance decides. An `Outcome` says itself when it was refused. Raises
    UserFacing for another change and for what it lacks.
    """
    if change in (*WHOLE_EDITS, OTHER):
        run: Callable[..., Iterator[Any]] = probe_whole
        other = given.pop("other", None)
        arguments = (change,)
        given |= {"other": other if other is None else other.pixels}
    elif change in ACTIONS:
        region = given.pop("region", None)
        if region is None:
            raise UserFacing(f"{change!r} needs a region.", "Give region=(x0, y0, x1, y1) in pixels.")
        run, arguments = probe_region, (_region(case, region, given.get("picture", 0)), change)
    elif change == SHUFFLE:
        run, arguments = probe_options, ()
    elif change in EDIT_KINDS:
        if "step" not in given:
            raise UserFacing(f"{change!r} needs a step.", "Give step=1 for the first one.")
        edit = {name: given.pop(name) for name in ("step", "then", "text") if name in given}
        run, arguments = probe_trace, (TraceEdit(change, **edit),)
    elif change == ANCHOR:
        if not str(given.get("prefix") or "").strip():
            raise UserFacing("'anchor' needs reasoning to begin with.", 'Give prefix="…".')
        run, arguments = probe_anchor, (given.pop("prefix"),)
    else:
        raise UserFacing(f"There is no intervention named {change!r}.", f"Known: {', '.join(CHANGES)}.")
    last = deque(run(case, *arguments, stop=stop, **given), maxlen=1)
    if not last:
        raise UserFacing("Stopped before anything was measured.", "Try again.")
    return last[0]


def _region(case: AnsweredCase, region: Any, picture: int) -> Any:
    if not isinstance(region, list | tuple):
        return region
    if not case.images:
        raise UserFacing("This case has no image, so it has no region.", "Ask about an image.")
    if not 0 <= picture < len(case.images):
        raise UserFacing(
            f"There is no picture {picture}.", f"The case has {len(case.images)}, counted from 0."
        )
    image = case.images[picture]
    return box_region((image.width, image.height), region)
