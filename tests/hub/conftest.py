"""A hub for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.server import Hub, pointed_at, serving_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A local hub that this process asks, with an empty cache and no token."""
    with serving_hub() as made, pointed_at(made, tmp_path / "cache"):
        yield made
