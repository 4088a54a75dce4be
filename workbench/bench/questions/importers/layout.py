"""What every layout has in common: its context, its pictures, and the item that comes out of a row."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.questions.importers.cells import gold_letter, image_cell, require
from workbench.bench.questions.items import Item
from workbench.imaging.sniff import sniff
from workbench.models.prompts import LETTERS
from workbench.traces import normalise_answer

Row = dict[str, Any]
_MODALITIES = {
    "x-ray": "X-ray", "xray": "X-ray", "x_ray": "X-ray", "ct": "CT", "ct_scan": "CT", "mri": "MRI",
    "mri_scan": "MRI", "mr": "MRI", "ultrasound": "ultrasound", "us": "ultrasound",
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """Where a row stands: its number from 1, the split asked for, its images' folder, the picture store."""

    row: int
    split: str
    folder: Path | None
    store: Path

    def picture(self, cell: Any) -> tuple[Path, str]:
        """The file of an image cell, and what to resample together: the file, or the hash of its bytes.

        Pictures inside a row are put into the store, named by their SHA-256. Raises Unusable.
        """
        found = image_cell(cell, self.folder)
        if isinstance(found, Path):
            return found, os.path.relpath(found, self.folder)
        digest = hashlib.sha256(found).hexdigest()
        path = self.store / f"{digest[:32]}.{sniff(found)}"
        if not path.is_file():
            self.store.mkdir(parents=True, exist_ok=True)
            draft = self.store / f".{path.name}.{os.getpid()}"
            draft.write_bytes(found)
            draft.replace(path)
        return path, digest[:16]


@dataclass(frozen=True)
class Layout:
    """One layout: what it is called, what it is, and the function from a row to an item (raises Unusable).

    With `plain_lines` the lines of a text file are no JSON: a row is then {"line": its text}.
    """

    name: str
    summary: str
    read: Callable[[Row, Context], Item]
    plain_lines: bool = False


def make_item(
    context: Context,
    *,
    identity: str,
    question: str,
    answer: str,
    dataset: str,
    options: tuple[str, ...] = (),
    image: Any = None,
    has_image: bool = True,
    image_group: str = "",
    **labels: Any,
) -> Item:
    """The item of a row; `answer` is the gold letter or text, `image` the cell where `has_image`, or a list
    of cells for a question about several pictures.

    Without options an answer of yes or no is closed, any other open, unless `answer_type` is given. Raises
    Unusable for an empty question or answer, a gold answer outside the options, and an unusable picture.
    """
    cells = (image if isinstance(image, list) and image else [image]) if has_image else []
    pictures = [context.picture(cell) for cell in cells]
    path, group = pictures[0] if pictures else (None, identity)
    require(question.strip(), "no question")
    require(answer.strip(), "no answer")
    letter = gold_letter(answer, options) if options else None
    gold = options[LETTERS.index(letter)].strip() if letter else answer.strip()
    closed = bool(options) or normalise_answer(gold) in ("yes", "no")
    defaults = dict.fromkeys(("question_type", "task", "modality", "body_part"), "")
    defaults["answer_type"] = "closed" if closed else "open"
    given = {name: value for name, value in labels.items() if value not in (None, "")}
    return Item(
        item_id=identity,
        image_path=path,
        question=question.strip(),
        options=tuple(option.strip() for option in options),
        answer=gold,
        answer_letter=letter,
        dataset=dataset,
        image_group=image_group or group,
        more_images=tuple(found for found, _ in pictures[1:]),
        **(defaults | given),
    )


def modality_name(text: str) -> str:
    """A modality as the project spells it; unknown ones stay as they are."""
    return _MODALITIES.get(text.strip().casefold(), text.strip())
