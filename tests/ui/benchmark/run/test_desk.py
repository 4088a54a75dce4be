"""Running the benchmark from the screen: progress, stop, going on, faults in words, public pages."""

import errno
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fakes import FakeModel, Rule, first_option, sees_side, sided_items
from tests.ui.fakes import fake_engine
from tests.waiting import HANG_SECONDS
from workbench.bench.store.results import read_results
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.benchmark.run.desk import BATCH, OWN, PUBLIC_LARGEST, BenchDesk, RunForm, RunState
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.services import Services


def desk_of(tmp_path: Path, rules: Sequence[Rule] = (first_option, sees_side), **settings: Any) -> BenchDesk:
    models = {role: FakeModel(role, rule) for role, rule in zip(("base", "tuned"), rules, strict=True)}
    engine = replace(fake_engine(), load=lambda role, _, **heard: models[role])
    services = Services(Settings(runs_dir=tmp_path / "runs", **settings), lambda: engine)
    return BenchDesk(services, Shelf(tmp_path / "stored", services.settings))


def form_of(tmp_path: Path, **fields: Any) -> RunForm:
    folder = tmp_path / "mine"
    if not folder.is_dir():
        sided_items(folder)  # 12 questions
    return RunForm(**({"items": OWN, "path": str(folder), "first": 12} | fields))


def run(desk: BenchDesk, form: RunForm, page: str = "p") -> list[RunState]:
    return list(desk.follow(page, desk.begin(page, form).ticket))


def test_a_run_ends_with_a_result_of_its_answers(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    *before, last = run(desk, form_of(tmp_path, conditions=("image", "blank")))
    assert last == RunState("Finished: 48 answers.", result=last.result) and last.result is not None
    assert before and all(state.busy and state.result is None for state in before)
    lines = read_results(desk.shelf.folder("p", last.result))
    assert len(lines) == 48 and {line.condition for line in lines} == {"image", "blank"}
    report = desk.shelf.report("p", last.result)
    assert report.accuracy["tuned"]["image"].overall.value == 1.0
    assert report.accuracy["base"]["image"].overall.value == 0.5


def test_the_same_run_again_asks_nothing_twice(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    first = run(desk, form_of(tmp_path))[-1]
    again = run(desk, form_of(tmp_path))[-1]
    assert again == RunState("Nothing was left to answer.", result=first.result)
    more = run(desk, form_of(tmp_path, conditions=("image", "blank")))[-1]
    assert more.result == first.result and len(read_results(desk.shelf.folder("p", more.result))) == 48


def test_stop_keeps_what_was_answered_and_the_next_run_goes_on(tmp_path: Path) -> None:
    asked, gate = threading.Event(), threading.Event()

    def slow(question: Any, image: Any) -> str:
        asked.set()
        gate.wait(HANG_SECONDS)
        return "left"

    desk = desk_of(tmp_path, (slow, first_option))
    opened = desk.begin("p", form_of(tmp_path))
    states: list[RunState] = []
    thread = threading.Thread(target=lambda: states.extend(desk.follow("p", opened.ticket)))
    thread.start()
    asked.wait(HANG_SECONDS)
    assert desk.stop("p").status == "Stopping after this batch."
    gate.set()
    thread.join(HANG_SECONDS)
    assert states[-1].status.startswith(f"Stopped: {BATCH} of 24 answers.")
    assert len(read_results(opened.folder)) == BATCH
    assert run(desk, form_of(tmp_path))[-1].status == "Finished: 24 answers."
    assert len(read_results(opened.folder)) == 24


def test_closing_the_stream_ends_the_run_and_its_thread(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    stream = desk.follow("p", desk.begin("p", form_of(tmp_path)).ticket)
    next(stream)
    threads = threading.active_count()
    stream.close()
    assert threading.active_count() <= threads
    assert desk.stop("p").status == "Nothing is running."


def test_leaving_before_the_turn_comes_leaves_nothing_to_do(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    opened = desk.begin("p", form_of(tmp_path))
    desk.leave("p")
    assert opened.stop.is_set() and list(desk.follow("p", opened.ticket)) == []
    waiting = desk.begin("p", form_of(tmp_path))
    assert desk.stop("p").status == "Stopped." and list(desk.follow("p", waiting.ticket)) == []


def test_one_run_at_a_time_for_a_page(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    desk.begin("p", form_of(tmp_path))
    desk.begin("q", form_of(tmp_path))
    with pytest.raises(UserFacing, match="under way"):
        desk.begin("p", form_of(tmp_path))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"roles": ()}, "No model"),
        ({"conditions": ("nonsense",)}, "No way of asking"),
        ({"first": 0}, "number of questions can't be 0"),
        ({"first": 2.5}, "can't be 2.5"),
        ({"first": float("nan")}, "can't be nan"),
        ({"samples": 99, "conditions": ("sampled",)}, "number of samples can't be 99"),
        ({"path": " "}, "No folder"),
        ({"path": "/nowhere/at/all"}, "No benchmark items"),
        ({"items": "../../etc"}, "no such set"),
    ],
)
def test_a_form_that_can_not_be_run_is_refused_in_words(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    desk = desk_of(tmp_path)
    with pytest.raises(UserFacing, match=words):
        desk.begin("p", form_of(tmp_path, **fields))
    desk.begin("p", form_of(tmp_path))  # and nothing is left under way


def test_a_public_page_takes_few_questions_of_its_own_sets_and_forgets(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, public=True)
    with pytest.raises(UserFacing, match="no such set"):
        desk.begin("p", form_of(tmp_path, first=2))
    for first in (PUBLIC_LARGEST + 1, None):
        with pytest.raises(UserFacing, match="number of questions"):
            desk.begin("p", RunForm("phantoms", first=first))
    last = run(desk, RunForm("phantoms", first=2))[-1]
    folder = desk.shelf.folder("p", last.result)
    assert folder.is_dir() and tmp_path not in folder.parents
    assert last.result not in desk.shelf.names("q")
    desk.leave("p")
    assert not folder.exists() and last.result not in desk.shelf.names("p")


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "The disk is full."), (errno.EACCES, "could not be written")]
)
def test_a_disk_that_takes_no_more_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(number, "told by the system")

    monkeypatch.setattr("workbench.bench.store.results.ResultFile.append", full)
    desk = desk_of(tmp_path)
    last = run(desk, form_of(tmp_path))[-1]
    assert last.fault is not None and words in last.fault["message"] and "Run again" in last.fault["hint"]
    assert str(tmp_path) not in str(last.fault)


def test_models_that_do_not_load_are_told_and_the_next_run_may_start(tmp_path: Path) -> None:
    services = Services(Settings(runs_dir=tmp_path / "runs"), lambda: fake_engine(broken=True))
    desk = BenchDesk(services, Shelf(tmp_path / "stored", services.settings))
    last = run(desk, form_of(tmp_path))[-1]
    assert last.fault is not None and "incomplete" in last.fault["message"] and last.result is None
    desk.begin("p", form_of(tmp_path))


def test_samples_are_only_looked_at_when_something_is_sampled(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    with pytest.raises(UserFacing, match="number of samples"):
        desk.begin("p", form_of(tmp_path, samples=None, conditions=("sampled",)))
    assert desk.begin("p", form_of(tmp_path, samples=None)).samples == 1


def test_any_fault_at_the_start_ends_the_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("secret of the server")

    desk = desk_of(tmp_path)
    monkeypatch.setattr(desk.services, "pair", broken)
    last = run(desk, form_of(tmp_path))[-1]
    assert not last.busy and last.fault is not None and "secret" not in str(last)
    desk.begin("p", form_of(tmp_path))


def test_an_old_stream_that_ends_late_leaves_the_next_run_alone(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    old = desk.follow("p", desk.begin("p", form_of(tmp_path)).ticket)
    next(old)
    desk.leave("p")
    following = desk.begin("p", form_of(tmp_path))
    old.close()
    assert not following.stop.is_set()
    assert list(desk.follow("p", following.ticket))[-1].status.startswith("Finished")


def test_progress_tells_rate_and_time_left() -> None:
    from workbench.bench.asking.progress import Progress
    from workbench.ui.benchmark.run.desk import _words

    assert _words(Progress(8, 1200, "base", "image")) == "8 of 1,200 answers (base, image)."
    said = _words(Progress(8, 1200, "base", "image", 240.0, 300.0))
    assert said.endswith("(base, image), 240 a minute, about 5 min left.")
