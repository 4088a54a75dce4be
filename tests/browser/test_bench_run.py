"""Run, stop, go on, import and save on the Benchmark tab in a real browser, and the published panels."""

import csv
import io
import json
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.driving import holds, says, tick, watched
from tests.ui.bench_page import Gate, bench_page
from tests.ui.results import write_results
from tests.ui.running import served
from tests.waiting import HANG_SECONDS, until
from workbench.bench.store.results import read_results
from workbench.ui.benchmark.run.desk import BenchDesk

pytestmark = pytest.mark.browser

STATUS = "#bench-run-status"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_results(folder / "stored" / "phantoms")
    (folder / "uploads").mkdir()
    return folder


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="module")
def address(folders: Path, gate: Gate) -> Iterator[str]:
    def build() -> Any:
        return bench_page(folders / "stored", folders / "runs", gate)

    with served(build, folders / "uploads") as found:
        yield found


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1300, "height": 950}, accept_downloads=True)
    errors: list[str] = []
    page = watched(context.new_page(), address, errors, errors)
    page.goto(address)
    page.wait_for_selector("#bench-axes .bars path")
    yield page
    context.close()
    assert errors == []


def start(page: Any) -> None:
    """Run both models on the first ten questions, as the form proposes."""
    page.get_by_text("Run or import").click()
    page.click("#bench-run-go")


def test_a_run_shows_progress_stops_keeps_and_goes_on(opened: Any, folders: Path, gate: Gate) -> None:
    gate.hold_after(8)  # a batch
    start(opened)
    says(opened, STATUS, "8 of 20 answers")
    opened.click("#bench-run-stop")
    says(opened, STATUS, "Stopping after this batch.")
    gate.open()
    says(opened, STATUS, "Stopped: ")
    kept = len(read_results(folders / "runs" / "screen" / "phantoms-first-10"))
    assert kept == 10  # the base model's two batches
    holds(opened, "#bench-result input", "phantoms-first-10 (run from this screen)")
    holds(opened, "#bench-origin :is(textarea, input)", "measured")
    opened.click("#bench-run-go")
    says(opened, STATUS, "Finished: 20 answers.")
    lines = read_results(folders / "runs" / "screen" / "phantoms-first-10")
    assert len(lines) == 20 and all(line.error is None for line in lines)
    opened.fill("#bench-run-first input", "11")
    opened.keyboard.press("Tab")
    opened.click("#bench-run-go")
    says(opened, STATUS, "Finished: 22 answers.")


def test_leaving_ends_the_run(
    browser: Any, address: str, folders: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, leave = threading.Event(), BenchDesk.leave

    def leaving(desk: BenchDesk, session_id: str | None) -> None:
        runs = session_id in desk._runs  # the page of another test may leave late
        leave(desk, session_id)
        if runs:
            left.set()

    monkeypatch.setattr(BenchDesk, "leave", leaving)
    shutil.rmtree(folders / "runs", ignore_errors=True)
    gate.hold_after(8)
    page = watched(browser.new_page(), address, [], [])
    page.goto(address)
    page.wait_for_selector("#bench-axes .bars path")
    start(page)
    says(page, STATUS, "8 of 20 answers")
    page.close()
    assert left.wait(HANG_SECONDS)
    gate.open()
    until(lambda: not any("(_answer)" in thread.name for thread in threading.enumerate()), "its thread")
    assert len(read_results(folders / "runs" / "screen" / "phantoms-first-10")) in (8, 10)  # whole batches


def test_a_form_that_can_not_run_is_told(opened: Any) -> None:
    opened.get_by_text("Run or import").click()
    tick(opened.get_by_label("base", exact=True), on=False)
    tick(opened.get_by_label("tuned", exact=True), on=False)
    opened.click("#bench-run-go")
    says(opened, "#bench-notice", "No model was chosen.")


def test_a_zip_is_imported_under_its_own_origin_and_a_broken_one_is_told(
    opened: Any, folders: Path, tmp_path: Path
) -> None:
    source = folders / "stored" / "phantoms"
    good, bad = tmp_path / "theirs.zip", tmp_path / "broken.zip"
    lines = (source / "results.jsonl").read_text().splitlines()
    line = json.loads(lines[1]) | {"seconds": "<img src=x onerror=document.title='pwned'>"}
    for path, second in ((good, lines[1]), (bad, json.dumps(line))):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("theirs/results.jsonl", "\n".join([lines[0], second, *lines[2:]]))
            archive.write(source / "run.json", "theirs/run.json")
    opened.get_by_text("Run or import").click()
    opened.set_input_files("#bench-import input[type=file]", str(bad))
    says(opened, "#bench-notice", "Line 2 of results.jsonl is not a result")
    opened.set_input_files("#bench-import input[type=file]", str(good))
    says(opened, "#bench-import-status", "Imported: phantoms (imported, not measured here).")
    holds(opened, "#bench-origin :is(textarea, input)", "imported")
    opened.locator("#bench-notice .wb-notice").wait_for(state="detached")
    opened.get_by_text("Save", exact=True).click()
    opened.click("#bench-save-html")
    says(opened, "#bench-save-notice", "for results measured here")
    uploads = [path for path in (folders / "uploads").rglob("*.zip") if path.is_file()]
    assert uploads == []


def test_answers_and_figures_are_saved(opened: Any) -> None:
    opened.get_by_text("Save", exact=True).click()
    for _ in range(2):  # the same file twice
        with opened.expect_download() as got:
            opened.click("#bench-save-csv")
        rows = list(csv.DictReader(io.StringIO(got.value.path().read_text(encoding="utf-8-sig"))))
        assert len(rows) == 40 and got.value.suggested_filename.startswith("phantoms-2")
        saved = int(time.time())
        until(lambda saved=saved: int(time.time()) > saved, "another name: it tells the second")
    with opened.expect_download() as got:
        opened.click("#bench-save-jsonl")
    assert got.value.suggested_filename.endswith(".jsonl")
    assert len(got.value.path().read_text().splitlines()) == 40
    with opened.expect_download() as got:
        opened.click("#bench-save-html")
    assert "Mini tuned" in got.value.path().read_text()
    with opened.expect_download() as got:
        opened.click("#bench-save-svg")
    picture = got.value.path().read_text()
    assert got.value.suggested_filename == "benchmark-axes.svg"
    assert picture.startswith("<svg") and "Perception" in picture
    with opened.expect_download() as got:
        opened.click("#bench-save-png")
    assert got.value.path().read_bytes().startswith(b"\x89PNG")
    opened.locator("#bench-save-figure input").click()
    opened.get_by_role("option", name="Reliability curve").click()
    opened.click("#bench-save-svg")
    says(opened, "#bench-save-status", "not on the page")


def test_published_and_re_evaluated_stand_apart_and_are_saved_together(opened: Any) -> None:
    published = opened.locator("#bench-published .wb-published:not(.wb-reevaluated)")
    again = opened.locator("#bench-published .wb-reevaluated")
    assert published.count() == again.count() == 1
    published.locator(".bars path").first.wait_for()
    for text in ("78.5", "(untuned)"):
        says(opened, "#bench-published .wb-published:not(.wb-reevaluated)", text)
    assert "MedMO" not in "".join(published.locator("button").all_inner_texts())
    again.get_by_text("MedSynapse-V").first.click()
    says(opened, ".wb-reevaluated", "contradict each other")
    with opened.expect_download() as got:
        opened.locator("#bench-published-save button").click()
    rows = list(csv.DictReader(io.StringIO(got.value.path().read_text())))
    assert {row["origin"] for row in rows} == {"published", "re-evaluated"}
