"""Display words and token spans: characters of the raw text mapped back to the tokens that wrote them.

Offsets are the (start, end) character ranges of the tokens, in order. Special tokens and byte-level tokens
that end inside a character have empty ranges; several tokens of one character may share its range.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.traces.grammar import TAG, visible_end
from workbench.traces.trace import Trace

Offsets = Sequence[tuple[int, int]]
_IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
# An ideograph takes its variation marks and the punctuation after it; anything else runs up to a space.
_WORD = re.compile(rf"[{_IDEOGRAPHS}][\u3099\u309a\ufe00-\ufe0f]*[^\w\s]*|[^\s{_IDEOGRAPHS}]+")


@dataclass(frozen=True)
class WordSpan:
    """A word as shown; `glue` is the white space before it. Tokens `token_start`..`token_end` (exclusive)."""

    text: str
    glue: str
    char_start: int
    char_end: int
    token_start: int
    token_end: int


class _Starts:
    """Token borders for quick look-up of the tokens near a range of characters."""

    def __init__(self, offsets: Offsets) -> None:
        self.offsets = offsets
        self._starts = [start for start, _ in offsets]
        self._ends = [end for _, end in offsets]

    def touching(self, start: int, end: int) -> list[int]:
        """Tokens with at least one character in `start`..`end`."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return [i for i in range(first, last) if self.offsets[i][1] > self.offsets[i][0]]

    def overlap(self, token: int, start: int, end: int) -> int:
        """Twice the shared characters minus the length of the token: above 0 is more than half."""
        low, high = self.offsets[token]
        return 2 * (min(high, end) - max(low, start)) - (high - low)


def token_span(offsets: Offsets, start: int, end: int) -> tuple[int, int] | None:
    """First and last (exclusive) token with more than half of its characters inside `start`..`end`.

    Where no token has, as for the answer B in the token " B", the tokens that share a character with it.
    None when none does. Empty ranges (special tokens, split characters) never decide a border.
    """
    table = _Starts(offsets)
    touching = table.touching(start, end) if end > start else []
    inside = [i for i in touching if table.overlap(i, start, end) > 0] or touching
    return (inside[0], inside[-1] + 1) if inside else None


def locate_tokens(trace: Trace, offsets: Offsets) -> Trace:
    """The trace with token spans on its steps.

    A token belongs to a step that holds more than half of its characters, or just half when no other step
    has the rest (the token " A" at the start of a sentence).
    """
    table, steps = _Starts(offsets), []
    for at, step in enumerate(trace.steps):
        low = trace.steps[at - 1].char_end if at else 0
        high = trace.steps[at + 1].char_start if at + 1 < len(trace.steps) else None
        inside = []
        for token in table.touching(step.char_start, step.char_end):
            share = table.overlap(token, step.char_start, step.char_end)
            free = offsets[token][0] >= low and (high is None or offsets[token][1] <= high)
            if share > 0 or (share == 0 and free):
                inside.append(token)
        steps.append(replace(step, token_start=inside[0], token_end=inside[-1] + 1) if inside else step)
    return replace(trace, steps=tuple(steps))


def split_words(text: str, offsets: Offsets) -> tuple[WordSpan, ...]:
    """Words of the raw text without tags; punctuation stays with the word before it, ideographs stand alone.

    Words that no token wrote are left out, and so is a half-written tag at the end.
    """
    end = visible_end(text)
    visible = TAG.sub(lambda match: " " * len(match[0]), text[:end])
    table, words, last = _Starts(offsets), [], 0
    for match in _WORD.finditer(visible):
        tokens = table.touching(*match.span())
        if tokens:
            gap = text[last : match.start()]
            glue = TAG.sub("", gap) or (" " if words and gap else "")
            words.append(WordSpan(match[0], glue, *match.span(), tokens[0], tokens[-1] + 1))
            last = match.end()
    return tuple(words)
