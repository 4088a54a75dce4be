"""The trust lines of every open page: one span is measured at a time, the one that is looked at first."""

import math
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from workbench.ui import boundary
from workbench.ui.case.trust import CAUSAL_METHOD, KINDS, MovedOn, TrustLine, row_of
from workbench.ui.services import ROLES, Services
from workbench.ui.sessions import NoMap, Session, Sessions, SpanKey


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
        key = (chosen.get("column"), chosen.get("kind"), chosen.get("index"))
        page = self.sessions.of(session_id)
        if key[0] in ROLES and key[1] in KINDS and isinstance(key[2], int):
            page.selected = key
            if next_span(page) == key:
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

    def _line(self, page: Session, key: SpanKey, moved_on: threading.Event) -> TrustLine:
        """Measured, or the reason why not: a fault here must not take the answer from the page."""
        role, kind, index = key
        column, maps, run = page.live.columns.get(role), page.maps.get(role), page.run
        row = row_of(column, maps.rows, kind, index) if column and maps is not None else None
        if column is None or maps is None or run is None or row is None:
            return TrustLine("not computable", "This part of the answer has no map.")
        try:
            model = self.services.pair(run.replaced)[role]
            image = run.picture.image
            if role not in page.trust.causal:
                page.trust.causal[role] = self._causal(model, column, image, maps)
            causal = page.trust.causal[role]
            return self.services.engine.measure_trust(model, column, maps, row, image, causal, moved_on)
        except MovedOn:
            raise
        except Exception as fault:
            said = boundary.sentence_for(fault)
            return TrustLine("not computable", f"{said['message']} {said['hint']}".strip())

    def _causal(self, model: Any, column: Any, image: Any, maps: Any) -> Any:
        if maps.method == CAUSAL_METHOD or CAUSAL_METHOD not in self.services.engine.methods():
            return None
        return self.services.engine.column_maps(model, column, CAUSAL_METHOD, {}, image)


def spans_to_measure(page: Session) -> list[SpanKey]:
    """What is worth measuring, in order: the selected span, its column's answer and steps, the other's."""
    roles = [role for role in ROLES if has_maps(page, role)]
    selected = page.selected if page.selected and page.selected[0] in roles else None
    first = selected[0] if selected else roles[-1] if roles else None
    wanted: list[SpanKey] = [selected] if selected else [(first, "all", 0)] if first else []
    for role in sorted(roles, key=lambda role: role != first):
        trace = page.live.columns[role].trace
        spans = [(role, "answer", 0)] + [(role, "step", index) for index in range(len(trace.steps))]
        maps = page.maps[role]
        wanted += [key for key in spans if row_of(page.live.columns[role], maps.rows, *key[1:]) is not None]
    return list(dict.fromkeys(wanted))


def next_span(page: Session) -> SpanKey | None:
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
    """What the viewer gets: `{case, busy, columns: {role: {method, spans: {"step-0": line}}}}`."""
    columns: dict[str, Any] = {
        role: {"method": page.maps[role].method, "label": page.maps[role].label, "spans": {}}
        for role in ROLES
        if has_maps(page, role)
    }
    for (role, kind, index), line in page.trust.lines.items():
        if role in columns:
            columns[role]["spans"][f"{kind}-{index}"] = _plain(line)
    return {"case": page.run.case_id if page.run else "", "busy": busy, "columns": columns}


def _plain(line: TrustLine) -> dict[str, Any]:
    """JSON has no NaN; a number that is not one is sent as null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(line).items()
    }
