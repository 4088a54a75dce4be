"""Which results a page may see: the stored ones, those of runs from the screen, and a visitor's imports.

Runs from the screen go to a folder of the machine when a person runs the page for themselves, so that they
outlive it and are taken up again; on a public page they go to the visitor's own folder. A visitor's folder
holds imports too and is deleted when the visitor leaves.
"""

import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from workbench.bench.reports.model import Report
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.benchmark.tables import read_report, result_folders

KEPT_RUNS = "screen"  # the folder below `Settings.runs_dir`
CAPACITY = 64  # visitors with a folder; the longest unused one goes first
MOST_IMPORTS = 8  # of one visitor: they lie on the disk of the server
IMPORTED, MEASURED = "imported", "measured"
IMPORTED_WORDS = "imported, not measured here"
RUN_WORDS = "run from this screen"
Origin = Literal["measured", "imported"]


@dataclass(frozen=True)
class Place:
    """A folder of results, and whether this project measured what is in it."""

    folder: Path
    origin: Origin = MEASURED


class Shelf:
    """Results by the name that the page shows. Safe to use from several threads.

    `stored` holds the results that come with the project, a folder each; those of runs from the screen are
    below `settings.runs_dir` (a public page keeps none).
    """

    def __init__(self, stored: Path, settings: Settings) -> None:
        self.stored = stored
        self.kept = None if settings.public else settings.runs_dir / KEPT_RUNS
        self._root: tempfile.TemporaryDirectory[str] | None = None  # made for the first visitor who needs it
        self._visitors: OrderedDict[str, Path] = OrderedDict()
        self._lock = threading.Lock()

    def places(self, session_id: str | None) -> dict[str, Place]:
        """Every result this page may see, by name: stored, run here, imported. None stands for no visitor."""
        found = {name: Place(folder) for name, folder in result_folders(self.stored).items()}
        mine = self._visitors.get(session_id or "") if session_id is not None else None
        runs = self.kept or (mine / "runs" if mine else None)
        if runs is not None:
            found |= _labelled(runs, RUN_WORDS, MEASURED)
        if mine is not None:
            found |= _labelled(mine / "imports", IMPORTED_WORDS, IMPORTED)
        return found

    def names(self, session_id: str | None) -> dict[str, Path]:
        """Name → folder of `places`."""
        return {name: place.folder for name, place in self.places(session_id).items()}

    def place(self, session_id: str | None, name: object) -> Place:
        """The result of that name. Raises UserFacing for one that this page may not see."""
        found = self.places(session_id).get(name) if isinstance(name, str) else None
        if found is None:
            raise UserFacing("There is no such result.", "Choose one from the list.")
        return found

    def folder(self, session_id: str | None, name: object) -> Path:
        """The folder of `place`. Raises UserFacing."""
        return self.place(session_id, name).folder

    def report(self, session_id: str | None, name: object) -> Report:
        """The report of a result, with the origin of every number. Raises UserFacing."""
        place = self.place(session_id, name)
        return with_origin(read_report(place.folder), place.origin)

    def run_folder(self, session_id: str, name: str) -> Path:
        """Where a run of that name goes: the same name, the same folder, so that it is taken up again."""
        return (self.kept or self._mine(session_id) / "runs") / name

    def import_folder(self, session_id: str) -> Path:
        """Where the visitor's imports lie, a folder each. Raises UserFacing when there are many already."""
        folder = self._mine(session_id) / "imports"
        folder.mkdir(exist_ok=True)
        if sum(1 for _ in folder.iterdir()) >= MOST_IMPORTS:
            raise UserFacing(
                f"This page holds {MOST_IMPORTS} imported results already.",
                "Reload the page: that lets go of them.",
            )
        return folder

    def drop(self, session_id: str | None) -> None:
        """Delete a visitor's folder."""
        with self._lock:
            folder = self._visitors.pop(session_id or "", None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _mine(self, session_id: str) -> Path:
        """The visitor's folder, made when it is not there; its name tells nothing of the visitor."""
        with self._lock:
            folder = self._visitors.get(session_id)
            if self._root is None:
                self._root = tempfile.TemporaryDirectory(
                    prefix="workbench-bench-", ignore_cleanup_errors=True
                )
            if folder is None:
                folder = self._visitors[session_id] = Path(self._root.name) / secrets.token_hex(8)
                folder.mkdir()
            self._visitors.move_to_end(session_id)
            gone = [self._visitors.popitem(last=False)[1] for _ in range(len(self._visitors) - CAPACITY)]
        for old in gone:
            shutil.rmtree(old, ignore_errors=True)
        return folder


def _labelled(folder: Path, words: str, origin: Origin) -> dict[str, Place]:
    return {f"{name} ({words})": Place(path, origin) for name, path in result_folders(folder).items()}


def with_origin(report: Report, origin: Origin) -> Report:
    """The report with every "measured" replaced by `origin`, and the origin in the name of the items."""
    if origin == MEASURED:
        return report
    marked = Report.from_json(_marked(report.to_json(), origin))
    return replace(marked, items=replace(marked.items, name=f"{report.title} ({IMPORTED_WORDS})"))


def _marked(value: Any, origin: Origin) -> Any:
    if isinstance(value, dict):
        return {
            key: origin if key == "origin" and inner == MEASURED else _marked(inner, origin)
            for key, inner in value.items()
        }
    return [_marked(inner, origin) for inner in value] if isinstance(value, list) else value
