"""A served model as a column of the page: its state, its stream, and what the other desks make of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.chat_fakes import Fault, Stream, delta, serving
from tests.ui.fakes import TRACE
from workbench.cases.votes import SAMPLING, draw_votes
from workbench.errors import UserFacing
from workbench.imaging import from_array
from workbench.models.served import EndpointDown, Keys
from workbench.settings import Settings
from workbench.ui.app import header_value
from workbench.ui.case.desk import CaseDesk, QuestionForm
from workbench.ui.case.intake import picture_of
from workbench.ui.methods.desk import MethodsDesk
from workbench.ui.methods.form import Form
from workbench.ui.probe.desk import ProbeDesk
from workbench.ui.probe.view import results_nodes
from workbench.ui.services import Services
from workbench.ui.sessions import Sessions
from workbench.ui.votes.desk import VotesDesk

VISITOR = "visitor"
KEY = "sk-of-the-page"


def desk_for(url: str) -> CaseDesk:
    """Both columns are models of one server, loaded as the page loads them."""
    keys = Keys.read(variable=KEY).bound([url])
    settings = Settings(base=f"{url}#one", tuned=f"{url}#two", max_new_tokens=64, tries=1, keys=keys)
    desk = CaseDesk(Services(settings), Sessions(), Path("/nowhere"))
    desk.place(VISITOR, picture_of(from_array(np.full((40, 60, 3), 90, np.uint8))))
    return desk


def asked(desk: CaseDesk) -> list[Any]:
    ticket, _ = desk.ask(VISITOR, QuestionForm("What?", options="nodule\nnone", max_new_tokens=64))
    return list(desk.answer(VISITOR, ticket, "attention_mean"))


def test_a_served_column_is_a_state_and_no_error() -> None:
    with serving(lambda body: Stream([delta(TRACE[:50]), delta(TRACE[50:], "stop")])) as fake:
        desk = desk_for(fake.url)
        shown = asked(desk)[-1]
        host = fake.url.split("/")[2]
        assert shown.status == "Finished."
        for column in shown.payload["columns"]:
            assert column["status"] == "done" and column["message"] == "" and len(column["steps"]) == 3
            assert f"served at {host}" in column["subtitle"] and "maps are not possible" in column["subtitle"]
            assert "the weights are elsewhere" in column["maps"]["refused"] and column["maps"]["hint"]
            assert column["maps"]["state"] == "elsewhere"
            assert {word["lp"] for word in column["words"]} == {None}
        header = header_value(desk.services.state)
        assert all(f"served at {host}" in model["detail"] for model in header["models"])
        assert set(fake.keys) == {f"Bearer {KEY}"}
        assert KEY not in repr(shown) + repr(header) + repr(desk.services.settings)


def test_a_fault_of_the_server_is_told_in_its_column() -> None:
    with serving(lambda body: Fault(401) if body["model"] == "two" else TRACE) as fake:
        base, tuned = asked(desk_for(fake.url))[-1].payload["columns"]
    assert base["status"] == "done" and tuned["status"] == "failed"
    assert "does not accept the key" in tuned["message"] and KEY not in tuned["message"]


def test_probe_asks_again_and_methods_refuses() -> None:
    with serving(lambda body: TRACE) as fake:
        desk = desk_for(fake.url)
        asked(desk)
        probe = ProbeDesk(desk.services, desk.sessions)
        *_, last = probe.whole(VISITOR, ["tuned"], "blank", 0, {})
        (panel,) = last.panels
        assert panel.fault is None and panel.outcome.regenerated.same_answer is True
        assert "only asked again" in repr(results_nodes(last.panels))
        *_, last = probe.trace(VISITOR, "tuned", "delete", 1, "answer", "", {})
        assert "the weights are elsewhere" in last.panels[0].fault["message"]
        with pytest.raises(UserFacing, match="the weights are elsewhere"):
            MethodsDesk(desk.services, desk.sessions).start(
                VISITOR, Form("tuned", "answer", "", ("occlusion",), False, "", "")
            )


def test_a_server_that_was_down_is_asked_anew() -> None:
    down = {"now": True}
    with serving(lambda body: Fault(401) if down["now"] else TRACE) as fake:
        desk = desk_for(fake.url)
        assert asked(desk)[-1].payload["columns"][0]["status"] == "failed"
        model = desk.services.state.models["base"]
        with pytest.raises(EndpointDown):
            model.server.ask([], max_tokens=1)
        down["now"] = False
        assert asked(desk)[-1].payload["columns"][0]["status"] == "done"


def test_without_a_picture_words_are_refused_and_votes_are_drawn_without_top_k() -> None:
    with serving(lambda body: "I can't say.") as fake:
        desk = desk_for(fake.url)
        form = QuestionForm("What?", options="nodule\nnone", max_new_tokens=64, without=True, recover=True)
        ticket, _ = desk.ask(VISITOR, form)
        shown = list(desk.answer(VISITOR, ticket, "attention_mean"))[-1]
        for column in shown.payload["columns"]:
            assert column["status"] == "done" and "can't be held to letters" in column["message"]
            assert "the weights are elsewhere" in column["text_maps"]["refused"] and column["maps"] is None
        *_, last = VotesDesk(desk.services, desk.sessions).draw(VISITOR, 2, 0.7)
        assert [votes.vote.invalid for votes in last.votes.values()] == [2, 2]
        decodings = {sample.answer.decoding for votes in last.votes.values() for sample in votes.samples}
        assert {(one.temperature, one.top_k) for one in decodings} == {(0.7, 0)}
        case = desk.sessions.of(VISITOR).live.columns["tuned"].case
        with pytest.raises(UserFacing, match="not told of top-k"):
            next(draw_votes(case, 2, SAMPLING))
        probe = ProbeDesk(desk.services, desk.sessions)
        *_, last = probe.anchor(VISITOR, ["tuned"], "It must be none, because", {})
        assert "the weights are elsewhere" in last.panels[0].fault["message"]
