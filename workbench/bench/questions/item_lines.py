"""One line of an items file → its questions: the project's JSON lines and manifests of images.

JSON lines follow the OpenMedReason test schema: options inside `question`, units under `perception`,
`knowledge`, `rationale` (as in OpenMedReason). A manifest's line is an image with a `qa` list.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.questions.units import Unit
from workbench.models.prompts import LETTERS
from workbench.traces import AXES, normalise_answer

_OPTION = re.compile(r"^\s*\(?([A-Z])\)?[.):]\s+(\S.*?)\s*$")


@dataclass(frozen=True)
class Item:
    """One question. `question` is the stem without options; `answer` is the gold text, never the letter.

    `alternatives` are further answers that count as right (only of questions without options).
    `image_path` None means a question without an image; `more_images` follow it in a question about several.
    `image_group` names what must be resampled together (an image, a patient); `answer_letter` is None exactly
    when there are no `options`. `anchors` are reasoning that leans to a wrong answer, for the condition
    "anchored".
    """

    item_id: str
    image_path: Path | None
    question: str
    options: tuple[str, ...]
    answer: str
    answer_letter: str | None
    answer_type: str
    question_type: str
    task: str
    modality: str
    body_part: str
    dataset: str
    image_group: str
    units: tuple[Unit, ...] = ()
    reasoning: str = ""
    licence: str = ""
    alternatives: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    more_images: tuple[Path, ...] = ()

    @property
    def image_paths(self) -> tuple[Path, ...]:
        """All pictures in the order in which they are shown; none for a question without one."""
        return () if self.image_path is None else (self.image_path, *self.more_images)

    def image_name(self, folder: str) -> str:
        """The picture as seen from `folder` (absolute where it lies outside it); "" without one."""
        if self.image_path is None:
            return ""
        path, start = os.path.abspath(self.image_path), os.path.abspath(folder)
        return Path(path).relative_to(start).as_posix() if Path(path).is_relative_to(start) else path


@dataclass(frozen=True)
class Dropped:
    """Why a question can't be used."""

    reason: str


def questions(record: dict[str, Any], folder: Path, number: int) -> Iterator[Item | Dropped]:
    """Every question of line `number`; raises KeyError, TypeError or AttributeError for an unfit line."""
    if isinstance(record.get("qa"), list):
        yield from manifest_line(record, folder)
    else:
        yield item_line(record, folder, number)


def split_options(question: str) -> tuple[str, tuple[str, ...]]:
    """(stem, options) of a question ending in lines "A. …", "B. …" in order; else (all of it, no options)."""
    lines = question.strip().splitlines()
    for start in range(len(lines) - 2, max(0, len(lines) - 1 - len(LETTERS)), -1):
        found = [_OPTION.match(line) for line in lines[start:]]
        if [match[1] for match in found if match] == list(LETTERS[: len(found)]):
            return "\n".join(lines[:start]).strip(), tuple(match[2] for match in found if match)
    return question.strip(), ()


def _picture(folder: Path, record: dict[str, Any], key: str) -> Path | Dropped | None:
    """The image beside the file, None where the line has no such field; an empty or missing one drops it."""
    if key not in record:
        return None
    named = record[key]
    if not isinstance(named, str) or not named.strip():
        return Dropped("image missing")
    path = Path(os.path.normpath(folder / named))
    if not path.is_relative_to(os.path.normpath(folder)):
        return Dropped("image outside the folder")
    return path if path.is_file() else Dropped("image missing")


def _pictures(folder: Path, record: dict[str, Any]) -> tuple[Path, ...] | Dropped:
    """The image of `image`, or those of the list `images`; one that can't be used drops the line."""
    named = record.get("images")
    if not named:
        found = _picture(folder, record, "image")
        return found if isinstance(found, Dropped) else (found,) if found is not None else ()
    if not isinstance(named, list):
        return Dropped("images is no list")
    paths = [_picture(folder, {"image": name}, "image") for name in named]
    unusable = next((path for path in paths if isinstance(path, Dropped)), None)
    return unusable or tuple(path for path in paths if isinstance(path, Path))


def _first_name(record: dict[str, Any]) -> Any:
    named = record.get("images")
    return named[0] if isinstance(named, list) and named else record.get("image")


def item_line(record: dict[str, Any], folder: Path, number: int) -> Item | Dropped:
    """One line of the OpenMedReason test schema, with this project's extra keys where present."""
    pictures = _pictures(folder, record)
    if isinstance(pictures, Dropped):
        return pictures
    image = pictures[0] if pictures else None
    stem, options = split_options(record["question"])
    gold = str(record["answer"]).strip()
    letter = None
    if options:
        letter = (
            gold.upper()
            if gold.upper() in LETTERS[: len(options)] and len(gold) == 1
            else _letter_of(gold, options)
        )
        if letter is None:
            return Dropped("answer is none of the options")
        gold = options[LETTERS.index(letter)]
    identity = str(record.get("id", f"{number:06d}"))
    return Item(
        item_id=identity,
        image_path=image,
        question=stem,
        options=options,
        answer=gold,
        answer_letter=letter,
        answer_type=str(record.get("answer_type", "closed" if options else "open")),
        question_type=str(record.get("question_type", "")),
        task=str(record.get("task", "")),
        modality=str(record.get("modality", "")),
        body_part=str(record.get("body_part", "")),
        dataset=str(record.get("dataset", folder.name)),
        image_group=str(record.get("image_group") or _first_name(record) or identity),
        units=read_units(record),
        reasoning=str(record.get("reasoning", "")),
        licence=str(record.get("licence", "")),
        alternatives=() if options else _others(record.get("alternatives"), gold),
        more_images=pictures[1:],
    )


def _others(named: Any, gold: str) -> tuple[str, ...]:
    """Further gold answers: a list of texts, each once, without the first one."""
    texts = (str(text).strip() for text in (named if isinstance(named, list) else ()))
    return tuple(dict.fromkeys(text for text in texts if text and text != gold))


def read_units(record: dict[str, Any]) -> tuple[Unit, ...]:
    """The rubric units of a row of the test schema, axis by axis; none where it has none."""
    fields = ("unit_id", "topic", "claim", "presence_question", "correctness_question", "source_quote")
    return tuple(
        Unit(
            axis=axis,
            importance=unit.get("importance", "core"),
            **{name: unit.get(name, "") for name in fields},
        )
        for axis in AXES
        for unit in record.get(axis) or ()
    )


def manifest_line(record: dict[str, Any], folder: Path) -> Iterator[Item | Dropped]:
    """Every question of one image of a manifest."""
    image = _picture(folder, record, "file")
    for position, qa in enumerate(record["qa"]):
        if isinstance(image, Dropped):
            yield image
        elif (qa.get("lang") or "en") != "en":
            yield Dropped("not in English")
        else:
            yield _manifest_question(record, qa, image, position)


def _manifest_question(
    record: dict[str, Any], qa: dict[str, Any], image: Path | None, position: int
) -> Item | Dropped:
    options = tuple(str(option) for option in qa.get("options") or ())
    gold = str(qa["answer"])
    letter = _letter_of(gold, options) if options else None
    if not gold.strip() or (options and letter is None):
        return Dropped("answer is none of the options" if options else "no answer given")
    return Item(
        item_id=f"{record['id']}/{qa.get('qid', position)}",
        image_path=image,
        question=qa["question"].strip(),
        options=options,
        answer=options[LETTERS.index(letter)] if letter else gold,
        answer_letter=letter,
        answer_type=str(qa.get("answer_type", "open")),
        question_type=str(qa.get("question_type", "")),
        task=str(qa.get("task", "")),
        modality=str(record.get("modality", "")),
        body_part=str(record.get("body_part", "")),
        dataset=str((record.get("source") or {}).get("dataset", "")),
        image_group=str(record["id"]),
        licence=str(record.get("license", "")),
    )


def _letter_of(gold: str, options: tuple[str, ...]) -> str | None:
    wanted = normalise_answer(gold)
    same = [i for i, option in enumerate(options) if normalise_answer(option) == wanted]
    return LETTERS[same[0]] if len(same) == 1 and same[0] < len(LETTERS) else None
