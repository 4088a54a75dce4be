"""PathVQA: `image`, `question`, `answer`, from the hub copy or from JSON with image names."""

from workbench.bench.questions.importers.cells import said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item
from workbench.traces import normalise_answer

_ASKED = ("what", "where", "when", "how", "why", "who", "whose", "which")


def read(row: Row, context: Context) -> Item:
    """One question; its type is "yes/no", else the question word it begins with, else "other"."""
    question, answer = said(row["question"]), said(row["answer"])
    first = question.casefold().split(" ")[0]
    kind = first if first in _ASKED else "other"
    return make_item(
        context,
        identity=f"path-vqa-{said(row.get('qid')) or context.row}",
        question=question,
        answer=answer,
        image=row["image"],
        dataset="PathVQA",
        question_type="yes/no" if normalise_answer(answer) in ("yes", "no") else kind,
        modality="histology",
    )


LAYOUT = Layout("path-vqa", "PathVQA hub copy (flaviagiammarino/path-vqa) or JSON with image names", read)
