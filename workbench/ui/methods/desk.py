"""Several heat maps of one span, one after another, without the screen: takes and returns plain data.

Importing this module loads no model code; the first comparison does.
"""

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import explain
from workbench.errors import UserFacing
from workbench.explain import metrics
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.ui import boundary
from workbench.ui.case.trust import MovedOn
from workbench.ui.methods.compute import check_sanity, compute
from workbench.ui.methods.form import Form, on_sheet, region_of, span_of
from workbench.ui.services import ROLES, Services
from workbench.ui.sessions import Sessions

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.column import Column
    from workbench.explain import Evidence, HeadGrid, HeatMap, Method, Refusal, Score, Span, Trust
    from workbench.explain.metrics import LocalisationScore, SharedScore
    from workbench.imaging.medical_image import MedicalImage
    from workbench.models.session import LoadedModel
    from workbench.registry import Registry
    from workbench.ui.methods.compute import PatchWords
    from workbench.ui.methods.evidence.desk import BothModels

LOOK_SECONDS = 0.4  # between two looks at how far a method is
SANITY_TABLE = ("swapped_image", "random_weights")  # what the sanity checks of this screen show
FIRST_CHOICE = ("attention_mean", "logit_attribution", "relevancy", "occlusion")
NO_ANSWER = UserFacing("There is no answer to explain yet.", "Ask a question on the left first.")


@dataclass
class Entry:
    """One method on the span: its map or the refusal, and what was measured about it.

    `unmeasured` says why there are no curves, `off_target` why there are no localisation scores; `words`
    are what the strongest patches spell, for the logit lens; `figures` are further metrics by name.
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
    words: "tuple[PatchWords, ...]" = ()
    figures: "Mapping[str, Score | Refusal]" = field(default_factory=dict)


@dataclass
class Comparison:
    """Everything about one run of the screen; `todo` are the methods that are still to come.

    `now` is the method under way, with `passes` (done, expected) of its map while those are counted, and
    `measuring` once its map is there. `both` and `heads` are made when the visitor asks for them;
    `sources_drawn` once the page has the chart of the words' sources.
    """

    id: str
    role: str
    case: "AnsweredCase"
    span: "Span"
    todo: list[str]
    curves: bool
    region: np.ndarray | None
    total: int
    entries: list[Entry] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    evidence: "Evidence | None" = None
    score: "SharedScore | None" = None
    foil: str = ""
    settings: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    now: Entry | None = None
    passes: tuple[int, int] | None = None
    measuring: bool = False
    both: "BothModels | None" = None
    heads: "HeadGrid | None" = None
    sources_drawn: bool = False

    @property
    def model(self) -> "LoadedModel":
        return self.case.model

    @property
    def image(self) -> "MedicalImage":
        """The picture that was asked about, of several their sheet; there is one, or no comparison starts."""
        return self.case.images[0] if len(self.case.images) == 1 else self.case.sheet.image

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

    def column(self, session_id: str, role: str) -> "Column | None":
        """The finished answer of one model, None while there is none."""
        column = self.sessions.of(session_id).live.columns.get(role)
        ready = column is not None and column.status in ("done", "cancelled") and column.answer.text
        return column if ready else None

    def start(self, session_id: str, form: Form) -> Comparison:
        """Check the form and open a comparison, which replaces the one before. Raises UserFacing."""
        page = self.sessions.of(session_id)
        column = self.column(session_id, form.role) if form.role in ROLES else None
        if column is None or column.case is None or page.run is None:
            raise NO_ANSWER
        case = column.case
        if gone := weights_elsewhere(case.model):
            raise gone
        if case.image is None or not len(case.prompt.boxes):
            raise UserFacing("This answer has no picture to draw on.", "Ask about a picture.")
        names = [name for name in registry() if name in form.methods]
        if not names:
            raise UserFacing("No method is chosen.", "Tick at least one.")
        region = region_of(page, form.region, form.box)
        if page.comparison is not None:
            page.comparison.stop.set()
        page.trust.moved_on.set()  # what was measured for Trace must not keep this waiting
        page.comparison = Comparison(
            secrets.token_hex(6), form.role, case, span_of(case, form.span, form.word),
            names, form.curves, on_sheet(region, case), len(names), foil=form.foil, settings=form.settings,
            metrics=tuple(name for name in further_metrics() if name in form.metrics),
        )  # fmt: skip
        return page.comparison

    def step(self, session_id: str) -> Comparison | None:
        """Compute the next method. None when the page moved on or the comparison is over."""
        running = self.sessions.of(session_id).comparison
        if running is None or running.stop.is_set() or not running.todo:
            return None
        entry = blank_entry(running.todo.pop(0))
        running.now, running.passes, running.measuring = entry, None, False
        try:
            compute(running, entry)
        except MovedOn:
            entry.unmeasured = "Stopped before it was measured."
        except Exception as fault:
            said = boundary.sentence_for(fault)
            if entry.heat is None:
                entry.refused = (said["message"], said["hint"])
            entry.unmeasured = said["message"]
        finally:
            running.now = None
        if entry.heat is not None or not running.stop.is_set():  # a map that was stopped half-way is no entry
            running.entries.append(entry)
        return running if self.sessions.of(session_id).comparison is running else None

    def follow(self, session_id: str) -> Iterator[tuple[Comparison, bool]]:
        """`step` on a thread: (comparison, False) every LOOK_SECONDS while it runs, then (comparison, True).

        Nothing when there is no step to take. Closing the iterator stops the method and waits for it.
        """
        with ThreadPoolExecutor(1, "methods") as pool:
            working, running = pool.submit(self.step, session_id), self.sessions.of(session_id).comparison
            try:
                while wait([working], LOOK_SECONDS).not_done:
                    if running is not None:
                        yield running, False
            except GeneratorExit:
                if running is not None:
                    running.stop.set()
                raise
            if (found := working.result()) is not None:
                yield found, True

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


def registry() -> "Registry[Method]":
    """Every map method by name."""
    return explain.METHODS


def further_metrics() -> dict[str, str]:
    """Names and labels of the metrics that stand neither in the curves nor in the tables of this screen."""
    own = {metric.name for metric in (*metrics.FAITHFULNESS, *metrics.LOCALISATION)}
    return {
        name: metric.label
        for name, metric in explain.METRICS.items()
        if name not in own | set(SANITY_TABLE) and not metric.needs
    }


def blank_entry(name: str) -> Entry:
    """A method before it ran, with what its registry says of it."""
    spec = registry()[name]
    return Entry(name, spec.label, spec.description, spec.caveat, spec.unit, spec.signed)


def agreement(entries: Sequence[Entry]) -> list[list[float | None]]:
    """Spearman's correlation of every map with every other; None where a map is the same everywhere."""
    return [
        [metrics.rank_correlation(first.heat.values, second.heat.values) for second in entries]
        for first in entries
    ]
