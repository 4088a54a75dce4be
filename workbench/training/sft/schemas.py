"""Row formats of training data: OpenMedReason, medix-rl-data, MedSSR, SLAKE, our manifest and its export.

A schema is one function from a raw row to its records and faults, entered in SCHEMAS.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.questions.importers.cells import (
    BadRow,
    Unusable,
    image_cell,
    options_inside,
    require,
    said,
)
from workbench.bench.questions.importers.medssr import RARE
from workbench.bench.questions.items import split_options
from workbench.models.prompts import LETTERS
from workbench.phantoms.sample import TAGS
from workbench.traces import MODALITIES, parse_trace
from workbench.training.sft.records import Record

Row = dict[str, Any]
_SOLUTION = re.compile(r"\s*(<[A-Z_]+>)\s*(.*)", re.DOTALL)
_REASONED = re.compile(r"<think>.*</think>\s*<answer>.*</answer>", re.DOTALL)
_TAG_OF = {name.casefold(): tag for name, tag in TAGS.items()}


@dataclass(frozen=True)
class Context:
    """Where a row came from: schema, number, and the folder that image names start from."""

    source: str
    row: int
    images: Path | None


Reader = Callable[[Row, Context], Iterator[Record | BadRow]]


def read_openmedreason(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One OpenMedReason row: options stand inside `question`, `answer` is a letter (arXiv 2606.12169)."""
    image = image_cell(row["image"], context.images)
    stem, options = options_inside(row["question"])
    letter, reasoning = str(row["answer"]).strip().rstrip(".").upper(), (row["reasoning"] or "").strip()
    require(stem and options, "no lettered options in the question")
    require(len(letter) == 1 and letter in LETTERS[: len(options)], "the answer is none of the options")
    require(_REASONED.fullmatch(reasoning), "the reasoning lacks its tags")
    require(parse_trace(reasoning, options).answer_letter == letter, "the reasoning ends in another answer")
    answer = options[LETTERS.index(letter)]
    yield Record(f"omr-{context.row}", stem, answer, image, options, reasoning, source=context.source)


def read_medix(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One medix-rl-data row; `solution` is "<MODALITY> answer text" (arXiv 2602.23363)."""
    cells = row["image"] if isinstance(row["image"], list) else [row["image"]]
    require(len(cells) <= 1, "more than one image")
    image = image_cell(cells[0], context.images) if cells else None
    question, match = row["problem"].replace("<image>", "").strip(), _SOLUTION.fullmatch(row["solution"])
    require(match and match[1].strip("<>") in MODALITIES, "no known modality tag in front of the solution")
    answer = match[2].strip()
    require(question and answer, "no question or no answer")
    stem, options = split_options(question)
    stem, options = (stem, options) if answer in options else (question, ())
    name, source = str(row.get("id") or f"medix-{context.row}"), str(row.get("source") or context.source)
    yield Record(name, stem, answer, image, options, tag=match[1], source=source)


def read_medssr(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One text question of MedSSR: options stand inside `question`, `gold` (or `answer`) is a letter or an
    option's text; a trace may stand under `trace` or `reasoning` (arXiv 2604.11547).

    A trace that ends in another answer than the gold one is a fault; one that ends in none gets the form that
    MedSSR asks for, "The answer is X."
    """
    require(not row.get("image"), "it has a picture, and MedSSR's questions have none")
    stem, options = options_inside(row["question"])
    require(stem and options, "no lettered options in the question")
    gold = said(row.get("gold") or row.get("answer")).rstrip(".")
    letters = LETTERS[: len(options)]
    named = dict(zip((option.casefold() for option in options), letters, strict=True))
    letter = gold.upper() if len(gold) == 1 else named.get(gold.casefold(), "")
    require(letter and letter in letters, "the answer is none of the options")
    trace = said(row.get("trace") or row.get("reasoning"))
    if trace:
        found = parse_trace(trace, options).answer_letter
        require(found in (None, letter), "the reasoning ends in another answer")
        trace = trace if found else f"{trace}\nThe answer is {letter}."
    name = said(row.get("name"))
    answer, identity = options[LETTERS.index(letter)], said(row.get("id")) or f"medssr-{context.row}"
    rare = name.casefold().startswith(RARE)
    yield Record(identity, stem, answer, None, options, trace, rare=rare, source=name or context.source)


def read_slake(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """One question of SLAKE's own JSON, or of a hub copy with the image inside; English only."""
    require(row.get("q_lang", "en") == "en", "not in English")
    image = image_cell(row.get("image") or row["img_name"], context.images)
    question, answer = " ".join(str(row["question"]).split()), " ".join(str(row["answer"]).split())
    require(question and answer, "no question or no answer")
    tag = _TAG_OF.get(str(row.get("modality", "")).casefold(), "")
    yield Record(f"slake-{row.get('qid', context.row)}", question, answer, image, tag=tag, source="slake")


def read_manifest(row: Row, context: Context) -> Iterator[Record | BadRow]:
    """Every question of one image of the project's `manifest.jsonl`; English only."""
    image = image_cell(row["file"], context.images)
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
    image = image_cell(row["image"], context.images) if row.get("image") else None
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
    "medssr": read_medssr,
    "slake": read_slake,
    "manifest": read_manifest,
    "records": read_records,
}
