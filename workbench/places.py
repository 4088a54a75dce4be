"""Where the files of the project lie: beside the package in a checkout, inside it once it is installed."""

import os
from pathlib import Path


def root_of(package: Path) -> Path:
    """The folder of assets/, space.yaml and requirements.txt for a `workbench` package at this place.

    A wheel carries them inside the package (`pyproject.toml` says so); in a checkout they stand beside it.
    """
    return package if (package / "assets").is_dir() else package.parent


def keeping_folder(root: Path, installed: bool) -> Path:
    """Where is kept what nobody named a place for, in `runs/` and `assets/` below it.

    A checkout keeps it itself; an installed package must not write where it lies, so it is the data folder
    of the person: XDG_DATA_HOME/workbench, or ~/.local/share/workbench.
    """
    if not installed:
        return root
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "workbench"


_PACKAGE = Path(__file__).resolve().parent
ROOT = root_of(_PACKAGE)
INSTALLED = ROOT == _PACKAGE
ASSETS = ROOT / "assets"
KEPT = keeping_folder(ROOT, INSTALLED)
