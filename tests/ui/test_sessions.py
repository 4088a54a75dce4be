"""The memory of open pages is bounded, and closing a page ends its generation."""

from types import SimpleNamespace

from workbench.models.answer import Decoding, Question
from workbench.ui.sessions import Run, Sessions


def running() -> Run:
    return Run("case", SimpleNamespace(), Question("What?"), Decoding())


def test_a_page_is_found_again_and_pages_are_apart() -> None:
    sessions = Sessions()
    sessions.of("a").picture = "mine"
    assert sessions.of("a").picture == "mine"
    assert sessions.of("b").picture is None


def test_the_longest_unused_page_goes_first_and_what_it_ran_ends() -> None:
    sessions = Sessions(capacity=2)
    sessions.of("a").run = run = running()
    sessions.of("b")
    sessions.of("c")
    assert len(sessions) == 2
    assert run.stop.is_set() and run.replaced.is_set()
    assert sessions.of("a").run is None


def test_an_idle_page_is_forgotten() -> None:
    now = [0.0]
    sessions = Sessions(idle_seconds=10, clock=lambda: now[0])
    sessions.of("a").picture = "mine"
    now[0] = 9.0
    sessions.of("b")
    assert len(sessions) == 2
    now[0] = 10.5
    sessions.sweep()
    assert len(sessions) == 1 and sessions.of("b").picture is None


def test_closing_a_page_ends_its_generation() -> None:
    sessions = Sessions()
    sessions.of("a").run = run = running()
    sessions.drop("a")
    sessions.drop("never seen")
    assert run.stop.is_set() and len(sessions) == 0
