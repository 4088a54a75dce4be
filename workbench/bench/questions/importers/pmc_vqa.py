"""PMC-VQA's CSV files: `Figure_path`, `Question`, `Choice A` to `Choice D`, and the gold letter."""

import re

from workbench.bench.questions.importers.cells import require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item

_CHOICES = ("Choice A", "Choice B", "Choice C", "Choice D")


def read(row: Row, context: Context) -> Item:
    """One row of version 1 (letter in `Answer_label`) or 2 (letter in `Answer`); "A: text" loses its "A:"."""
    cells = [(name[-1], said(row[name])) for name in _CHOICES]
    options = tuple(re.sub(rf"^{letter}\s*[:.)]\s*", "", text) for letter, text in cells)
    require(all(options), "an option is empty")
    return make_item(
        context,
        identity=f"pmc-vqa-{said(row.get('index')) or context.row}",
        question=said(row["Question"]),
        options=options,
        answer=said(row.get("Answer_label") or row["Answer"]),
        image=row["Figure_path"],
        dataset="PMC-VQA",
    )


LAYOUT = Layout("pmc-vqa", "PMC-VQA CSV (test.csv, test_2.csv) beside images/ or figures/", read)
