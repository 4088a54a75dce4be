"""VQA-RAD: the public JSON list with its image folder, or the hub copy with images inside."""

from workbench.bench.questions.importers.cells import require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item


def read(row: Row, context: Context) -> Item:
    """One question. In the public list, test questions are those whose `phrase_type` begins with "test"."""
    phrase = said(row.get("phrase_type"))
    split = "test" if phrase.startswith("test") else "train"
    require(not phrase or split == context.split, f"not in the split {context.split!r}")
    return make_item(
        context,
        identity=f"vqa-rad-{said(row.get('qid')) or context.row}",
        question=said(row["question"]),
        answer=said(row["answer"]),
        image=row.get("image") or row.get("image_name"),
        dataset="VQA-RAD",
        answer_type=said(row.get("answer_type")).casefold(),
        question_type=said(row.get("question_type")),
        body_part=said(row.get("image_organ")).casefold(),
    )


LAYOUT = Layout("vqa-rad", "VQA-RAD public JSON or hub copy (flaviagiammarino/vqa-rad)", read)
