"""The pure parts of the page's JavaScript, run by node without a browser: the `*.test.mjs` beside this."""

from pathlib import Path

import pytest

from tests.node import find_node
from tests.waiting import finished

SCRIPTS = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_in_node(script: Path) -> None:
    node = find_node()
    if node is None:
        pytest.skip("no node on this machine: pip install -r requirements-dev.txt brings one")
    done = finished([node, "--test", str(script)])
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 5
