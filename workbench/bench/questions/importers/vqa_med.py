"""VQA-MED 2019: lines "image|question|answer" (train, val) or "image|category|question|answer" (test)."""

from workbench.bench.questions.importers.cells import require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item


def read(row: Row, context: Context) -> Item:
    """One line. Of several references in an answer ("a#b") each counts as right, the first is gold."""
    cells = [said(cell) for cell in row["line"].split("|")]
    require(len(cells) in (3, 4), "not image|question|answer nor image|category|question|answer")
    category = cells[1] if len(cells) == 4 else ""
    answer, *others = [text for part in cells[-1].split("#") if (text := part.strip())] or [""]
    return make_item(
        context,
        identity=f"vqa-med-{context.row}",
        question=cells[-2],
        answer=answer,
        alternatives=tuple(dict.fromkeys(other for other in others if other != answer)),
        image=cells[0],
        dataset="VQA-MED 2019",
        question_type=category.casefold(),
    )


LAYOUT = Layout("vqa-med", "VQA-MED 2019 pipe-separated text beside its image folder", read, plain_lines=True)
