"""A user's own questions: CSV, TSV, JSON or JSON lines beside an image folder.

Columns `question` and `answer` are needed. `image` is a file name, or several as a list or with " | " between
them; leave the column out for text questions.
`options` is a list, or text with " | " between options; they may also end the question, "A. …" one a line.
`answer` is the option's letter or text. `id`, `modality`, `body_part`, `task`, `question_type`,
`answer_type`, `dataset`, `image_group`, `licence`, `reasoning` and, in JSON, rubric units under `perception`,
`knowledge` and `rationale` are kept where given.
"""

from dataclasses import replace
from typing import Any

from workbench.bench.questions.importers.cells import require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item, read_units, split_options

_LABELS = ("question_type", "task", "modality", "body_part", "answer_type", "licence", "image_group")


def read(row: Row, context: Context) -> Item:
    """One row."""
    require(None not in row, "more cells than columns")
    question, options = str(row["question"] or ""), _options(row.get("options"))
    if not options:
        question, options = split_options(question)
    item = make_item(
        context,
        identity=said(row.get("id")) or f"row-{context.row}",
        question=question,
        options=options,
        answer=said(row["answer"]),
        image=_images(row.get("image")),
        has_image="image" in row,
        dataset=said(row.get("dataset")) or "own items",
        **{name: said(row.get(name)) for name in _LABELS},
    )
    return replace(item, units=read_units(row), reasoning=str(row.get("reasoning") or ""))


def _images(cell: Any) -> Any:
    """A list of file names, where there are several."""
    if isinstance(cell, str) and " | " in cell:
        return [name.strip() for name in cell.split(" | ") if name.strip()]
    return cell


def _options(cell: Any) -> tuple[str, ...]:
    parts = cell.split("|") if isinstance(cell, str) else cell or ()
    options = tuple(said(part) for part in parts)
    require(len(options) != 1 or not options[0], "only one option")
    return options if any(options) else ()


LAYOUT = Layout("plain", "your own CSV, TSV, JSON or JSON lines beside an image folder", read)
