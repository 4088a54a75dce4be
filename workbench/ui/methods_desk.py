"""Several heat maps of one span, one after another, without the screen: takes and returns plain data.

Importing this module loads no model code; the first comparison does.
"""

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import UserFacing
from workbench.ui import boundary
from workbench.ui.methods_form import Form, region_of, span_of
from workbench.ui.services import ROLES, Services
from workbench.ui.sessions import Sessions
from workbench.ui.trust_line import TOO_LONG, MovedOn, TooLong, watched

if TYPE_CHECKING:
    from workbench.cases.run import CaseColumn
    from workbench.explain.evidence import Evidence
    from workbench.explain.heatmap import HeatMap, Refusal, Span
    from workbench.explain.metrics import LocalisationScore, SharedScore, Trust
    from workbench.imaging.medical_image import MedicalImage

FIRST_CHOICE = ("attention_mean", "logit_attribution", "relevancy", "occlusion")
NO_ANSWER = UserFacing("There is no answer to explain yet.", "Ask a question on the left first.")


@dataclass
class Entry:
    """One method on the span: its map or the refusal, and what was measured about it.

    `unmeasured` says why there are no curves, `off_target` why there are no localisation scores.
    """

    name: str
    label: str
    description: str
    caveat: str
    unit: str
    signed: bool
    heat: "HeatMap | None" = None
    refused: "tuple[str, str] | None" = None
    seconds: float = 0.0
    trust: "Trust | None" = None
    unmeasured: str = ""
    localisation: "tuple[LocalisationScore, ...]" = ()
    off_target: str = ""
    sanity: dict[str, Any] = field(default_factory=dict)


@dataclass
class Comparison:
    """Everything about one run of the screen; `todo` are the methods that are still to come."""

    id: str
    role: str
    model: Any
    column: "CaseColumn"
    image: "MedicalImage"
    span: "Span"
    todo: list[str]
    curves: bool
    region: np.ndarray | None
    total: int
    entries: list[Entry] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    evidence: "Evidence | None" = None
    score: "SharedScore | None" = None

    @property
    def maps(self) -> list[Entry]:
        """The entries that have a map."""
        return [entry for entry in self.entries if entry.heat is not None]


class MethodsDesk:
    """Starts a comparison and takes it one method further. Call `step` and `sanity` in the model lane.

    One step hands the lane back, so that other visitors' questions come in between.
    """

    def __init__(self, services: Services, sessions: Sessions) -> None:
        self.services, self.sessions = services, sessions

    def column(self, session_id: str, role: str) -> "CaseColumn | None":
        """The finished answer of one model, None while there is none."""
        column = self.sessions.of(session_id).live.columns.get(role)
        ready = column is not None and column.status in ("done", "cancelled") and column.answer.ids
        return column if ready else None

    def start(self, session_id: str, form: Form) -> Comparison:
        """Check the form and open a comparison, which replaces the one before. Raises UserFacing."""
        page = self.sessions.of(session_id)
        column = self.column(session_id, form.role) if form.role in ROLES else None
        if column is None or page.run is None:
            raise NO_ANSWER
        if column.prompt is None or not len(column.prompt.boxes):
            raise UserFacing("This answer has no picture to draw on.", "Ask about a picture.")
        names = [name for name in registry() if name in form.methods]
        if not names:
            raise UserFacing("No method is chosen.", "Tick at least one.")
        image = page.run.picture.image
        region = region_of(page, form.region, form.box)
        model = self.services.pair(page.run.replaced)[form.role]
        if page.comparison is not None:
            page.comparison.stop.set()
        page.trust.moved_on.set()  # what was measured for Trace must not keep this waiting
        page.comparison = Comparison(
            secrets.token_hex(6), form.role, model, column, image, span_of(column, form.span, form.word),
            names, form.curves, region, len(names),
        )  # fmt: skip
        return page.comparison

    def step(self, session_id: str) -> Comparison | None:
        """Compute the next method. None when the page moved on or the comparison is over."""
        running = self.sessions.of(session_id).comparison
        if running is None or running.stop.is_set() or not running.todo:
            return None
        entry = blank_entry(running.todo.pop(0))
        try:
            compute(running, entry)
        except MovedOn:
            entry.unmeasured = "Stopped before it was measured."
        except Exception as fault:
            said = boundary.sentence_for(fault)
            if entry.heat is None:
                entry.refused = (said["message"], said["hint"])
            entry.unmeasured = said["message"]
        running.entries.append(entry)
        return running if self.sessions.of(session_id).comparison is running else None

    def stop(self, session_id: str) -> None:
        """End the comparison; the maps that are there stay."""
        if (running := self.sessions.of(session_id).comparison) is not None:
            running.stop.set()

    def sanity(self, session_id: str, other: "MedicalImage") -> Comparison:
        """Sanity tests of every compared map that reads the shared pass. Raises UserFacing without one."""
        running = self.sessions.of(session_id).comparison
        if running is None or not running.maps:
            raise UserFacing("There is no map to test yet.", "Compute some first.")
        for entry in running.maps:
            check_sanity(running, entry, other)
        return running


def registry() -> Mapping[str, Any]:
    """Every map method by name: those that read the shared pass first."""
    from workbench.explain import CONTEXT_METHODS, METHODS

    return {**METHODS, **CONTEXT_METHODS}


def blank_entry(name: str) -> Entry:
    """A method before it ran, with what its registry says of it."""
    spec = registry()[name]
    return Entry(name, spec.label, spec.description, spec.caveat, spec.unit, spec.signed)


def compute(running: Comparison, entry: Entry) -> None:
    """Fill in the map of one method, its curves and its localisation scores. Raises MovedOn when stopped."""
    from workbench.explain.heatmap import Refusal

    began = time.monotonic()
    found = _map_of(running, entry.name)
    entry.seconds = time.monotonic() - began
    if isinstance(found, Refusal):
        entry.refused = (found.reason, found.hint)
        return
    entry.heat = found
    if running.region is not None:
        _localise(running, entry)
    if running.curves:
        _measure(running, entry)


def _map_of(running: Comparison, name: str) -> "HeatMap | Refusal":
    from workbench.explain import METHODS, explain_spans, explain_with_context, gather_evidence
    from workbench.explain.heatmap import Refusal

    column, span = running.column, running.span
    if name in METHODS:
        if running.evidence is None:
            running.evidence = gather_evidence(running.model, column.prompt, column.answer)
        maps = explain_spans(running.evidence, [span], name)
    else:
        maps = explain_with_context(running.model, column.prompt, running.image, column.answer, [span], name)
    return maps if isinstance(maps, Refusal) else maps[0]


def _localise(running: Comparison, entry: Entry) -> None:
    from workbench.explain.heatmap import Refusal
    from workbench.explain.metrics import localise

    scores = localise(entry.heat.values, entry.heat.boxes, running.region)
    if isinstance(scores, Refusal):
        entry.off_target = scores.reason
    else:
        entry.localisation = scores


def _measure(running: Comparison, entry: Entry) -> None:
    """Deletion and insertion; the maps of one span share the pictures of their controls."""
    from workbench.explain.metrics import SharedScore, span_scorer, trust

    question = running.column.prompt.question
    if running.score is None:
        score = span_scorer(running.model, question, running.image, running.column.answer, running.span)
        running.score = SharedScore(watched(score, running.stop, longest=240.0))
    try:
        entry.trust = trust(
            running.model, running.column.prompt, running.image, question, running.column.answer,
            running.span, entry.heat, shared=running.score,
        )  # fmt: skip
    except TooLong:
        entry.unmeasured = TOO_LONG
        return
    entry.unmeasured = entry.trust.reason


def check_sanity(running: Comparison, entry: Entry, other: "MedicalImage") -> None:
    """Swapped picture and random weights; what can't be tested gets its reason."""
    from workbench.explain import METHODS
    from workbench.explain.heatmap import Refusal
    from workbench.explain.metrics import randomise_parameters, swapped_image

    if entry.name not in METHODS:
        entry.sanity = {"reason": "These tests exist for methods that read the shared pass only."}
        return
    column, span, model = running.column, running.span, running.model
    swapped = swapped_image(model, column.prompt, running.image, other, column.answer, span, entry.name)
    cascade = randomise_parameters(model, column.prompt, column.answer, span, entry.name)
    for found in (swapped, cascade):
        if isinstance(found, Refusal):
            entry.sanity = {"reason": found.reason}
            return
    entry.sanity = {"swapped": swapped, "layers": cascade.layers, "random": cascade.correlations}


def agreement(entries: Sequence[Entry]) -> list[list[float | None]]:
    """Spearman's correlation of every map with every other; None where a map is the same everywhere."""
    from workbench.explain.metrics import rank_correlation

    return [
        [rank_correlation(first.heat.values, second.heat.values) for second in entries] for first in entries
    ]
