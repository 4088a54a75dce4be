"""Reading element trees in tests."""

from collections.abc import Iterator, Sequence
from typing import Any

from workbench.ui.html.nodes import Node


def elements(nodes: Sequence[Node]) -> Iterator[list[Any]]:
    """Every element of the trees, from the outside in."""
    for node in nodes:
        if not isinstance(node, str):
            yield node
            yield from elements(node[2:])


def words(nodes: Sequence[Node]) -> str:
    """All text of the trees as it is read."""
    return "".join(node if isinstance(node, str) else words(node[2:]) for node in nodes)
