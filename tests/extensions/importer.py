"""A layout from outside the package: JSON lines with `picture`, `ask` and `gold`."""

from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item


def read(row: Row, context: Context) -> Item:
    """One question; its number in the file is its name."""
    return make_item(
        context,
        identity=f"outside-{context.row}",
        question=str(row["ask"]),
        answer=str(row["gold"]),
        image=row["picture"],
        dataset="outside",
    )


LAYOUT = Layout("outside-lines", "JSON lines with picture, ask and gold", read)
