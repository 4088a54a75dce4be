"""What happens on the Probe screen, without the screen: plain data in and out."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import UserFacing
from workbench.explain import interventions
from workbench.ui.boundary import sentence_for
from workbench.ui.services import ROLES, Services
from workbench.ui.sessions import Run, Sessions

if TYPE_CHECKING:  # importing these loads torch, which must not delay the first page
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.column import Column
    from workbench.explain.interventions import Finding, Region, Verdict
    from workbench.traces.trace import Trace

NO_PICTURE = UserFacing("This question has no picture to change.", "Change the reasoning, or ask about one.")
PROBED = ("done", "cancelled")
MOST_SHAPES, MOST_POINTS = 40, 4000
LARGEST_SEED = 2**31 - 1
Findings = Mapping[str, Any]
Attempt = Callable[["AnsweredCase", Any], Iterator[Any]]


@dataclass(frozen=True)
class Stage:
    """What can be probed now: `case` changes with each answer; `steps` of each finished trace by role."""

    case: str = ""
    picture: Mapping[str, Any] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: bool = False


@dataclass(frozen=True)
class Panel:
    """One model's result. `outcome` is an Outcome, TraceOutcome or ShuffleOutcome; `fault` stands for it
    when this model could not be probed."""

    role: str
    title: str
    original: "Trace"
    outcome: Any = None
    verdicts: "tuple[Verdict, ...]" = ()
    fault: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Probed:
    """One state of the results. `findings` belong to `findings["case"]` and are handed in again next time."""

    panels: tuple[Panel, ...]
    findings: Findings
    status: str
    busy: bool


class AnyOf:
    """A stop flag that is set once any of several events is."""

    def __init__(self, *events: threading.Event) -> None:
        self.events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self.events)


class ProbeDesk:
    """Interventions on the answers of every open page."""

    def __init__(self, services: Services, sessions: Sessions) -> None:
        self.services, self.sessions = services, sessions
        self._stops: dict[str, threading.Event] = {}

    def stage(self, session_id: str | None) -> Stage:
        """What the page of this id has to probe; empty before an answer exists."""
        page = self.sessions.of(session_id)
        columns = self._columns(session_id)
        if page.run is None or not columns:
            return Stage()
        titles = {role: f"{role.capitalize()}: {column.label}" for role, column in columns.items()}
        steps = {role: tuple(step.text for step in c.trace.steps) for role, c in columns.items()}
        several = len(page.run.question.options) > 1
        payload = page.run.picture.payload if page.run.picture is not None else None
        return Stage(f"{page.run.case_id}/{len(columns)}", payload, titles, steps, several)

    def pixels(self, session_id: str) -> np.ndarray | None:
        """The picture that was asked about, uint8 `[H, W, 3]`; None for a question without one."""
        picture = self._run(session_id).picture
        return None if picture is None else picture.image.pixels

    def region(
        self, session_id: str, roles: Sequence[str], shapes: Any, action: str, fill: str, seed: float,
        findings: Findings,
    ) -> Iterator[Probed]:  # fmt: skip
        """Remove, keep or block the drawn region."""
        _known(action, interventions.ACTIONS), _known(fill, interventions.REGION_FILLS)
        run, number = self._run(session_id), _seed(seed)
        if run.picture is None:
            raise NO_PICTURE
        image = run.picture.image
        region = region_from(shapes, (image.width, image.height))
        yield from self._each(
            session_id, roles, findings,
            lambda case, stop: interventions.probe_region(case, region, action, fill, number, stop),
        )  # fmt: skip

    def whole(
        self, session_id: str, roles: Sequence[str], edit: str, seed: float, findings: Findings,
        other: np.ndarray | None = None,
    ) -> Iterator[Probed]:  # fmt: skip
        """A counterfactual of the whole picture; "other" shows the picture `other` uint8 `[h, w, 3]`."""
        _known(edit, (*interventions.WHOLE_EDITS, "other"))
        number = _seed(seed)
        yield from self._each(
            session_id,
            roles,
            findings,
            lambda case, stop: interventions.probe_whole(case, edit, number, stop, other),
        )

    def shuffle(
        self, session_id: str, roles: Sequence[str], seed: float, findings: Findings
    ) -> Iterator[Probed]:
        """Ask again with the options in other orders."""
        number = _seed(seed)
        yield from self._each(
            session_id,
            roles,
            findings,
            lambda case, stop: interventions.probe_options(case, number, stop=stop),
        )

    def trace(
        self, session_id: str, role: str, kind: str, step: float, then: str, text: str, findings: Findings
    ) -> Iterator[Probed]:
        """Stop the reasoning after a step, delete the step or replace it (steps count from 1)."""
        _known(kind, interventions.EDIT_KINDS), _known(then, interventions.THENS)
        if step is None:
            raise UserFacing("No step is chosen.", "Choose one from the list.")
        edit = interventions.TraceEdit(kind, int(step), then, text or "")
        yield from self._each(
            session_id, [role], findings, lambda case, stop: interventions.probe_trace(case, edit, stop)
        )

    def anchor(
        self, session_id: str, roles: Sequence[str], prefix: str, findings: Findings
    ) -> Iterator[Probed]:
        """Let the models go on from reasoning that is not their own."""
        yield from self._each(
            session_id, roles, findings,
            lambda case, stop: interventions.probe_anchor(case, prefix or "", stop),
        )  # fmt: skip

    def stop(self, session_id: str) -> None:
        """End the intervention of this page at the next token; what is measured stays."""
        if event := self._stops.get(session_id):
            event.set()

    def _each(
        self, session_id: str, roles: Sequence[str], findings: Findings, attempt: Attempt
    ) -> Iterator[Probed]:
        """Run one attempt on each chosen model, in order; a model that refuses does not stop the others."""
        run, columns = self._run(session_id), self._columns(session_id)
        chosen = [role for role in ROLES if role in roles and role in columns]
        if not chosen:
            raise UserFacing("No model is chosen.", "Choose at least one that has answered.")
        known = self.stage(session_id).case
        kept = dict(findings) if findings.get("case") == known else {"case": known}
        event = self._stops[session_id] = threading.Event()
        stop, panels = AnyOf(event, run.replaced), {}
        try:
            for role in chosen:
                base = Panel(role, f"{role.capitalize()}: {columns[role].label}", columns[role].trace)
                case = columns[role].case
                old, now = kept.get(role, ()), kept
                for panel, finding in _growing(base, case, old, attempt(case, stop)):
                    if run.replaced.is_set():
                        return
                    panels[role] = panel
                    now = kept if finding is None else {**kept, role: (*old, finding)}
                    yield Probed(tuple(panels.values()), now, f"Working on {panel.title}.", True)
                kept = now
                if stop.is_set():
                    break
            status = "Stopped. What was measured is kept." if stop.is_set() else "Finished."
            yield Probed(tuple(panels.values()), kept, status, False)
        finally:
            event.set()
            if self._stops.get(session_id) is event:
                del self._stops[session_id]

    def _columns(self, session_id: str | None) -> "dict[str, Column]":
        """Finished answers of the page by role."""
        live = self.sessions.of(session_id).live
        return {
            role: column
            for role in ROLES
            if (column := live.columns.get(role)) is not None
            and column.status in PROBED
            and column.case is not None
            and column.answer.text
        }

    def _run(self, session_id: str) -> Run:
        run = self.sessions.of(session_id).run
        if run is None or not self._columns(session_id):
            raise UserFacing("There is no answer to probe yet.", "Ask a question on Trace first.")
        return run


def _growing(
    panel: Panel, case: "AnsweredCase", old: "tuple[Finding, ...]", outcomes: Iterator[Any]
) -> "Iterator[tuple[Panel, Finding | None]]":
    """The panel after each outcome with its finding; a fault becomes a sentence in the panel."""
    panel = replace(panel, verdicts=interventions.verdicts(old))
    try:
        for outcome in outcomes:
            finding = finding_from(case, outcome)
            panel = replace(panel, outcome=outcome, verdicts=interventions.verdicts((*old, finding)))
            yield panel, finding
    except Exception as fault:  # what was measured, and the other model's result, must survive it
        yield replace(panel, fault=sentence_for(fault)), None


def finding_from(case: "AnsweredCase", outcome: Any) -> "Finding":
    """Any outcome reduced to what verdicts need."""
    if isinstance(outcome, interventions.Outcome):
        return interventions.finding_of(case, outcome)
    if isinstance(outcome, interventions.ShuffleOutcome):
        asked = len(outcome.shuffles)
        return interventions.Finding(
            "shuffle", "shuffled options", consistent=outcome.consistent, asked=asked
        )
    written = outcome.regenerated
    same = written.same_answer if written else None
    kind = "anchor" if outcome.edit.kind == "anchor" else "trace"
    return interventions.Finding(kind, outcome.label.lower(), same, outcome.delta)


def region_from(shapes: Any, size: tuple[int, int]) -> "Region":
    """The region that a browser sent: a list of `{"kind": "box" | "lasso" | "brush", "points", "radius"}`.

    Nothing of it is trusted. Raises UserFacing for anything that is no region of the (width, height) picture.
    """
    if not isinstance(shapes, list) or not shapes:
        raise UserFacing("There is no region yet.", "Draw one on the picture, or type its four numbers.")
    if len(shapes) > MOST_SHAPES:
        raise UserFacing("The region has too many parts.", "Clear it and draw fewer strokes.")
    parts, fault = [], None
    for shape in shapes:
        try:
            parts.append(_shape(shape, size))
        except UserFacing as missed:  # a stroke beside the picture spoils nothing if another one hits it
            fault = missed
    if not parts and fault is not None:
        raise fault
    return interventions.joined(parts)


def _shape(shape: Any, size: tuple[int, int]) -> "Region":
    try:
        kind, points = shape["kind"], np.asarray(shape["points"], np.float64)[:MOST_POINTS]
        radius = float(shape.get("radius", 1))
        flat = points.ravel().tolist()
    except (TypeError, ValueError, KeyError, AttributeError) as broken:
        raise UserFacing("That region can't be read.", "Clear it and draw it again.") from broken
    if kind == "box":
        return interventions.box_region(size, flat)
    if kind == "lasso":
        return interventions.polygon_region(size, points)
    if kind == "brush" and np.isfinite(radius):
        return interventions.stroke_region(size, points, radius)
    raise UserFacing("That region can't be read.", "Clear it and draw it again.")


def _known(value: str, names: Sequence[str]) -> None:
    if value not in names:
        raise UserFacing("That choice is not known.", "Choose one from the list.")


def _seed(value: float | None) -> int:
    if value is None or not 0 <= value <= LARGEST_SEED:  # NaN fails this too
        raise UserFacing("The seed must be a whole number from 0.", "Correct it under Details.")
    return int(value)
