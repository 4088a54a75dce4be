"""OpenMedReason's test split: options inside `question`, gold letter, rubric units (arXiv 2606.12169)."""

from dataclasses import replace

from workbench.bench.questions.importers.cells import options_inside, require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item, read_units


def read(row: Row, context: Context) -> Item:
    """One row; its trace stands in `reasoning` (the project page's `reasoning_trace` is not released)."""
    stem, options = options_inside(row["question"])
    require(stem and options, "no lettered options in the question")
    item = make_item(
        context,
        identity=said(row.get("id")) or f"omr-{context.row}",
        question=stem,
        options=options,
        answer=said(row["answer"]),
        image=row["image"],
        dataset="OpenMedReason",
        licence="CC-BY-4.0",
    )
    return replace(item, units=read_units(row), reasoning=row.get("reasoning") or "")


LAYOUT = Layout("openmedreason", "OpenMedReason test rows, Parquet or hub (neginb/OpenMedReason)", read)
