"""Background loading: served first, loaded later, clear when it fails. No torch needed."""

import logging
import threading
from types import SimpleNamespace

import pytest

from tests.waiting import HANG_SECONDS
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.services import Engine, Services, memory_line, model_line


def engine(load) -> Engine:
    return Engine(load=load, run_case=None, case_maps=None, methods=dict, text_maps=None, measure_trust=None)


def test_the_pair_loads_in_the_background_and_is_loaded_once() -> None:
    gate, loads = threading.Event(), []

    def load(role, settings, **heard: object):
        gate.wait(HANG_SECONDS)
        loads.append(role)
        return role.upper()

    services = Services(Settings(), lambda: engine(load))
    assert services.state.phase == "idle"
    services.start_loading()
    services.start_loading()
    assert services.state.phase == "loading" and "loading" in services.state.message.lower()
    gate.set()
    assert services.pair(threading.Event()) == {"base": "BASE", "tuned": "TUNED"}
    assert loads == ["base", "tuned"] and services.state.phase == "ready"


def test_a_failed_load_says_why_and_can_be_tried_again() -> None:
    faults = [UserFacing("The model folder is incomplete.", "Copy it again.")]

    def load(role, settings, **heard: object):
        if faults:
            raise faults.pop()
        return role

    services = Services(Settings(), lambda: engine(load))
    with pytest.raises(UserFacing, match="incomplete"):
        services.pair(threading.Event())
    assert services.state.phase == "failed" and "Copy it again." in services.state.message
    services.start_loading()
    assert services.pair(threading.Event())["tuned"] == "tuned"


def test_an_unexpected_fault_names_its_kind_and_the_command_to_run(caplog: pytest.LogCaptureFixture) -> None:
    def load(role, settings, **heard: object):
        raise ZeroDivisionError

    services = Services(Settings(), lambda: engine(load))
    with caplog.at_level(logging.ERROR), pytest.raises(UserFacing, match="ZeroDivisionError.*doctor"):
        services.pair(threading.Event())


def test_waiting_ends_when_the_visitor_stops() -> None:
    gate, stop = threading.Event(), threading.Event()
    services = Services(Settings(), lambda: engine(lambda role, settings, **heard: gate.wait(HANG_SECONDS)))
    stop.set()
    with pytest.raises(UserFacing, match="before the models were ready"):
        services.pair(stop, poll_seconds=0.01)
    gate.set()


@pytest.mark.parametrize(("size", "words"), [(13_600_000, "14 MB"), (15_200_000_000, "15.2 GB")])
def test_the_model_line(size: int, words: str) -> None:
    model = SimpleNamespace(revision="3f2a", device="cpu", dtype="torch.float32", memory_bytes=size)
    assert model_line(model) == "revision 3f2a · cpu · float32"
    assert memory_line(model) == words
