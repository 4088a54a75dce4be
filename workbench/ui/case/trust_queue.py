"""The trust lines of every open page: one span is measured at a time, the one that is looked at first."""

import math
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.ui import boundary
from workbench.ui.case.trust import CAUSAL_METHOD, MovedOn, TrustLine
from workbench.ui.services import ROLES, Services
from workbench.ui.sessions import NoMap, Session, Sessions, SpanPlace

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase
    from workbench.cases.maps import MapSet

MEASURED_KEY = re.compile(r"step:\d{1,6}|answer|all")  # spans that get a trust line; words have none


class TrustQueue:
    """Says what is measured, what is left, and measures the next one. Call `measure` in the model lane.

    One call measures one span and hands the lane back, so that other visitors' questions come in between.
    """

    def __init__(self, services: Services, sessions: Sessions) -> None:
        self.services, self.sessions = services, sessions

    def select(self, session_id: str, chosen: Mapping[str, Any] | None) -> None:
        """Remember the span that is looked at, which is measured before what was under way.

        Anything else than a span of this page is ignored.
        """
        chosen = chosen or {}
        role, key = chosen.get("column"), chosen.get("key")
        page = self.sessions.of(session_id)
        if role in ROLES and isinstance(key, str) and MEASURED_KEY.fullmatch(key):
            page.selected = (role, key)
            if next_span(page) == page.selected:
                page.trust.moved_on.set()
                page.trust.moved_on = threading.Event()

    def pause(self, session_id: str) -> None:
        """Give up what is being measured: the visitor asked for other maps."""
        self.sessions.of(session_id).trust.moved_on.set()

    def begin(self, session_id: str) -> tuple[dict[str, Any], str | None]:
        """The page's trust lines so far, and a turn for `measure` (None when nothing is left)."""
        page = self.sessions.of(session_id)
        left = next_span(page)
        return trust_payload(page, left is not None), secrets.token_hex(6) if left else None

    def measure(self, session_id: str) -> tuple[dict[str, Any], str | None] | None:
        """Measure the next span; the lines then, and a turn for the next. None when the page moved on."""
        page = self.sessions.of(session_id)
        run, trust, key = page.run, page.trust, next_span(page)
        if run is None or key is None or run.replaced.is_set():
            return None
        moved_on = trust.moved_on
        try:
            trust.lines[key] = self._line(page, key, moved_on)
        except MovedOn:
            if trust.moved_on is moved_on:
                return None
        return self.begin(session_id) if page.trust is trust and not trust.moved_on.is_set() else None

    def _line(self, page: Session, place: SpanPlace, moved_on: threading.Event) -> TrustLine:
        """Measured, or the reason why not: a fault here must not take the answer from the page."""
        role, key = place
        column, maps = page.live.columns.get(role), page.maps.get(role)
        if column is None or column.case is None or not has_maps(page, role) or key not in maps.rows:
            return TrustLine("not computable", "This part of the answer has no map.")
        try:
            if role not in page.trust.causal:
                page.trust.causal[role] = self._causal(column.case, maps)
            causal = page.trust.causal[role]
            return self.services.engine.measure_trust(column.case, maps, key, causal, moved_on)
        except MovedOn:
            raise
        except Exception as fault:
            said = boundary.sentence_for(fault)
            return TrustLine("not computable", f"{said['message']} {said['hint']}".strip())

    def _causal(self, case: "AnsweredCase", maps: "MapSet") -> "MapSet | None":
        if maps.method == CAUSAL_METHOD or CAUSAL_METHOD not in self.services.engine.methods():
            return None
        return self.services.engine.case_maps(case, CAUSAL_METHOD, {})


def spans_to_measure(page: Session) -> list[SpanPlace]:
    """What is worth measuring, in order: the selected span, its column's answer and steps, the other's."""
    roles = [role for role in ROLES if has_maps(page, role)]
    selected = page.selected if page.selected and page.selected[0] in roles else None
    first = selected[0] if selected else roles[-1] if roles else None
    wanted: list[SpanPlace] = [selected] if selected else [(first, "all")] if first else []
    for role in sorted(roles, key=lambda role: role != first):
        rows = page.maps[role].rows
        keys = ["answer", *(key for key in rows if key.startswith("step:"))]
        wanted += [(role, key) for key in keys if key in rows]
    return list(dict.fromkeys(wanted))


def next_span(page: Session) -> SpanPlace | None:
    """The first span that has no line yet."""
    return next((key for key in spans_to_measure(page) if key not in page.trust.lines), None)


def has_maps(page: Session, role: str) -> bool:
    """Whether a role has maps that can be measured."""
    maps = page.maps.get(role)
    return (
        maps is not None
        and not isinstance(maps, NoMap)
        and maps.refused is None
        and role in page.live.columns
    )


def trust_payload(page: Session, busy: bool) -> dict[str, Any]:
    """What the viewer gets: `{case, busy, columns: {role: {method, spans: {"step:0": line}}}}`."""
    columns: dict[str, Any] = {
        role: {"method": page.maps[role].method, "label": page.maps[role].label, "spans": {}}
        for role in ROLES
        if has_maps(page, role)
    }
    for (role, key), line in page.trust.lines.items():
        if role in columns:
            columns[role]["spans"][key] = _plain(line)
    return {"case": page.run.case_id if page.run else "", "busy": busy, "columns": columns}


def _plain(line: TrustLine) -> dict[str, Any]:
    """JSON has no NaN; a number that is not one is sent as null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(line).items()
    }
