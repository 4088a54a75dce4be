"""What an installed package depends on, read from the requirements files when it is built.

The requirements files pin what a Space and `make run` install. A library that asks for exact versions can't
live beside others, so a pin becomes a range: from the pinned minor version up to the next major one.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

FILES = {"train": "requirements-train.txt", "dev": "requirements-dev.txt"}
_PIN = re.compile(r"(?P<name>[\w.-]+(?:\[[\w,.-]+\])?)==(?P<minor>\d+\.\d+)\S*")


def library_range(requirement: str) -> str:
    """`name==1.2.3` as `name~=1.2` (1.2 or newer, below 2); anything but a pin stays as it is."""
    pin = _PIN.fullmatch(requirement)
    return f"{pin['name']}~={pin['minor']}" if pin else requirement


def read_requirements(file: Path) -> list[str]:
    """The requirements of a file and of those it names with `-r`, as ranges."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            found += read_requirements(file.parent / text.removeprefix("-r ").strip())
        elif text:
            found.append(library_range(text))
    return found


class RequirementsHook(MetadataHookInterface):
    """Fills the `dynamic` fields of pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        metadata["dependencies"] = read_requirements(root / "requirements.txt")
        metadata["optional-dependencies"] = {
            extra: read_requirements(root / name) for extra, name in FILES.items()
        }
