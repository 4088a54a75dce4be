"""Readers of both item formats, on files written here and on the real manifest."""

import json
from pathlib import Path

import pytest
from PIL import Image

from workbench.bench.questions.items import bundled_names, load_items, split_options
from workbench.errors import UserFacing


def line(**changes: object) -> dict[str, object]:
    return {
        "id": "one", "image": "images/a.png", "question": "Which side?\nA. left\nB. right",
        "reasoning": "<think>…</think><answer>B</answer>", "answer": "B",
        "perception": [
            {"unit_id": "u1", "topic": "side", "claim": "It is right.", "importance": "supporting"},
        ],
        "knowledge": [], "rationale": None, "modality": "X-ray", "question_type": "side",
    } | changes  # fmt: skip


def write(folder: Path, *lines: object, name: str = "items.jsonl") -> Path:
    (folder / "images").mkdir(exist_ok=True)
    Image.new("RGB", (4, 4)).save(folder / "images" / "a.png")
    text = "\n".join(entry if isinstance(entry, str) else json.dumps(entry) for entry in lines)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_line_of_the_test_schema(tmp_path: Path) -> None:
    item = load_items(write(tmp_path, line())).items[0]
    assert (item.question, item.options) == ("Which side?", ("left", "right"))
    assert (item.answer, item.answer_letter, item.answer_type) == ("right", "B", "closed")
    assert item.image_path == tmp_path / "images" / "a.png" and item.image_group == "images/a.png"
    (unit,) = item.units
    assert (unit.unit_id, unit.axis, unit.claim, unit.importance) == (
        "u1", "perception", "It is right.", "supporting",
    )  # fmt: skip


def test_answers_by_letter_by_text_and_open(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        line(id="a", answer="b"),
        line(id="b", answer="Left."),
        line(id="c", question="What is it?", answer="a nodule"),
        line(id="d", answer="E"),
    )
    found = load_items(path)
    assert [(item.answer, item.answer_letter) for item in found.items] == [
        ("right", "B"), ("left", "A"), ("a nodule", None),
    ]  # fmt: skip
    assert found.items[2].answer_type == "open"
    assert found.dropped == {"answer is none of the options": 1}


def test_rows_without_their_image_are_dropped_and_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        line(),
        line(id="null", image=None),
        line(id="gone", image="images/b.png"),
        line(id="out", image="../secret.png"),
    )
    found = load_items(path)
    assert [item.item_id for item in found.items] == ["one"]
    assert found.dropped == {"image missing": 2, "image outside the folder": 1}


def test_a_line_that_names_no_image_is_a_text_question(tmp_path: Path) -> None:
    record = line()
    del record["image"]
    assert load_items(write(tmp_path, record)).items[0].image_path is None


def test_a_linked_image_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "store" / "a.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "images").symlink_to(tmp_path / "store")
    (tmp_path / "set" / "items.jsonl").write_text(json.dumps(line()))
    assert len(load_items(tmp_path / "set").items) == 1


def test_limit_keeps_the_first(tmp_path: Path) -> None:
    path = write(tmp_path, *[line(id=str(i)) for i in range(5)])
    assert [item.item_id for item in load_items(path, limit=2).items] == ["0", "1"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(), "", "{half"], "Line 3"),
        ([line(), "[1]"], "Line 2"),
        ([{"image": "images/a.png", "answer": "A"}], "question"),
        ([line(question=None)], "Line 1"),
        ([line(image="gone.png")], "no usable items"),
        ([""], "no usable items"),
        ([line(), line()], "more than once"),
    ],
)
def test_faults_are_told_in_a_sentence(tmp_path: Path, lines: list[object], said: str) -> None:
    with pytest.raises(UserFacing, match=said):
        load_items(write(tmp_path, *lines))


def test_what_cannot_be_found_or_read(tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="phantoms"):
        load_items("no-such-benchmark")
    with pytest.raises(UserFacing, match="No benchmark items"):
        load_items(tmp_path)
    (tmp_path / "x.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserFacing, match="can't be read"):
        load_items(tmp_path / "x.jsonl")


@pytest.mark.parametrize(
    ("text", "stem", "options"),
    [
        ("Which?\nA. a\nB. b\nC. c", "Which?", ("a", "b", "c")),
        ("Case.\nA man of 40.\nWhich?\n(A) a\n(B) b", "Case.\nA man of 40.\nWhich?", ("a", "b")),
        ("Which?\nA) a\nB) b", "Which?", ("a", "b")),
        ("Which?\nB. b\nC. c", "Which?\nB. b\nC. c", ()),
        ("Which?", "Which?", ()),
        ("何?\nA. 左\nB. 右", "何?", ("左", "右")),
    ],
)
def test_options_are_parted_from_the_stem(text: str, stem: str, options: tuple[str, ...]) -> None:
    assert split_options(text) == (stem, options)


def manifest_line(**changes: object) -> dict[str, object]:
    return {
        "id": "m1", "file": "images/a.png", "modality": "CT", "body_part": "chest", "license": "CC0-1.0",
        "source": {"dataset": "Made"},
        "qa": [
            {"qid": "q1", "question": "Normal?", "answer": "yes", "answer_type": "closed",
             "options": ["Yes", "No"]},
            {"qid": "q2", "question": "正常吗?", "answer": "是", "answer_type": "closed", "lang": "zh"},
            {"qid": "q3", "question": "5 µm?", "answer": "Liver", "answer_type": "open"},
        ],
    } | changes  # fmt: skip


def test_manifest_questions(tmp_path: Path) -> None:
    path = write(tmp_path, manifest_line(), name="manifest.jsonl")
    found = load_items(tmp_path)
    assert found.path == path and found.dropped == {"not in English": 1} and found.n_images == 1
    closed, open_ = found.items
    assert (closed.item_id, closed.answer, closed.answer_letter) == ("m1/q1", "Yes", "A")
    assert (open_.options, open_.answer, open_.dataset, open_.modality) == ((), "Liver", "Made", "CT")
    assert {item.image_group for item in found.items} == {"m1"} and closed.licence == "CC0-1.0"


def test_manifest_image_missing_drops_each_question(tmp_path: Path) -> None:
    write(tmp_path, manifest_line(), manifest_line(id="m2", file="gone.png"), name="manifest.jsonl")
    assert load_items(tmp_path / "manifest.jsonl").dropped == {"image missing": 3, "not in English": 1}


def test_the_real_manifest(real_data: Path) -> None:
    records = [json.loads(text) for text in (real_data / "manifest.jsonl").read_text().splitlines()]
    languages = [qa.get("lang", "en") for record in records for qa in record["qa"]]
    found = load_items(real_data / "manifest.jsonl")
    assert found.dropped.pop("not in English") == sum(name != "en" for name in languages)
    assert len(found.items) + sum(found.dropped.values()) == languages.count("en")
    assert sum(found.dropped.values()) < 0.01 * len(found.items)
    assert all((item.answer_letter is None) == (not item.options) for item in found.items)


def test_the_bundled_phantoms() -> None:
    assert "phantoms" in bundled_names()
    found = load_items("phantoms")
    assert found.name == "phantoms" and not found.dropped
    assert all(
        {unit.axis for unit in item.units} == {"perception", "knowledge", "rationale"} for item in found.items
    )
    lettered = [item for item in found.items if item.options]
    assert all(item.options[ord(item.answer_letter) - 65] == item.answer for item in lettered)
    assert {item.task for item in found.items if not item.options} == {"unknown"}
