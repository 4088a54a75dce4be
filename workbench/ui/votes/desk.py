"""What happens on the Votes panel, without the panel: plain data in and out."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import cases
from workbench.errors import UserFacing
from workbench.models.answer import Decoding
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.ui.probe.desk import PROBED, AnyOf
from workbench.ui.services import ROLES, Services
from workbench.ui.sessions import Sessions

if TYPE_CHECKING:  # importing it loads torch, which must not delay the first page
    from workbench.cases.votes import Votes

FEWEST, MOST, USUAL = 2, 32, 4
LOWEST, HIGHEST, WARM = 0.05, 2.0, 0.6
TOP_P, TOP_K = 0.95, 20


@dataclass(frozen=True)
class Drawn:
    """One state of the panel: votes by the column's title, a sentence, and whether more are coming."""

    votes: "dict[str, Votes]"
    status: str
    busy: bool


class VotesDesk:
    """Draws answers for the page's question, one after the other, the models in turn."""

    def __init__(self, services: Services, sessions: Sessions) -> None:
        self.services, self.sessions = services, sessions
        self._stops: dict[str, threading.Event] = {}

    def draw(self, session_id: str, count: float | None, temperature: float | None) -> Iterator[Drawn]:
        """Yield after every answer; stops when the page has moved on. Raises UserFacing."""
        if count is None or not FEWEST <= count <= MOST:
            raise UserFacing("That number of answers can't be drawn.", f"Use {FEWEST} to {MOST}.")
        if temperature is None or not LOWEST <= temperature <= HIGHEST:
            raise UserFacing("The temperature is out of range.", f"Use {LOWEST:g} to {HIGHEST:g}.")
        page = self.sessions.of(session_id)
        run = page.run
        columns = {
            role: column
            for role in ROLES
            if (column := page.live.columns.get(role)) is not None
            and column.status in PROBED
            and column.case is not None
        }
        if run is None or not columns:
            raise UserFacing("There is no answer to vote on yet.", "Ask a question first.")
        event = self._stops[session_id] = threading.Event()
        stop, found = AnyOf(event, run.replaced), {}
        try:
            for role, column in columns.items():
                asked = column.answer.decoding  # with the length that its model's card sets
                top_k = TOP_K if weights_elsewhere(column.case.model) is None else 0
                sampling = Decoding(
                    asked.max_new_tokens, float(temperature), TOP_P, run.decoding.seed, top_k, asked.recover
                )
                title = f"{role.capitalize()}: {column.label}"
                for votes in cases.draw_votes(column.case, int(count), sampling, stop):
                    if run.replaced.is_set() or page.run is not run:
                        return
                    found = {**found, title: votes}
                    done = f"{title}: {len(votes.samples)} of {votes.planned} answers drawn."
                    yield Drawn(found, done, True)
                if stop.is_set():
                    break
            if not run.replaced.is_set() and page.run is run:
                stopped = event.is_set()
                said = "Stopped. The answers drawn so far count." if stopped else "Finished."
                yield Drawn(found, said, False)
        finally:
            event.set()
            if self._stops.get(session_id) is event:
                del self._stops[session_id]

    def stop(self, session_id: str) -> None:
        """End the drawing of this page at the next token."""
        if event := self._stops.get(session_id):
            event.set()
