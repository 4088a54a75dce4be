"""What the server remembers of each open page: bounded in number and time, gone when the page closes."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.models.answer import Decoding, Question
from workbench.ui.case.intake import Picture

if TYPE_CHECKING:
    from workbench.cases.column import Column
    from workbench.cases.maps import MapSet
    from workbench.explain import TextMaps
    from workbench.ui.case.trust import TrustLine
    from workbench.ui.methods.desk import Comparison

CAPACITY = 64
IDLE_SECONDS = 1800.0
SpanPlace = tuple[str, str]  # role, and the key of a span of its answer


@dataclass
class Run:
    """One question under way. `replaced` means that the page has moved on: show nothing more of it.

    `more` are the pictures after the first. `follow_ups` has each role's own question where this is a later
    turn of a conversation; a role that isn't in it has no earlier answer to follow on.
    `gold` is the right answer, "" where nobody knows it.
    """

    case_id: str
    picture: Picture | None  # None: asked without a picture
    question: Question
    decoding: Decoding
    more: tuple[Picture, ...] = ()
    follow_ups: "dict[str, Question] | None" = None
    gold: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    replaced: threading.Event = field(default_factory=threading.Event)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures of the conversation in order."""
        return () if self.picture is None else (self.picture, *self.more)

    def question_of(self, role: str) -> Question | None:
        """What a role's model is asked; None when it can't follow on."""
        return self.question if self.follow_ups is None else self.follow_ups.get(role)

    def abandon(self) -> None:
        self.replaced.set()
        self.stop.set()


@dataclass(frozen=True)
class Live:
    """What the models have answered so far: columns by role, and a sentence for each model that failed."""

    columns: "dict[str, Column]" = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NoMap:
    """Why computing a model's maps failed. (Not `explain.Refusal`: importing that loads torch.)"""

    reason: str
    hint: str = ""


@dataclass
class Measured:
    """Trust lines of the maps on the page; `moved_on` ends the one that is being measured.

    `causal` holds each role's occlusion map set, None where there is none.
    """

    lines: "dict[SpanPlace, TrustLine]" = field(default_factory=dict)
    causal: "dict[str, MapSet | None]" = field(default_factory=dict)
    moved_on: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class PastTurn:
    """A turn of the conversation on the page with its answers and maps."""

    run: Run
    live: Live
    maps: "dict[str, MapSet | NoMap]"
    text_maps: "dict[str, TextMaps]"


@dataclass
class Session:
    """One open page: its pictures, the question under way and the last answers.

    `more` are further pictures after `picture`. `turns` are all turns of the conversation, of which number
    `turn` is looked at; its newest state is in `run`, `live` and `maps`. `selected` is the span that is
    looked at on Trace; `comparison` is what the Methods screen shows; `filled` is the question that an
    example or a benchmark item was put on the page with, and its right answer.
    """

    picture: Picture | None = None
    more: list[Picture] = field(default_factory=list)
    turns: list[PastTurn] = field(default_factory=list)
    turn: int = 0
    filled: tuple[str, str] = ("", "")
    run: Run | None = None
    live: Live = field(default_factory=Live)
    maps: "dict[str, MapSet | NoMap]" = field(default_factory=dict)
    text_maps: "dict[str, TextMaps]" = field(default_factory=dict)
    selected: SpanPlace | None = None
    trust: Measured = field(default_factory=Measured)
    comparison: "Comparison | None" = None
    touched: float = 0.0

    def forget_answers(self) -> None:
        """End the question under way and drop the conversation's answers."""
        if self.run is not None:
            self.run.abandon()
        self.run, self.live, self.selected = None, Live(), None
        self.turns, self.turn = [], 0
        self._forget_looks()

    def keep_turn(self) -> None:
        """Put the newest state of the turn that is looked at among `turns`."""
        if self.run is not None:
            self.turns[self.turn : self.turn + 1] = [PastTurn(self.run, self.live, self.maps, self.text_maps)]

    def look_at(self, number: int) -> None:
        """Look at another turn of the conversation; IndexError when there is none of that number."""
        self.keep_turn()
        past = self.turns[number]
        self._forget_looks()
        self.turn, self.run, self.live = number, past.run, past.live
        self.maps, self.text_maps = dict(past.maps), dict(past.text_maps)

    def next_turn(self, run: Run) -> None:
        """Begin a turn after the last one."""
        self.keep_turn()
        self._forget_looks()
        self.turn, self.run, self.live = len(self.turns), run, Live()

    def _forget_looks(self) -> None:
        """Drop what is only about the answers that are looked at."""
        self.selected = None
        self.forget_maps()
        if self.comparison is not None:
            self.comparison.stop.set()
        self.comparison = None

    def forget_maps(self) -> None:
        """Drop the maps of Trace and what was measured about them."""
        self.trust.moved_on.set()
        self.maps, self.text_maps, self.trust = {}, {}, Measured()


class Sessions:
    """Pages by their session id. The longest unused one is dropped when there are too many."""

    def __init__(
        self,
        capacity: int = CAPACITY,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity, self.idle_seconds, self._clock = capacity, idle_seconds, clock
        self._pages: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pages)

    def of(self, session_id: str | None) -> Session:
        """The page of this id, made when it is new or was idle for too long."""
        key = session_id or ""
        with self._lock:
            page = self._pages.setdefault(key, Session())
            page.touched = self._clock()
            self._pages.move_to_end(key)
        self.sweep()
        return page

    def sweep(self) -> None:
        """Drop pages that were idle for too long, and the oldest ones when there are too many."""
        with self._lock:
            gone = [self._pages.pop(key) for key in self._expired()]
        for page in gone:
            page.forget_answers()

    def drop(self, session_id: str | None) -> None:
        """Forget a page that was closed; what it was generating ends."""
        with self._lock:
            page = self._pages.pop(session_id or "", None)
        if page is not None:
            page.forget_answers()

    def _expired(self) -> list[str]:
        now = self._clock()
        idle = [key for key, page in self._pages.items() if now - page.touched > self.idle_seconds]
        rest = [key for key in self._pages if key not in idle]
        return idle + rest[: max(0, len(rest) - self.capacity)]
