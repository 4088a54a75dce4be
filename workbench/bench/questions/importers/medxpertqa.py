"""MedXpertQA, Text and MM: JSON lines with `options`, `label`, `images`, task, body system, question type."""

from typing import Any

from workbench.bench.questions.importers.cells import require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item

CHOICES = "Answer Choices:"


def read(row: Row, context: Context) -> Item:
    """One row of Text or MM, with all of its images."""
    images, identity = row.get("images") or [], said(row["id"])
    require(images or not identity.startswith("MM"), "no image")
    return make_item(
        context,
        identity=identity,
        question=row["question"].rpartition(CHOICES)[0] or row["question"],
        options=_options(row["options"]),
        answer=said(row["label"]),
        image=list(images),
        has_image=bool(images),
        dataset="MedXpertQA MM" if images else "MedXpertQA Text",
        question_type=said(row.get("question_type")),
        task=said(row.get("medical_task")),
        body_part=said(row.get("body_system")),
    )


def _options(cell: Any) -> tuple[str, ...]:
    """Options by letter: {"A": "text"}, or [{"letter": "A", "content": "text"}]."""
    if isinstance(cell, list):
        cell = {entry["letter"]: entry["content"] for entry in cell}
    lettered = sorted((letter, said(text)) for letter, text in cell.items() if text is not None)
    require(len(lettered) > 1, "fewer than two options")
    return tuple(text for _, text in lettered)


LAYOUT = Layout("medxpertqa", "MedXpertQA JSON lines, Text or MM (images/ beside or above)", read)
