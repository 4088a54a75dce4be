"""MediX-R1: its evaluation files `<model>.jsonl`, in and out, and rows of medix-rl-data (arXiv 2602.23363).

An evaluation line is {"id": "<task>_<row>", "question", "answer", "response", "answer_idx"}; options stand
under "Choices:" in `question`, `answer` is the option's text. The files carry no images.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from workbench.bench.questions.importers.cells import Unusable, image_cell, options_inside, require, said
from workbench.bench.questions.importers.layout import Context, Layout, Row, make_item
from workbench.bench.questions.items import Item
from workbench.bench.store.results import Result
from workbench.models.prompts import lettered
from workbench.traces import MODALITIES

CHOICES = "Choices:"
_ID = re.compile(r"\S+_\d+")
_SOLUTION = re.compile(r"\s*<([A-Z_]+)>\s*(.*)", re.DOTALL)
_NEEDS_IMAGE = re.compile(r"vqa|mimic_cxr_report_generation")
_NAMES = {"X_RAY": "X-ray", "CT_SCAN": "CT", "MRI_SCAN": "MRI", "PET_SCAN": "PET", "OCT_SCAN": "OCT"}


def read(row: Row, context: Context) -> Item:
    """One line of an evaluation file, or one row of medix-rl-data (which has `problem` and `solution`)."""
    return _rl_row(row, context) if "problem" in row else _evaluation_line(row, context)


def _evaluation_line(row: Row, context: Context) -> Item:
    identity = said(row["id"])
    require(identity, "no id")
    question, options = options_inside(row["question"])
    task = identity.rpartition("_")[0]
    image = row.get("image") or _image_named(identity, context)
    require(image or not _NEEDS_IMAGE.search(task), "the task needs an image, and the file holds none")
    return make_item(
        context,
        identity=identity,
        question=question.removesuffix(CHOICES),
        options=options,
        answer=_gold(row, options),
        image=image,
        has_image=image is not None,
        dataset=task or "MediX-R1",
        task=task,
    )


def _gold(row: Row, options: tuple[str, ...]) -> str:
    """The letter where the line has one; else the text, and of PubMedQA's "yes\\nBecause …" the decision."""
    letter, answer = said(row.get("answer_idx")), str(row["answer"]).strip()
    if options and len(letter) == 1 and letter.isalpha():
        return letter
    return answer.split("\n")[0] if options else answer


def _image_named(identity: str, context: Context) -> str | None:
    """The id itself where a picture of that name lies beside the file."""
    try:
        image_cell(identity, context.folder)
    except Unusable:
        return None
    return identity


def _rl_row(row: Row, context: Context) -> Item:
    cells = row["image"] if isinstance(row["image"], list) else [row["image"]]
    solution = _SOLUTION.fullmatch(row["solution"])
    if solution is None or solution[1] not in MODALITIES:
        raise Unusable("no known modality tag in front of the solution")
    stem, options = options_inside(row["problem"].replace("<image>", "").strip())
    tag, answer = solution[1], solution[2].strip()
    return make_item(
        context,
        identity=said(row.get("id")) or f"medix-{context.row}",
        question=stem,
        options=options,
        answer=answer,
        image=cells,
        has_image=bool(cells),
        dataset=said(row.get("source")) or "medix-rl-data",
        modality=_NAMES.get(tag, tag.replace("_", " ").lower()),
    )


def write_responses(results: Iterable[Result], folder: str | Path, model: str) -> tuple[Path, int]:
    """Write `<model>/<model>.jsonl` in MediX-R1's layout; returns the file and how many lines it holds.

    Taken are `model`'s answers to the real image, the last one of each item, sorted by item id; failed ones
    are left out, as that code asks for missing ids again. An item id that is no "<task>_<number>" becomes
    "<dataset>_<number>", where the number is the item's place among all: the same for every model of a run.
    """
    name = re.sub(r"[^a-zA-Z0-9]", "_", model.rstrip("/").rpartition("/")[2])
    path = Path(folder) / name / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    answers: dict[str, Result | None] = {}
    for result in results:
        answers.setdefault(result.item_id, None)
        if result.model == model and result.condition == "image" and not result.error:
            answers[result.item_id] = result
    lines = [_line(answers[name], number) for number, name in enumerate(sorted(answers)) if answers[name]]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path, len(lines)


def _line(result: Result, number: int) -> dict[str, str | None]:
    task = re.sub(r"\W+", "_", result.dataset.casefold()).strip("_") or "items"
    choices = f"\n\n{CHOICES}\n{lettered(result.options)}" if result.options else ""
    return {
        "id": result.item_id if _ID.fullmatch(result.item_id) else f"{task}_{number}",
        "question": result.question + choices,
        "answer": result.gold,
        "response": result.text,
        "answer_idx": result.gold_letter,
    }


LAYOUT = Layout("medix", "MediX-R1 evaluation lines (<model>.jsonl) and medix-rl-data rows", read)
