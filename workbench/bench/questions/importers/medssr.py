"""MedSSR's JSON lists of text questions: `id`, `question` with options, `gold`, `name` (arXiv 2604.11547)."""

from collections.abc import Iterator
from itertools import count

from workbench.bench.questions.importers.cells import options_inside, require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item

RARE = "raredis"


def read(row: Row, context: Context) -> Item:
    """One row. `is_reasoning` becomes the question type; rows of RareDis get the task "rare disease".

    `adversarial_trace_0`, `_1` … are what an answer begins with under the condition "anchored".
    """
    stem, options = options_inside(row["question"])
    require(stem and options, "no lettered options in the question")
    name, reasoning = said(row.get("name")), row.get("is_reasoning")
    return make_item(
        context,
        identity=said(row.get("id")) or f"medssr-{context.row}",
        question=stem,
        options=options,
        answer=said(row["gold"]),
        has_image=False,
        dataset=name or "MedSSR",
        question_type={True: "reasoning-intensive", False: "other"}.get(reasoning, ""),
        anchors=tuple(_anchors(row)),
        task="rare disease" if name.casefold().startswith(RARE) else "",
    )


def _anchors(row: Row) -> Iterator[str]:
    """The adversarial traces in order, as far as they are there."""
    for number in count():
        trace = row.get(f"adversarial_trace_{number}")
        if trace is None:
            return
        require(isinstance(trace, str), "an adversarial trace is not text")
        if trace.strip():
            yield trace.strip()


LAYOUT = Layout("medssr", "MedSSR JSON lists of text questions (data/test_short_*.json)", read)
