"""Where the tags of a generated text stand: thinking, answers, modality. Positions refer to the raw text."""

import re
from dataclasses import dataclass
from typing import Literal

from workbench.traces.modalities import MODALITIES

# White space inside a tag is bounded, so that no text makes the search slow.
_OPEN, _CLOSE, _GAP = r"(?:<|&(?:amp;)?lt;)", r"(?:>|&(?:amp;)?gt;)", r"\s{0,3}"
_NAMES = "|".join(name.replace("_", "[_ -]") for name in MODALITIES)
TAG = re.compile(
    rf"{_OPEN}{_GAP}(?P<slash>/?){_GAP}(?:(?P<think>think(?:ing)?)|(?P<answer>answer)|(?P<modality>{_NAMES}))"
    rf"{_GAP}{_CLOSE}",
    re.IGNORECASE,
)
# A lone tag in front of the thinking that is none of the 16: only there can it be meant as a modality.
_FOREIGN = re.compile(
    rf"\s{{0,20}}({_OPEN}{_GAP}(?P<name>[A-Za-z][A-Za-z0-9_ -]{{1,40}}){_GAP}{_CLOSE})"
    rf"(?=\s{{0,20}}{_OPEN}{_GAP}(?:think(?:ing)?|answer){_GAP}{_CLOSE})",
    re.IGNORECASE,
)
_NO_MODALITY = frozenset(
    ("think", "thinking", "thought", "reasoning", "answer", "image", "img", "text", "output", "response", "s")
    + ("bos", "eos", "pad", "unk", "b", "i", "p", "br", "div", "span", "html", "body")
)
_PARTIAL = re.compile(rf"{_OPEN}{_GAP}/?{_GAP}([A-Za-z_]{{0,20}}){_GAP}$")
_LONGEST_TAG = 48

Region = tuple[int, int]
Shape = Literal["closed", "no opening tag", "closing tag missing", "open", "none"]


@dataclass(frozen=True)
class Tag:
    """One tag in the raw text; `name` of a modality tag is its key in MODALITIES."""

    kind: Literal["think", "answer", "modality"]
    name: str
    closing: bool
    start: int
    end: int


@dataclass(frozen=True)
class Layout:
    """The parts of a text by its tags.

    `thinking` are the thinking regions in order, `answers` the complete and non-empty answers outside of
    them, `inside` those within, with their tags. `unclosed` runs from a last opening answer tag to the
    end; `unopened` ends at a closing answer tag that nothing opened. `rest` is the text after the last
    thinking up to the next tag. A half-written tag at the end belongs to nothing.
    """

    shape: Shape
    thinking: tuple[Region, ...]
    answers: tuple[Region, ...]
    inside: tuple[tuple[Region, Region], ...]
    unclosed: Region | None
    unopened: Region | None
    rest: Region
    modality: str | None
    begin: int
    end: int
    tag: str | None = None  # the modality tag as it was written, one of the 16 or not


def visible_end(text: str) -> int:
    """Length of the text without a half-written tag at its end ("</thin"), as a stream has for a moment."""
    tail_start = max(0, len(text) - _LONGEST_TAG)
    match = _PARTIAL.search(text[tail_start:])
    names = ("think", "thinking", "answer", *(name.lower() for name in MODALITIES))
    if match and any(name.startswith(match[1].lower()) for name in names):
        return tail_start + match.start()
    return len(text)


def find_tags(text: str) -> list[Tag]:
    """Tags in order. Those between backticks are quotations, unless the text has no others."""
    tags, plain = [], []
    for match in TAG.finditer(text):
        kind = next(name for name in ("think", "answer", "modality") if match[name])
        name = re.sub("[ -]", "_", match["modality"].upper()) if kind == "modality" else kind
        tags.append(Tag(kind, name, bool(match["slash"]), *match.span()))
        if not (text[match.start() - 1 : match.start()] == "`" == text[match.end() : match.end() + 1]):
            plain.append(tags[-1])
    return plain if any(tag.kind != "modality" for tag in plain) else tags


def lay_out(text: str) -> Layout:
    """Find the parts of a text; never raises."""
    end = visible_end(text)
    tags = [tag for tag in find_tags(text) if tag.end <= end]
    named, begin = _modality(text, tags)
    modality = MODALITIES[named.name] if named else None
    tag = text[named.start : named.end] if named else _foreign_tag(text)
    tags = [tag for tag in tags if tag.kind != "modality"]
    shape, thinking = _thinking(tags, begin, end)
    outside = [t for t in tags if t.kind == "answer" and not _within(t, thinking)]
    within = [t for t in tags if t.kind == "answer" and _within(t, thinking)]
    answers, unclosed, unopened = _answers(text, outside, thinking, begin, end)
    inside = [(a, b) for a, b in _pairs(within) if text[a.end : b.start].strip()]
    after = next((t.end for t in reversed(tags) if thinking and t.start == thinking[-1][1]), begin)
    stop = next((t.start for t in tags if t.start >= after), end)
    return Layout(
        shape,
        tuple(thinking),
        tuple(answers),
        tuple(((a.end, b.start), (a.start, b.end)) for a, b in inside),
        unclosed,
        unopened,
        (after, stop),
        modality,
        begin,
        end,
        tag,
    )


def _foreign_tag(text: str) -> str | None:
    """A tag in front of the thinking that names none of the 16 modalities, as it was written."""
    match = _FOREIGN.match(text)
    if match is None or match["name"].strip().casefold() in _NO_MODALITY:
        return None
    closing = re.compile(
        rf"{_OPEN}{_GAP}/{_GAP}{re.escape(match['name'].strip())}{_GAP}{_CLOSE}", re.IGNORECASE
    )
    return None if TAG.fullmatch(match[1]) or closing.search(text) else match[1]


def _modality(text: str, tags: list[Tag]) -> tuple[Tag | None, int]:
    """The modality tag before thinking and answer, and where the text after its tag begins."""
    for tag in tags:
        leads = not any(character.isalnum() for character in text[: tag.start])
        if tag.kind != "modality" and not tag.closing:
            break
        if (
            tag.kind == "modality"
            and not tag.closing
            and (leads or any(not t.closing for t in tags if t.kind != "modality"))
        ):
            return tag, tag.end if leads else 0
    return None, 0


def _within(tag: Tag, regions: list[Region]) -> bool:
    return any(start <= tag.start and tag.end <= stop for start, stop in regions)


def _thinking(tags: list[Tag], begin: int, end: int) -> tuple[Shape, list[Region]]:
    """Thinking regions. An answer tag inside is a quotation when the thinking is closed after it."""
    regions: list[Region] = []
    shape: Shape = "none"
    opened: int | None = None
    answered = begin
    ahead = _next_think_closes(tags)
    for tag, closes_later in zip(tags, ahead, strict=True):
        if tag.kind == "think" and not tag.closing:
            opened = tag.end if opened is None else opened
        elif tag.kind == "think" and opened is not None:
            regions.append((opened, tag.start))
            opened, shape = None, "closed" if shape == "none" else shape
        elif tag.kind == "think" and regions and answered <= regions[-1][1]:
            regions[-1] = (regions[-1][0], tag.start)
        elif tag.kind == "think":
            regions.append((answered if regions else begin, tag.start))
            shape = "no opening tag"
        elif opened is not None and not closes_later:
            regions.append((opened, tag.start))
            opened, shape, answered = None, "closing tag missing", tag.end
        elif opened is None:
            answered = tag.end
    if opened is not None:
        regions.append((opened, end))
        shape = "open"
    return shape, regions


def _next_think_closes(tags: list[Tag]) -> list[bool]:
    """For every tag: whether the next thinking tag after it is a closing one."""
    out, closes = [], False
    for tag in reversed(tags):
        out.append(closes)
        closes = tag.closing if tag.kind == "think" else closes
    return out[::-1]


def _pairs(tags: list[Tag]) -> list[tuple[Tag, Tag]]:
    """Opening tags with the closing tag that directly follows."""
    return [(a, b) for a, b in zip(tags, tags[1:], strict=False) if not a.closing and b.closing]


def _answers(
    text: str, tags: list[Tag], thinking: list[Region], begin: int, end: int
) -> tuple[list[Region], Region | None, Region | None]:
    """(complete non-empty answers, unclosed, unopened) of the answer tags outside of the thinking."""
    complete = [(a.end, b.start) for a, b in _pairs(tags) if text[a.end : b.start].strip()]
    unclosed = (tags[-1].end, end) if tags and not tags[-1].closing else None
    unopened = None
    for before, tag in zip([None, *tags], tags, strict=False):
        if tag.closing and (before is None or before.closing):
            edges = [begin, *(stop for _, stop in thinking if stop <= tag.start)]
            unopened = (max(edges + ([before.end] if before else [])), tag.start)
    if unopened is not None:
        closed = TAG.match(text, unopened[0])
        unopened = (closed.end(), unopened[1]) if closed and closed.end() <= unopened[1] else unopened
    return complete, unclosed, unopened
