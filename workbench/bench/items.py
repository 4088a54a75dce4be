"""Benchmark items: questions with a gold answer, an image, and rubric units where the source has them.

Two sources are read here: the project's JSON lines (the OpenMedReason test schema: options inside `question`,
units under `perception`, `knowledge`, `rationale`; seeds dossier 1.2) and a manifest of images with `qa`
lists. Other people's layouts are read by `workbench.bench.importers`.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench.units import Unit
from workbench.errors import UserFacing
from workbench.models.prompts import LETTERS
from workbench.settings import PROJECT_ROOT
from workbench.traces import AXES, normalise_answer

if TYPE_CHECKING:
    from workbench.bench.importers import BadRow

BUNDLED = PROJECT_ROOT / "assets" / "bench"
ITEMS_FILE, MANIFEST_FILE = "items.jsonl", "manifest.jsonl"
_OPTION = re.compile(r"^\s*\(?([A-Z])\)?[.):]\s+(\S.*?)\s*$")


@dataclass(frozen=True)
class Item:
    """One question. `question` is the stem without options; `answer` is the gold text, never the letter.

    `image_path` None means a question without an image. `image_group` names what must be resampled together
    (an image, a patient); `answer_letter` is None exactly when there are no `options`.
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


@dataclass(frozen=True)
class ItemSet:
    """The usable items of one source, and how many lines were left out for which reason.

    `bad` names every line left out, by its number from 1, with its reason.
    """

    name: str
    items: tuple[Item, ...]
    dropped: dict[str, int]
    path: Path
    bad: tuple["BadRow", ...] = ()

    @property
    def n_images(self) -> int:
        return len({item.image_group for item in self.items})


@dataclass(frozen=True)
class _Dropped:
    reason: str


def load_items(ref: str | Path, limit: int | None = None, layout: str = "", **where: Any) -> ItemSet:
    """Items of a bundled benchmark (by name), a folder, or a `.jsonl` file; `limit` keeps the first ones.

    With a `layout` the source is read by `importers.import_items`, which takes `where` too.

    Raises UserFacing when nothing is found, a line is not JSON (with its number), ids repeat, or no item is
    usable.
    """
    if layout:
        from workbench.bench.importers import import_items

        return import_items(layout, ref, limit, **where)
    path = _locate(ref)
    from workbench.bench.importers.cells import BadRow

    items: list[Item] = []
    bad: list[BadRow] = []
    for number, found in _read(path):
        if isinstance(found, _Dropped):
            bad.append(BadRow(number, found.reason))
        else:
            items.append(found)
    dropped = Counter(fault.reason for fault in bad)
    if not items:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(dropped.items()))
        raise UserFacing(
            f"{path} holds no usable items{f' ({reasons})' if reasons else ''}.",
            "Check that the images lie beside the file.",
        )
    _require_unique(items, path)
    kept = tuple(items[:limit])
    return ItemSet(_name(ref, path), kept, dict(sorted(dropped.items())), path, tuple(bad))


def bundled_names() -> tuple[str, ...]:
    """Names of the benchmarks that come with the project."""
    return tuple(sorted(file.parent.name for file in BUNDLED.glob(f"*/{ITEMS_FILE}")))


def split_options(question: str) -> tuple[str, tuple[str, ...]]:
    """(stem, options) of a question ending in lines "A. …", "B. …" in order; else (all of it, no options)."""
    lines = question.strip().splitlines()
    for start in range(len(lines) - 2, max(0, len(lines) - 1 - len(LETTERS)), -1):
        found = [_OPTION.match(line) for line in lines[start:]]
        if [match[1] for match in found if match] == list(LETTERS[: len(found)]):
            return "\n".join(lines[:start]).strip(), tuple(match[2] for match in found if match)
    return question.strip(), ()


def _locate(ref: str | Path) -> Path:
    name = str(ref)
    bundled = BUNDLED / name / ITEMS_FILE
    if re.fullmatch(r"[\w-]+", name) and bundled.is_file():
        return bundled
    path = Path(ref).expanduser()
    candidates = [path / ITEMS_FILE, path / MANIFEST_FILE] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    wanted = f"a folder with {ITEMS_FILE} or {MANIFEST_FILE}, or a .jsonl file"
    raise UserFacing(
        f"No benchmark items were found at {name!r}.",
        f"Give {wanted}, or a bundled name: {', '.join(bundled_names()) or 'none is installed'}.",
    )


def _name(ref: str | Path, path: Path) -> str:
    return path.parent.name if path.name in (ITEMS_FILE, MANIFEST_FILE) else path.stem


def _read(path: Path) -> Iterator[tuple[int, Item | _Dropped]]:
    for number, record in _records(path):
        try:
            if isinstance(record.get("qa"), list):
                yield from ((number, found) for found in _manifest_line(record, path.parent))
            else:
                yield number, _item_line(record, path.parent, number)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserFacing(
                f"Line {number} of {path.name} lacks a field or has one of the wrong kind ({error}).",
                "Compare it with the format in the README.",
            ) from error


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacing(f"{path} can't be read as text.", "Give a UTF-8 file of JSON lines.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UserFacing(
                f"Line {number} of {path.name} is not JSON.", "Put one JSON object on each line."
            ) from error
        if not isinstance(record, dict):
            raise UserFacing(
                f"Line {number} of {path.name} is not a JSON object.", "Put one JSON object on each line."
            )
        yield number, record


def _picture(folder: Path, record: dict[str, Any], key: str) -> Path | _Dropped | None:
    """The image beside the file, None where the line has no such field; an empty or missing one drops it."""
    if key not in record:
        return None
    named = record[key]
    if not isinstance(named, str) or not named.strip():
        return _Dropped("image missing")
    path = Path(os.path.normpath(folder / named))
    if not path.is_relative_to(os.path.normpath(folder)):
        return _Dropped("image outside the folder")
    return path if path.is_file() else _Dropped("image missing")


def _item_line(record: dict[str, Any], folder: Path, number: int) -> Item | _Dropped:
    """One line of the OpenMedReason test schema, with this project's extra keys where present."""
    image = _picture(folder, record, "image")
    if isinstance(image, _Dropped):
        return image
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
            return _Dropped("answer is none of the options")
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
        image_group=str(record.get("image_group") or record.get("image") or identity),
        units=read_units(record),
        reasoning=str(record.get("reasoning", "")),
        licence=str(record.get("licence", "")),
    )


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


def _manifest_line(record: dict[str, Any], folder: Path) -> Iterator[Item | _Dropped]:
    """Every question of one image of a manifest."""
    image = _picture(folder, record, "file")
    for position, qa in enumerate(record["qa"]):
        if isinstance(image, _Dropped):
            yield image
        elif (qa.get("lang") or "en") != "en":
            yield _Dropped("not in English")
        else:
            yield _manifest_question(record, qa, image, position)


def _manifest_question(
    record: dict[str, Any], qa: dict[str, Any], image: Path | None, position: int
) -> Item | _Dropped:
    options = tuple(str(option) for option in qa.get("options") or ())
    gold = str(qa["answer"])
    letter = _letter_of(gold, options) if options else None
    if not gold.strip() or (options and letter is None):
        return _Dropped("answer is none of the options" if options else "no answer given")
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


def _require_unique(items: list[Item], path: Path) -> None:
    repeated = [name for name, count in Counter(item.item_id for item in items).items() if count > 1]
    if repeated:
        raise UserFacing(
            f"{path.name} holds the id {repeated[0]!r} more than once.", "Give every item an id of its own."
        )
