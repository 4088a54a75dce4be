"""SLAKE, VQA-RAD, PathVQA, VQA-MED, PMC-VQA, MedXpertQA and MedSSR: one small sample in each layout."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.questions.importers.samples import draw, drawn, write_lines, write_list, write_table
from workbench.bench.questions.importers import BadRow, import_items
from workbench.errors import UserFacing


def slake(**changes: Any) -> dict[str, Any]:
    return {
        "img_id": 1, "img_name": "xmlab1/source.jpg", "question": "Is there a  lung in the image?",
        "answer": "Yes", "q_lang": "en", "location": "Lung", "modality": "X-Ray", "answer_type": "CLOSED",
        "base_type": "vqa", "content_type": "Organ", "triple": ["vhead", "_", "_"], "qid": 11934,
    } | changes  # fmt: skip


def test_slake(tmp_path: Path) -> None:
    draw(tmp_path / "imgs" / "xmlab1" / "source.jpg")
    write_list(
        tmp_path / "test.json",
        slake(),
        slake(qid=11935, question="Which organ is large?", answer="Heart", answer_type="OPEN"),
        slake(qid=11936, q_lang="zh", question="图中有肺吗?", answer="有"),
        slake(qid=11937, img_name="xmlab2/source.jpg"),
        slake(qid=11934),
    )
    write_list(tmp_path / "train.json", slake(qid=1))
    found = import_items("slake", tmp_path)
    closed, open_ = found.items
    assert (closed.item_id, closed.question) == ("slake-11934", "Is there a lung in the image?")
    assert (closed.options, closed.answer, closed.answer_letter, closed.answer_type) == (
        (),
        "Yes",
        None,
        "closed",
    )
    assert (closed.modality, closed.body_part, closed.question_type) == ("X-ray", "Lung", "Organ")
    assert (open_.answer, open_.answer_type) == ("Heart", "open")
    assert closed.image_group == open_.image_group and found.n_images == 1
    assert found.bad == (
        BadRow(3, "not in English"),
        BadRow(4, "the image file is missing"),
        BadRow(5, "the id stands on an earlier row"),
    )


def test_vqa_rad_public_list(tmp_path: Path) -> None:
    draw(tmp_path / "VQA_RAD Image Folder" / "synpic1.jpg")
    line = {
        "qid": 7, "phrase_type": "test_freeform", "image_name": "synpic1.jpg", "image_organ": "CHEST",
        "question": "How many ribs?", "question_type": "COUNT", "answer": 12, "answer_type": "OPEN ",
    }  # fmt: skip
    more = {"qid": "8", "answer": "No", "answer_type": "CLOSED", "question": "Is it normal?"}
    path = write_list(
        tmp_path / "VQA_RAD Dataset Public.json", line, line | more, line | {"qid": 9, "phrase_type": "para"}
    )
    found = import_items("vqa-rad", path)
    first, second = found.items
    assert (first.item_id, first.answer, first.answer_type) == ("vqa-rad-7", "12", "open")
    assert (first.question_type, first.body_part) == ("COUNT", "chest")
    assert (second.answer, second.answer_type) == ("No", "closed")
    assert found.bad == (BadRow(3, "not in the split 'test'"),)
    assert [item.item_id for item in import_items("vqa-rad", path, split="train").items] == ["vqa-rad-9"]


def test_hub_copies_of_vqa_rad_and_path_vqa(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [
        {"image": {"bytes": drawn(), "path": None}, "question": "is it enlarged?", "answer": "no"},
        {"image": {"bytes": drawn(), "path": None}, "question": "what is shown?", "answer": "liver"},
        {"image": None, "question": "where?", "answer": "here"},
    ]
    table = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    table.to_parquet(str(tmp_path / "test-00000.parquet"))
    for layout in ("vqa-rad", "path-vqa"):
        found = import_items(layout, tmp_path, store=tmp_path / "store")
        assert [item.answer_type for item in found.items] == ["closed", "open"]
        assert found.n_images == 1 and found.bad == (BadRow(3, "no image"),)
    assert [item.question_type for item in found.items] == ["yes/no", "what"]


def test_path_vqa_names_images_without_an_ending_and_opens_no_pickle(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "test_0001.jpg")
    row = {"image": "test_0001", "question": "What is present?", "answer": "necrosis"}
    (item,) = import_items("path-vqa", write_lines(tmp_path / "test.jsonl", row)).items
    assert item.image_path.name == "test_0001.jpg" and item.modality == "histology"
    (tmp_path / "test_qa.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(UserFacing, match="can run code"):
        import_items("path-vqa", tmp_path / "test_qa.pkl")


def test_vqa_med(tmp_path: Path) -> None:
    draw(tmp_path / "VQAMed2019_Test_Images" / "synpic1.jpg")
    lines = (
        "synpic1|Modality|what imaging was used?|xr - plain film", "", "synpic1|what is seen?|a mass",
        "synpic1|Plane|which plane?|axial#transverse", "synpic1|what?", "gone|what is seen?|a mass",
    )  # fmt: skip
    found = import_items("vqa-med", write_lines(tmp_path / "test.txt", *lines))
    assert [(item.question_type, item.question, item.answer) for item in found.items] == [
        ("modality", "what imaging was used?", "xr - plain film"), ("", "what is seen?", "a mass"),
        ("plane", "which plane?", "axial"),
    ]  # fmt: skip
    assert [item.alternatives for item in found.items] == [(), (), ("transverse",)]
    assert [fault.row for fault in found.bad] == [5, 6]


def test_pmc_vqa_versions_one_and_two(tmp_path: Path) -> None:
    draw(tmp_path / "figures" / "PMC1_F1.jpg")
    choices = {"Choice A": " A: CT ", "Choice B": "B: MRI", "Choice C": "X-ray", "Choice D": "D: PET"}
    start = {"Figure_path": "PMC1_F1.jpg", "Question": " Which scan? "}
    one = start | {"Answer": "MRI"} | choices | {"Answer_label": "B"}
    two = {"index": 31} | start | {"Caption": "x"} | choices | {"Answer": "C", "split": "test"}
    (first,) = import_items("pmc-vqa", write_table(tmp_path / "test.csv", one)).items
    assert (first.options, first.answer, first.question) == (
        ("CT", "MRI", "X-ray", "PET"),
        "MRI",
        "Which scan?",
    )
    path = write_table(
        tmp_path / "test_2.csv", two, two | {"index": 32, "Choice C": "A: CT", "Choice A": "CT"}
    )
    found = import_items("pmc-vqa", path)
    assert (found.items[0].item_id, found.items[0].answer_letter) == ("pmc-vqa-31", "C")
    assert len(found.items) == 2 and found.items[1].options[2] == "A: CT"  # "A:" is the prefix of A only
    same = two | {"Choice C": "C: CT"}
    with pytest.raises(UserFacing, match="two options are the same: 1"):
        import_items("pmc-vqa", write_table(tmp_path / "test_3.csv", same))


def medxpert(**changes: Any) -> dict[str, Any]:
    return {
        "id": "MM-26", "question": "A man coughs. What is it?\nAnswer Choices: (A) flu (B) asthma",
        "options": {"B": "asthma", "A": "flu"}, "label": "B", "images": ["MM-26-a.jpeg"],
        "medical_task": "Diagnosis", "body_system": "Respiratory", "question_type": "Reasoning",
    } | changes  # fmt: skip


def test_medxpertqa(tmp_path: Path) -> None:
    for name in ("MM-26-a.jpeg", "MM-27-b.jpeg"):
        draw(tmp_path / "images" / name)
    listed = [{"letter": "A", "content": "flu"}, {"letter": "B", "content": "asthma"}]
    path = write_lines(
        tmp_path / "MM" / "test.jsonl",
        medxpert(),
        medxpert(id="Text-1", images=None, options=listed, label="A"),
        medxpert(id="MM-27", images=["MM-26-a.jpeg", "MM-27-b.jpeg"]),
        medxpert(id="MM-28", images=[]),
        "{half",
    )
    found = import_items("medxpertqa", path)
    mm, text, several = found.items
    assert [path.name for path in several.image_paths] == ["MM-26-a.jpeg", "MM-27-b.jpeg"]
    assert mm.image_paths == (mm.image_path,) and text.image_paths == ()
    assert (mm.question, mm.options, mm.answer) == ("A man coughs. What is it?", ("flu", "asthma"), "asthma")
    assert (mm.task, mm.body_part, mm.question_type) == ("Diagnosis", "Respiratory", "Reasoning")
    assert (text.image_path, text.answer_letter, text.dataset) == (None, "A", "MedXpertQA Text")
    assert found.bad == (BadRow(4, "no image"), BadRow(5, "not JSON"))


def test_medssr(tmp_path: Path) -> None:
    def row(identity: str, **changes: Any) -> dict[str, Any]:
        asked = {"id": identity, "question": "Which one?\nA. aspirin\nB. rest\nC. surgery", "gold": "C"}
        return asked | {"name": "Lancet", "long": False, "is_reasoning": True} | changes

    path = write_list(
        tmp_path / "test_short_lancet.json",
        row("l1"), row("l2", is_reasoning=False), row("r1", name="RareDis-Sub", gold="A"),
        row("m1", gold="D"), row("m2", question="Which one?"), 17, {"id": "m3"},
    )  # fmt: skip
    found = import_items("medssr", path)
    assert [(item.dataset, item.question_type, item.task) for item in found.items] == [
        ("Lancet", "reasoning-intensive", ""), ("Lancet", "other", ""),
        ("RareDis-Sub", "reasoning-intensive", "rare disease"),
    ]  # fmt: skip
    assert [item.answer for item in found.items] == ["surgery", "surgery", "aspirin"]
    assert all(item.image_path is None for item in found.items)
    assert found.bad == (
        BadRow(4, "the answer is none of the options"), BadRow(5, "no lettered options in the question"),
        BadRow(6, "not a JSON object"), BadRow(7, "no field 'question'"),
    )  # fmt: skip
