"""The files that result lines lie in: their names, and the order in which they count.

One process writes `results.jsonl`, each of several `results-RRRRR-of-NNNNN.jsonl`. Either may have been
compressed afterwards (`.gz` appended): such a file is read, never written.
"""

import re
from pathlib import Path

RESULTS_FILE = "results.jsonl"
_NAME = re.compile(r"results(?:-(\d{5})-of-(\d{5}))?\.jsonl(?:\.gz)?")


def results_name(process: int = 0, processes: int = 1) -> str:
    """The name of one process's file; `process` counts from 0."""
    return RESULTS_FILE if processes == 1 else f"results-{process:05d}-of-{processes:05d}.jsonl"


def result_files(folder: Path) -> list[Path]:
    """The result files of a folder, in the order in which their lines count: later ones replace earlier.

    Files of one number of processes stay together, by name (a compressed one before the same name without
    `.gz`); the number of processes that wrote last comes last.
    """
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("results*"), key=lambda path: (path.suffix != ".gz", path.name)):
        if (match := _NAME.fullmatch(path.name)) and path.is_file():
            groups.setdefault(match[2] or "", []).append(path)
    ordered = sorted(groups.items(), key=lambda group: (max(map(_written, group[1])), group[0]))
    return [path for _, paths in ordered for path in paths]


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns
