"""Display words and token spans: characters of the raw text mapped back to the tokens that wrote them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.traces.parser import TAG
from workbench.traces.trace import Trace

Offsets = Sequence[tuple[int, int]]
_IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_WORD = re.compile(rf"[{_IDEOGRAPHS}][。、，！？；：]*|[^\s{_IDEOGRAPHS}]+")


@dataclass(frozen=True)
class WordSpan:
    """A word as shown; `glue` is the white space before it. Tokens `token_start`..`token_end` (exclusive)."""

    text: str
    glue: str
    char_start: int
    char_end: int
    token_start: int
    token_end: int


def token_span(offsets: Offsets, start: int, end: int) -> tuple[int, int] | None:
    """First and last (exclusive) token with more than half of its characters inside `start`..`end`.

    None when no token qualifies. Empty ranges (special tokens, split characters) never decide a border.
    """
    inside = [
        i
        for i, (low, high) in enumerate(offsets)
        if high > low and (min(high, end) - max(low, start)) * 2 > high - low
    ]
    return (inside[0], inside[-1] + 1) if inside else None


def locate_tokens(trace: Trace, offsets: Offsets) -> Trace:
    """The trace with token spans on its steps."""
    steps = []
    for step in trace.steps:
        where = token_span(offsets, step.char_start, step.char_end)
        steps.append(replace(step, token_start=where[0], token_end=where[1]) if where else step)
    return replace(trace, steps=tuple(steps))


def split_words(text: str, offsets: Offsets) -> tuple[WordSpan, ...]:
    """Words of the raw text without tags; punctuation stays with the word before it, ideographs stand alone."""
    visible = TAG.sub(lambda match: " " * len(match[0]), text)
    words, last, token = [], 0, 0
    for match in _WORD.finditer(visible):
        start, end = match.span()
        # Offsets grow, so the search for each word begins where the last word's tokens began.
        while token < len(offsets) and offsets[token][1] <= start:
            token += 1
        stop = token
        while stop < len(offsets) and offsets[stop][0] < end:
            stop += 1
        if stop > token:
            glue = re.sub(r"[^\s]", " ", visible[last:start])
            words.append(WordSpan(match[0], glue, start, end, token, stop))
            last = end
    return tuple(words)
