"""Row formats of training data: OpenMedReason, medix-rl-data, SLAKE, the project's manifest and its export.

A schema is one function from a raw row to its records and faults, entered in SCHEMAS.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.items import split_options
from workbench.errors import UserFacing
from workbench.imaging.sniff import sniff
from workbench.models.prompts import LETTERS
from workbench.traces import MODALITIES, parse_trace
from workbench.training.records import Record
from workbench.training.sample import TAGS

Row = dict[str, Any]
_INLINE = re.compile(r"(?:^|\s)\(?([A-Z])[.)]\s+(?=\S)")
_SOLUTION = re.compile(r"\s*(<[A-Z_]+>)\s*(.*)", re.DOTALL)
_REASONED = re.compile(r"<think>.*</think>\s*<answer>.*</answer>", re.DOTALL)
_TAG_OF = {name.casefold(): tag for name, tag in TAGS.items()}


@dataclass(frozen=True)
class BadRow:
    """A row, or one question of it, that can't be used; `row` counts from 1 (a line of a JSON lines file)."""

    row: int
    reason: str


@dataclass(frozen=True)
class Context:
    """Where a row came from: schema, number, and the folder that image names start from."""

    source: str
    row: int
    images: Path | None


Reader = Callable[[Row, Context], Iterator[Record | BadRow]]


class Unusable(Exception):
    """Why a row can't become a record."""


def require(good: object, reason: str) -> None:
    """Raise Unusable with that reason unless `good`."""
    if not good:
        raise Unusable(reason)


def _image(value: Any, context: Context) -> Path | bytes:
    """An image cell: bytes, `{"bytes", "path"}` as `datasets` stores it, or a file name.

    Raises Unusable for an empty cell, a missing or unreadable picture, and one outside the folder.
    """
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    require(value, "no image")
    if not isinstance(value, bytes):
        root = context.images
        places = [root / sub / value for sub in ("", "imgs", "images")] if root is not None else []
        value = next((place for place in places if place.is_file()), None)
        require(value, "the image file is missing")
        require(value.resolve().is_relative_to(root.resolve()), "the image lies outside the folder")
    try:
        with io.BytesIO(value) if isinstance(value, bytes) else value.open("rb") as stream:
            sniff(stream.read(4096))
    except UserFacing as fault:
        raise Unusable("the image can't be read") from fault
    return value


def _options_inside(question: str) -> tuple[str, tuple[str, ...]]:
    """Stem and options of "… A. one B. two": one a line where possible, else inside the running text."""
    stem, options = split_options(question)
    marks = list(_INLINE.finditer(question))
    for run in [] if options else (marks[first:] for first in range(len(marks) - 1)):
        if [mark[1] for mark in run] == list(LETTERS[: len(run)]):
            ends = [mark.start() for mark in run[1:]] + [len(question)]
            texts = tuple(question[mark.end() : end].strip() for mark, end in zip(run, ends, strict=True))
            return question[: run[0].start()].strip(), texts
    return stem, options


def read_openmedreason(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One OpenMedReason row: options stand inside `question`, `answer` is a letter (seeds dossier 1.2)."""
    image = _image(row["image"], context)
    stem, options = _options_inside(row["question"])
    letter, reasoning = str(row["answer"]).strip().rstrip(".").upper(), (row["reasoning"] or "").strip()
    require(stem and options, "no lettered options in the question")
    require(len(letter) == 1 and letter in LETTERS[: len(options)], "the answer is none of the options")
    require(_REASONED.fullmatch(reasoning), "the reasoning lacks its tags")
    require(parse_trace(reasoning, options).answer_letter == letter, "the reasoning ends in another answer")
    answer = options[LETTERS.index(letter)]
    yield Record(f"omr-{context.row}", stem, answer, image, options, reasoning, source=context.source)


def read_medix(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One medix-rl-data row; `solution` is "<MODALITY> answer text" (seeds dossier 4.1, 4.2)."""
    cells = row["image"] if isinstance(row["image"], list) else [row["image"]]
    require(len(cells) <= 1, "more than one image")
    image = _image(cells[0], context) if cells else None
    question, match = row["problem"].replace("<image>", "").strip(), _SOLUTION.fullmatch(row["solution"])
    require(match and match[1].strip("<>") in MODALITIES, "no known modality tag in front of the solution")
    answer = match[2].strip()
    require(question and answer, "no question or no answer")
    stem, options = split_options(question)
    stem, options = (stem, options) if answer in options else (question, ())
    name, source = str(row.get("id") or f"medix-{context.row}"), str(row.get("source") or context.source)
    yield Record(name, stem, answer, image, options, tag=match[1], source=source)


def read_slake(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One question of SLAKE's own JSON, or of a hub copy with the image inside; English only."""
    require(row.get("q_lang", "en") == "en", "not in English")
    image = _image(row.get("image") or row["img_name"], context)
    question, answer = " ".join(str(row["question"]).split()), " ".join(str(row["answer"]).split())
    require(question and answer, "no question or no answer")
    tag = _TAG_OF.get(str(row.get("modality", "")).casefold(), "")
    yield Record(f"slake-{row.get('qid', context.row)}", question, answer, image, tag=tag, source="slake")


def read_manifest(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """Every question of one image of the project's `manifest.jsonl`; English only."""
    image = _image(row["file"], context)
    for place, qa in enumerate(row["qa"]):
        try:
            yield _manifest_question(row, qa, place, image)
        except Unusable as fault:
            yield BadRow(context.row, str(fault))


def _manifest_question(row: Row, qa: Row, place: int, image: Path | bytes) -> Record:
    require((qa.get("lang") or "en") == "en", "not in English")
    options, answer = tuple(qa.get("options") or ()), " ".join(str(qa["answer"]).split())
    if options:
        answer = next((option for option in options if option.casefold() == answer.casefold()), "")
    require(answer, "the answer is none of the options" if options else "no answer")
    boxes = {region["id"]: tuple(region["box"]) for region in row.get("regions") or ()}
    evidence = tuple(boxes[name] for name in qa.get("region_ids") or () if name in boxes)
    name, source = f"{row['id']}/{qa.get('qid', place)}", str((row.get("source") or {}).get("dataset", ""))
    question = " ".join(qa["question"].split())
    tag = _TAG_OF.get(str(row.get("modality", "")).casefold(), "")
    return Record(name, question, answer, image, options, tag=tag, boxes=evidence, source=source)


def read_records(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One line of the project's own export (`train export`): the fields of Record, image by file name."""
    image = _image(row["image"], context) if row.get("image") else None
    options, answer = tuple(row.get("options") or ()), str(row["answer"])
    require(row["question"] and answer, "no question or no answer")
    boxes = tuple(tuple(float(edge) for edge in box) for box in row.get("boxes") or ())
    yield Record(
        str(row["record_id"]), row["question"], answer, image, options, row.get("reasoning") or "",
        row.get("tag") or "", boxes, bool(row.get("rare")), row.get("source") or context.source,
    )  # fmt: skip


SCHEMAS: dict[str, Reader] = {
    "openmedreason": read_openmedreason,
    "medix": read_medix,
    "slake": read_slake,
    "manifest": read_manifest,
    "records": read_records,
}
