"""Sentences of a reasoning text with their exact character spans."""

import re

_ABBREVIATIONS = {
    "e.g",
    "i.e",
    "etc",
    "dr",
    "mr",
    "mrs",
    "ms",
    "prof",
    "vs",
    "approx",
    "fig",
    "figs",
    "cf",
    "no",
    "st",
    "al",
    "ca",
    "resp",
    "max",
    "min",
    "incl",
    "dept",
    "a.m",
    "p.m",
    "u.s",
}
_MAY_END = {
    "no",
    "st",
    "max",
    "min",
    "al",
    "fig",
    "etc",
    "a.m",
    "p.m",
    "u.s",
}  # only when a small letter follows
_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)|[。！？]+|\n+|(?<=[a-z]{2})\.(?=[A-Z][a-z])")
_BULLET = re.compile(r"\s*(?:[-*•]\s+|#{1,6}\s+|\(?\d{1,2}[.)]\s+)*")


def _is_abbreviation(text: str, dot: int) -> bool:
    """Whether the full stop at `dot` closes an abbreviation, an initial or a list number."""
    word = re.search(r"[\w.]*$", text[max(0, dot - 12) : dot])
    before = word[0].lower() if word else ""
    if before.isdigit():
        return bool(
            re.search(r"(?:^|\n)[ \t]{0,6}\(?$", text[max(0, dot - len(before) - 8) : dot - len(before)])
        )
    if len(before) == 1 and before.isalpha() and before != "i":
        # A single capital ("Option B.") may end a sentence: only when a lower-case word follows does it not.
        return bool(re.match(r"\.\s+[a-z]", text[dot:]))
    if before in _MAY_END:
        return bool(re.match(r"\.\s+[a-z0-9]", text[dot:]))
    return before in _ABBREVIATIONS


def split_sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of every sentence in `text`, without list bullets and surrounding space; linear time."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if (
            match[0][0] == "."
            and len(match[0].rstrip("\"'”’)]")) == 1
            and _is_abbreviation(text, match.start())
        ):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    return [trimmed for span in spans if (trimmed := _trim(text, *span)) is not None]


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    start = _BULLET.match(text, start, end).end()
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if any(c.isalnum() for c in text[start:end]) else None
