"""What happens when the benchmark is run from the screen, without the screen: takes and gives plain data."""

import errno
import hashlib
import queue
import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench.asking.conditions import CONDITIONS, longest_answer
from workbench.bench.asking.naming import tell_apart
from workbench.bench.asking.progress import duration
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import BUNDLED, bundled_names, load_items
from workbench.errors import UserFacing
from workbench.models.answer import Decoding
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.boundary import sentence_for
from workbench.ui.services import ROLES, Services

if TYPE_CHECKING:
    from workbench.bench.asking.progress import Progress
    from workbench.bench.questions.items import ItemSet

OWN = ""  # the choice "a folder or file of my own"
BATCH = 8  # answers between two looks at Stop
LARGEST, PUBLIC_LARGEST = 100_000, 10  # questions
MOST_SAMPLES, PUBLIC_SAMPLES = BATCH, 3  # samples of one question are drawn in one batch
POLL_SECONDS = 0.3
FULL = (errno.ENOSPC, errno.EDQUOT)
KEPT = "The answers that are there are kept: press Run again to go on."


@dataclass(frozen=True)
class RunForm:
    """The form as the visitor filled it in; nothing of it is trusted yet. `first` None means all."""

    items: str
    path: str = ""
    first: float | None = 10
    roles: Sequence[str] = ROLES
    conditions: Sequence[str] = ("image",)
    samples: float = 3


@dataclass
class BenchRun:
    """A run that was asked for: what it will answer, and where its lines go."""

    ticket: str
    items: "ItemSet"
    roles: tuple[str, ...]
    conditions: tuple[str, ...]
    samples: int
    folder: Path
    started: bool = False
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class RunState:
    """One state of a run: the status line; at its end the result's name, and what went wrong if anything."""

    status: str
    busy: bool = False
    result: str | None = None
    fault: Mapping[str, str] | None = None


class BenchDesk:
    """Runs of every open page, one at a time for a page."""

    def __init__(self, services: Services, shelf: Shelf) -> None:
        self.services, self.shelf = services, shelf
        self._runs: dict[str, BenchRun] = {}
        self._lock = threading.Lock()

    @property
    def largest(self) -> int:
        """How many questions a run may have."""
        return PUBLIC_LARGEST if self.services.settings.public else LARGEST

    @property
    def most_samples(self) -> int:
        """How many answers a question the condition "sampled" may ask for."""
        return PUBLIC_SAMPLES if self.services.settings.public else MOST_SAMPLES

    def begin(self, session_id: str, form: RunForm) -> BenchRun:
        """Check the form and open a run; `follow` does the work. Raises UserFacing."""
        roles = tuple(role for role in ROLES if role in form.roles)
        conditions = tuple(name for name in CONDITIONS if name in form.conditions)
        if not roles or not conditions:
            what = "model" if not roles else "way of asking"
            raise UserFacing(f"No {what} was chosen.", "Choose at least one.")
        first = self._first(form.first)
        samples = 1  # the field is hidden, and may be empty, when nothing is sampled
        if "sampled" in conditions:
            samples = _whole(form.samples, 1, self.most_samples, "The number of samples")
        items = load_items(self._source(form), first)
        folder = self.shelf.run_folder(session_id, run_name(items, first))
        run = BenchRun(secrets.token_hex(8), items, roles, conditions, samples, folder)
        with self._lock:
            if session_id in self._runs:
                raise UserFacing("A run of yours is under way.", "Stop it first, or wait for its end.")
            self._runs[session_id] = run
        return run

    def follow(self, session_id: str, ticket: str) -> Iterator[RunState]:
        """Run it and say how far it is; the last state names the result. Ends the run when it is closed."""
        with self._lock:
            run = self._runs.get(session_id)
            if run is None or run.ticket != ticket:
                return
            run.started = True
        try:
            yield RunState("Waiting for the models.", busy=True)
            models = self.services.pair(run.stop)
            tell_apart(models[role] for role in ROLES if role in models)
            yield from self._followed(session_id, run, [models[role] for role in run.roles])
        except Exception as fault:  # else the status line would go on saying that it waits
            yield RunState("The run could not start.", fault=sentence_for(fault))
        finally:
            run.stop.set()
            with self._lock:
                if self._runs.get(session_id) is run:
                    del self._runs[session_id]

    def stop(self, session_id: str) -> RunState:
        """End the page's run at its next batch, or at once while it still waits for its turn."""
        with self._lock:
            run = self._runs.get(session_id)
            if run is not None and not run.started:
                del self._runs[session_id]
        if run is None:
            return RunState("Nothing is running.")
        run.stop.set()
        return RunState("Stopping after this batch.", busy=True) if run.started else RunState("Stopped.")

    def leave(self, session_id: str | None) -> None:
        """The page was closed: end its run and delete its folder."""
        with self._lock:
            run = self._runs.pop(session_id or "", None)
        if run is not None:
            run.stop.set()
        self.shelf.drop(session_id)

    def _source(self, form: RunForm) -> str:
        """A bundled name, or (never on a public page) the path that was typed. Raises UserFacing."""
        if form.items in bundled_names():
            return form.items
        if self.services.settings.public or form.items != OWN:
            raise UserFacing("There is no such set of questions.", "Choose one from the list.")
        if not form.path.strip():
            raise UserFacing("No folder was given.", "Type the path of a folder of items, or of a file.")
        return form.path.strip()

    def _first(self, first: float | None) -> int | None:
        if first is None and not self.services.settings.public:
            return None
        return _whole(first, 1, self.largest, "The number of questions")

    def _followed(self, session_id: str, run: BenchRun, models: Sequence[Any]) -> Iterator[RunState]:
        """The states of a run that has its models; its thread never outlives this."""
        news: queue.SimpleQueue[Progress] = queue.SimpleQueue()
        faults: list[Exception] = []
        last: Progress | None = None
        thread = threading.Thread(target=self._answer, args=(run, models, news.put, faults), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(POLL_SECONDS)
                before = last
                while not news.empty():
                    last = news.get()
                if last is not None and last is not before:
                    yield RunState(_words(last), busy=True)
            stopped = run.stop.is_set()
        finally:
            run.stop.set()
            thread.join()
        while not news.empty():
            last = news.get()
        yield self._ended(session_id, run, last, stopped, faults)

    def _answer(self, run: BenchRun, models: Sequence[Any], report: Any, faults: list[Exception]) -> None:
        try:
            run_bench(
                run.items,
                models,
                run.folder,
                conditions=run.conditions,
                batch_size=BATCH,
                decoding=Decoding(longest_answer(models, self.services.settings.max_new_tokens)),
                progress=report,
                samples=run.samples,
                stop=run.stop,
                retry_failed=True,
            )
        except Exception as fault:  # a thread's fault would otherwise vanish; `_ended` puts it into words
            faults.append(fault)

    def _ended(
        self,
        session_id: str,
        run: BenchRun,
        last: "Progress | None",
        stopped: bool,
        faults: Sequence[Exception],
    ) -> RunState:
        """The last state: finished, stopped, or ended by a fault; the answers so far are a result too."""
        names = [name for name, folder in self.shelf.names(session_id).items() if folder == run.folder]
        result = names[0] if names else None
        if faults:
            return RunState("The run ended early.", result=result, fault=sentence_for(in_words(faults[0])))
        if stopped:
            count = f"{last.done:,} of {last.total:,} answers" if last else "no new answers"
            return RunState(f"Stopped: {count}. {KEPT}", result=result)
        return RunState(
            f"Finished: {last.total:,} answers." if last else "Nothing was left to answer.", result=result
        )


def run_name(items: "ItemSet", first: int | None) -> str:
    """The folder of a run: the same questions go to the same one, so that the run is taken up again."""
    name = re.sub(r"[^\w-]+", "-", items.name).strip("-")[:60] or "items"
    if BUNDLED not in items.path.parents:
        name += f"-{hashlib.sha256(str(items.path.resolve()).encode()).hexdigest()[:6]}"
    return f"{name}-all" if first is None else f"{name}-first-{first}"


def in_words(fault: Exception) -> Exception:
    """A disk that is full, or a folder that can't be written, for the screen; any other fault as it is.

    The runner's own sentence names a folder of the server and a command.
    """
    cause = fault.__cause__ if isinstance(fault, UserFacing) else fault
    if not isinstance(cause, OSError):
        return fault
    if cause.errno in FULL:
        return UserFacing("The disk is full.", f"Free some space. {KEPT}")
    return UserFacing(f"The results could not be written ({cause.strerror or type(cause).__name__}).", KEPT)


def _words(progress: "Progress") -> str:
    """How far a run is, how fast, and how long it still takes where that is known."""
    said = f"{progress.done:,} of {progress.total:,} answers ({progress.model}, {progress.condition})"
    if progress.rate is None or progress.seconds_left is None:
        return f"{said}."
    return f"{said}, {progress.rate:.0f} a minute, about {duration(progress.seconds_left)} left."


def _whole(value: float | None, low: int, high: int, what: str) -> int:
    if value is None or not low <= value <= high or int(value) != value:
        given = "empty" if value is None else format(value, "g")
        raise UserFacing(f"{what} can't be {given}.", f"Use a whole number from {low} to {high:,}.")
    return int(value)
