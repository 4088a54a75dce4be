"""SLAKE: one JSON list, images under imgs/ by `img_name`, questions in English and Chinese."""

from workbench.bench.questions.importers.cells import require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item, modality_name
from workbench.bench.questions.items import Item


def read(row: Row, context: Context) -> Item:
    """One question in English. Questions carry no options: yes and no are not offered, as in the original."""
    require((row.get("q_lang") or "en") == "en", "not in English")
    return make_item(
        context,
        identity=f"slake-{said(row.get('qid')) or context.row}",
        question=said(row["question"]),
        answer=said(row["answer"]),
        image=row.get("image") or row.get("img_name"),
        dataset="SLAKE",
        answer_type=said(row.get("answer_type")).casefold(),
        question_type=said(row.get("content_type")),
        modality=modality_name(said(row.get("modality"))),
        body_part=said(row.get("location")),
    )


LAYOUT = Layout("slake", "SLAKE JSON (test.json beside imgs/), English questions", read)
