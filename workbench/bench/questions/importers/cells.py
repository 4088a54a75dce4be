"""Single cells of a row, whatever its layout: pictures, options, gold answers, and why one can't be used."""

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.questions.items import split_options
from workbench.errors import UserFacing
from workbench.imaging.sniff import sniff
from workbench.models.prompts import LETTERS
from workbench.traces import normalise_answer

IMAGE_FOLDERS = (
    "", "imgs", "images", "figures", "Images", "../images",
    "VQA_RAD Image Folder", "VQAMed2019_Test_Images", "Val_images", "Train_images",
)  # fmt: skip
IMAGE_ENDINGS = ("", ".jpg", ".jpeg", ".png")
_INLINE = re.compile(r"(?:^|\s)\(?([A-Z])[.)]\s+(?=\S)")


@dataclass(frozen=True)
class BadRow:
    """A row, or one question of it, that can't be used; `row` counts from 1 (a line of a JSON lines file)."""

    row: int
    reason: str


class Unusable(Exception):
    """Why a row can't be used."""


def require(good: object, reason: str) -> None:
    """Raise Unusable with that reason unless `good`."""
    if not good:
        raise Unusable(reason)


def image_cell(value: Any, folder: Path | None) -> Path | bytes:
    """An image cell: bytes, `{"bytes", "path"}` as `datasets` stores it, or a file name, ending or not.

    A name is looked for in `folder` and in the folders of IMAGE_FOLDERS beside it, never elsewhere. Raises
    Unusable for an empty cell and for a picture that is missing, outside the folder or no picture.
    """
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    require(value, "no image")
    found = value if isinstance(value, bytes) else _file(str(value), folder)
    try:
        with io.BytesIO(found) if isinstance(found, bytes) else found.open("rb") as stream:
            sniff(stream.read(4096))
    except (UserFacing, OSError) as fault:
        raise Unusable("the image can't be read") from fault
    return found


def _file(name: str, folder: Path | None) -> Path:
    require(folder, "the image file is missing")
    inside = os.path.normpath(name)
    require(
        not os.path.isabs(inside) and inside.split(os.sep)[0] != os.pardir,
        "the image lies outside the folder",
    )
    places = (
        Path(os.path.normpath(folder / sub / (inside + ending)))
        for sub in IMAGE_FOLDERS
        for ending in IMAGE_ENDINGS
    )
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise Unusable("the image file is missing")
    return found


def options_inside(question: str) -> tuple[str, tuple[str, ...]]:
    """Stem and options of "… A. one B. two": one a line where possible, else inside the running text."""
    stem, options = split_options(question)
    marks = list(_INLINE.finditer(question))
    for run in [] if options else (marks[first:] for first in range(len(marks) - 1)):
        if [mark[1] for mark in run] == list(LETTERS[: len(run)]):
            ends = [mark.start() for mark in run[1:]] + [len(question)]
            texts = tuple(question[mark.end() : end].strip() for mark, end in zip(run, ends, strict=True))
            return question[: run[0].start()].strip(), texts
    return stem, options


def gold_letter(given: str, options: tuple[str, ...]) -> str:
    """The letter of the gold option, which is given as a letter ("B", "b.") or as the option's text.

    Raises Unusable for options that can't be told apart and for a gold answer that is none of them.
    """
    require(len(options) <= len(LETTERS), "too many options")
    require(all(option.strip() for option in options), "an option is empty")
    require(len({option.strip() for option in options}) == len(options), "two options are the same")
    letter = given.strip().strip("().: ").upper()
    if len(letter) == 1 and letter in LETTERS[: len(options)]:
        return letter
    wanted = normalise_answer(given)
    same = [n for n, option in enumerate(options) if wanted and normalise_answer(option) == wanted]
    require(len(same) == 1, "the answer is none of the options")
    return LETTERS[same[0]]


def said(value: Any) -> str:
    """A cell as text on one line: runs of white space are one space, an empty cell is ""."""
    return "" if value is None else " ".join(str(value).split())
