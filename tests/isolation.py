"""A run of the tests sees nothing that use has left on this machine, and leaves nothing behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

# The person's settings that say where test material is; every other setting of theirs is put aside.
KEPT = ("WORKBENCH_REAL_DATA", "WORKBENCH_CHROMIUM")
PERSONAL = ("WORKBENCH_", "GRADIO_", "SPACE_")
NOT_OURS = {".git", ".venv", "__pycache__"}  # folders that version control, pip and Python write


def environment_for(places: Path, environ: Mapping[str, str]) -> dict[str, str | None]:
    """What to set (None: remove) so that a process keeps all its files in `places` and knows no settings.

    One thread for each process: sums come out the same on any number of cores, and two workers that each use
    all of them would only get in each other's way.
    """
    personal = [name for name in environ if name.startswith(PERSONAL) and name not in KEPT]
    folders = {
        "TMPDIR": "tmp",
        "HOME": "home",
        "XDG_CACHE_HOME": "home/.cache",
        "HF_HOME": "home/.cache/huggingface",
        "MPLCONFIGDIR": "home/.config/matplotlib",
        "GRADIO_TEMP_DIR": "tmp/gradio",
        "WORKBENCH_RUNS_DIR": "runs",
    }
    return (
        dict.fromkeys(personal)
        | {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "PLAYWRIGHT_BROWSERS_PATH": _playwright_browsers(environ),
        }
        | {name: str(places / folder) for name, folder in folders.items()}
    )


def _playwright_browsers(environ: Mapping[str, str]) -> str:
    """Where playwright keeps the browsers that it installed: it would look below the new HOME otherwise."""
    if named := environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return named
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache"
    mac = Path("~/Library/Caches").expanduser()
    return str((mac if mac.is_dir() else Path(cache)) / "ms-playwright")


@contextmanager
def private_places() -> Iterator[Path]:
    """One new folder for everything that this process and its children write; it is gone at the end."""
    root = Path(tempfile.mkdtemp(prefix="workbench-tests-")).resolve()
    before = tempfile.tempdir
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_for(root, os.environ).items():
            if value is None:
                patch.delenv(name)
            else:
                patch.setenv(name, value)
        for folder in ("tmp", "home"):
            (root / folder).mkdir()
        tempfile.tempdir = str(root / "tmp")
        try:
            yield root
        finally:
            tempfile.tempdir = before
            shutil.rmtree(root, ignore_errors=True)


def files_below(folder: Path) -> set[str]:
    """Every file in `folder`, ignored ones too, without what version control, pip and Python keep there."""
    found = set()
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        found |= {str(Path(place, name).relative_to(folder)) for name in files}
    return found
