"""Labelled pictures: a folder with a sub-folder a class, or a CSV file with the columns image and label.

Nothing is decoded here; a file's bytes are read once, so that the same picture is known under any name.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UserFacing

TRAIN, TEST = "train", "test"
_SPLITS = {
    "train": TRAIN, "training": TRAIN, "val": TRAIN, "valid": TRAIN, "validation": TRAIN, "dev": TRAIN,
    "test": TEST, "testing": TEST,
}  # fmt: skip
_GROUPS = ("group", "patient", "patient_id")
_HINT = "Give a folder with a sub-folder of pictures a class, or a CSV file with the columns image and label."


@dataclass(frozen=True)
class Labelled:
    """A picture file with its class. `digest` is the SHA-256 of its bytes, `group` what must stay together.

    `split` is "train", "test" or "" where the source doesn't say.
    """

    path: Path
    label: str
    digest: str
    group: str
    split: str = ""


@dataclass(frozen=True)
class BadPicture:
    """A file or row that can't be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class PictureSet:
    """The labelled pictures of one source, sorted by label and path, and what was left out of it.

    `has_groups` and `has_split` say whether the source itself names groups and a split.
    """

    name: str
    pictures: tuple[Labelled, ...]
    bad: tuple[BadPicture, ...]
    has_groups: bool = False
    has_split: bool = False


@dataclass(frozen=True)
class _Row:
    path: Path
    name: str
    label: str
    split: str = ""
    group: str = ""


def read_pictures(source: str | Path) -> PictureSet:
    """The pictures of a folder or a CSV file.

    A folder may hold `train/` and `test/` (and `val/`, which counts as training) with the classes below.
    In a CSV file, `image` is a path from the file's folder; `split` and `group` (or `patient`) may follow.
    The same picture under two classes is left out, a copy of one in the same class too. Raises UserFacing
    when nothing is there or fewer than two classes are left.
    """
    path = Path(source).expanduser()
    bad: list[BadPicture] = []
    if path.is_dir():
        rows, has_split, has_groups = *_folder_rows(path), False
    elif path.is_file():
        rows, has_split, has_groups = _csv_rows(path, bad)
    else:
        raise UserFacing(f"There are no labelled pictures at {str(source)!r}.", _HINT)
    pictures = _unique(rows, bad)
    if len({picture.label for picture in pictures}) < 2:
        left_out = f" ({len(bad)} left out: {bad[0].reason})" if bad else ""
        raise UserFacing(f"{path.name!r} holds pictures of fewer than two classes{left_out}.", _HINT)
    ordered = sorted(pictures, key=lambda picture: (picture.label, str(picture.path)))
    return PictureSet(
        path.stem if path.is_file() else path.name, tuple(ordered), tuple(bad), has_groups, has_split
    )


def _folder_rows(folder: Path) -> tuple[list[_Row], bool]:
    below = _folders(folder)
    splits = bool(below) and all(sub.name.casefold() in _SPLITS for sub in below)
    places = [(sub, _SPLITS[sub.name.casefold()]) for sub in below] if splits else [(folder, "")]
    return [row for place, split in places for row in _class_rows(folder, place, split)], splits


def _class_rows(root: Path, place: Path, split: str) -> Iterator[_Row]:
    for kind in _folders(place):
        for file in sorted(kind.rglob("*")):
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(root).parts):
                yield _Row(file, file.relative_to(root).as_posix(), kind.name, split)


def _folders(place: Path) -> list[Path]:
    return sorted(sub for sub in place.iterdir() if sub.is_dir() and not sub.name.startswith("."))


def _csv_rows(path: Path, bad: list[BadPicture]) -> tuple[list[_Row], bool, bool]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserFacing(f"{path.name} can't be read as a CSV file.", _HINT) from error
    names = {(name or "").strip().casefold(): name for name in (lines[0] if lines else {})}
    if not {"image", "label"} <= names.keys():
        found = ", ".join(name for name in names if name) or "nothing"
        raise UserFacing(f"{path.name} has no columns image and label, but {found}.", _HINT)
    grouped = next((names[name] for name in _GROUPS if name in names), None)
    rows = []
    for number, line in enumerate(lines, 2):
        cell = {key: (line.get(name) or "").strip() for key, name in names.items()}
        name, label, split = cell["image"], cell["label"], cell.get("split", "").casefold()
        if not name or not label:
            bad.append(BadPicture(f"line {number}", "no image or no label"))
        elif "split" in names and split not in _SPLITS:
            bad.append(BadPicture(f"line {number}", "the split is neither train, val nor test"))
        else:
            group = (line.get(grouped) or "").strip() if grouped else ""
            rows.append(_Row(path.parent / name, name, label, _SPLITS.get(split, ""), group))
    return rows, "split" in names, grouped is not None


def _unique(rows: list[_Row], bad: list[BadPicture]) -> list[Labelled]:
    """Each picture once: one file's bytes must not be learnt from and tested on."""
    kept: dict[str, tuple[_Row, str]] = {}
    conflicting: set[str] = set()
    for row in rows:
        try:
            digest = hashlib.sha256(row.path.read_bytes()).hexdigest()
        except OSError:
            bad.append(BadPicture(row.name, "the file is missing or can't be opened"))
            continue
        if digest not in kept:
            kept[digest] = (row, digest)
        elif kept[digest][0].label == row.label:
            bad.append(BadPicture(row.name, "a copy of another picture"))
        else:
            bad.append(BadPicture(row.name, "the same picture under two classes"))
            conflicting.add(digest)
    for digest in conflicting:
        bad.append(BadPicture(kept.pop(digest)[0].name, "the same picture under two classes"))
    return [
        Labelled(row.path, row.label, digest, row.group or digest[:16], row.split)
        for row, digest in kept.values()
    ]
