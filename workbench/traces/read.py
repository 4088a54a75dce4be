"""A generated text with its token offsets → a trace whose steps know their tokens."""

from collections.abc import Sequence

from workbench.traces.parser import parse_trace
from workbench.traces.trace import Trace
from workbench.traces.words import locate_tokens


def read_trace(text: str, offsets: Sequence[tuple[int, int]], options: tuple[str, ...] = ()) -> Trace:
    """The parsed text with its token spans; `offsets[i]` are the characters of token i."""
    return locate_tokens(parse_trace(text, options), offsets)
