"""Answers that are stated in words: "The answer is X", "Answer: X", \\boxed{X}, "B is correct"."""

import re

from workbench.traces.grammar import TAG, Region

_LEAD = re.compile(
    r"(?P<phrase>(?:\bthe\s{1,3})?(?:\b(?:correct|final|best|right)\s{1,3}){0,2}\b(?:answer|option|choice)\s{1,3}"
    r"(?:is|would\sbe|must\sbe|should\sbe)\b\s{0,3}:?\s{0,3}|答案[是为為:：]\s{0,3})"
    r"|(?P<label>(?:^|(?<=[.!?])\s{1,3})[^\w\n]{0,6}(?:final\s|correct\s)?answer[*_]{0,2}\s?[:：][*_]{0,2}\s{0,3})"
    r"|(?P<boxed>(?=\\boxed\s?\{))"
    r"|\b(?:option\s|choice\s)?\(?(?P<letter>(?-i:[A-J]))\)?\sis\s(?:the\s)?(?:correct|right|best)\b(?!\s(?:side|lung))",
    re.IGNORECASE | re.MULTILINE,
)
_NAMES = {"phrase": "the answer is", "label": "answer label", "boxed": "boxed", "letter": "letter is correct"}
_DRESSED = re.compile(
    r"[\s$(:*]{0,6}\\boxed\s?\{\s?(?:\\text\w{0,2}\s?\{)?(?P<boxed>[^{}\n]{1,200})\}"
    r"|\s?\*\*(?P<bold>[^*\n]{1,200})\*\*|\s?\[(?P<square>[^\]\n]{1,200})\]"
)
_LETTER = re.compile(
    r"[*(\[]{0,3}(?:(?i:option|choice)\s)?\(?(?P<letter>[A-J])(?:[.,;:!)\]*。](?!\w)|\s*$|\s*\n|\s+(?:because|since|as|due|given|"
    r"and\s(?!\w\b)|[-–—(]))"
)
_LINE = re.compile(r"[^\n]{1,400}")
_STOP = re.compile(r"[.!?](?=\s|$|[\"'*)])|[。！？]|[,;]?\s(?:because|since)\b")
_WRAPPING = ' \t\r\n\f\v\u00a0`*"“”'


def find_phrase(text: str, region: Region) -> tuple[Region, str] | None:
    """(place of the answer, rule) of the last stated answer in a region of the text; None without one."""
    for match in reversed(list(_LEAD.finditer(text, *region))):
        name = match.lastgroup or "phrase"
        value = match.span("letter") if name == "letter" else _value(text, match.end(), region[1])
        if value is not None:
            return value, _boxed_after_words(text, region, match, name)
    return None


def _boxed_after_words(text: str, region: Region, match: re.Match[str], name: str) -> str:
    """A box that directly follows "the answer is" goes by that phrase."""
    before = text[max(region[0], match.start() - 24) : match.start()]
    led = name == "boxed" and re.search(
        r"(?:answer|option|choice)\s+is\s*:?[\s$(:*]*$", before, re.IGNORECASE
    )
    return _NAMES["phrase" if led else name]


def _value(text: str, start: int, stop: int) -> Region | None:
    dressed = _DRESSED.match(text, start, stop)
    if dressed:
        return tidy(text, dressed.span(dressed.lastgroup or 0))
    letter = _LETTER.match(text, start, stop)
    if letter:
        return letter.span("letter")
    line = _LINE.match(text, start, stop)
    if not line:
        return None
    end = next((m.start() for m in _STOP.finditer(text, start, line.end()) if m.start() > start), line.end())
    tag = TAG.search(text, start, end)
    return tidy(text, (start, tag.start() if tag else end))


def tidy(text: str, region: Region) -> Region | None:
    """The region without white space, Markdown marks, quotation marks, a box and a closing full stop."""
    start, end = region
    while start < end and text[start] in _WRAPPING:
        start += 1
    while end > start and (text[end - 1] in _WRAPPING or text[end - 1].isspace() or text[end - 1] in ".。"):
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    box = _DRESSED.fullmatch(text, start, end)
    if box and box["boxed"]:
        return tidy(text, box.span("boxed"))
    return (start, end) if any(c.isalnum() for c in text[start:end]) else None
