"""Hand-made rows in each public layout: what is kept, what is left out, and for which reason."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from workbench.bench.questions.importers.cells import options_inside
from workbench.errors import UserFacing
from workbench.training.sft.schemas import BadRow
from workbench.training.sft.sources import load_records

datasets = pytest.importorskip("datasets")

LINES = "What is seen?\nA. a dot\nB. a line\nC. nothing"
REASONING = "<think>It is long and thin.</think><answer>B</answer>"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def jpeg(colour: int = 90) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (colour, 0, 0)).save(stream, "JPEG")
    return stream.getvalue()


def cell(data: bytes | None) -> dict[str, Any] | None:
    return None if data is None else {"bytes": data, "path": None}


def omr_row(**changes: Any) -> dict[str, Any]:
    row = {"image": cell(jpeg()), "question": LINES, "reasoning": REASONING, "answer": "B"}
    return row | {"perception": [], "knowledge": [], "rationale": []} | changes


def write_parquet(path: Path, rows: list[dict[str, Any]], image: Any = None) -> Path:
    """Rows as `datasets` stores an Image column: struct<bytes, path>, with the feature in the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = datasets.Dataset.from_dict({key: [row[key] for row in rows] for key in rows[0]})
    table.cast_column("image", image or datasets.Image()).to_parquet(str(path))
    return path


def test_openmedreason_parquet_keeps_good_rows_and_names_the_bad(tmp_path: Path) -> None:
    rows = [
        omr_row(),
        omr_row(image=None),
        omr_row(question="What is seen?"),
        omr_row(answer="D"),
        omr_row(answer="A"),
        omr_row(reasoning="It is long."),
        omr_row(image=cell(b"not a picture")),
    ]
    write_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", rows)
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", [omr_row(answer="C")])
    table, report = load_records("openmedreason", str(tmp_path))
    assert (report.rows, report.kept, len(table)) == (7, 1, 1)
    assert report.bad == (
        BadRow(2, "no image"),
        BadRow(3, "no lettered options in the question"),
        BadRow(4, "the answer is none of the options"),
        BadRow(5, "the reasoning ends in another answer"),
        BadRow(6, "the reasoning lacks its tags"),
        BadRow(7, "the image can't be read"),
    )
    record = table[0]
    assert (record.question, record.options) == ("What is seen?", ("a dot", "a line", "nothing"))
    assert (record.answer, record.reasoning, record.image) == ("a line", REASONING, jpeg())


@pytest.mark.parametrize(
    ("question", "stem", "options"),
    [
        ("What is seen? A. a dot B. a line of 3 mm", "What is seen?", ("a dot", "a line of 3 mm")),
        ("Vitamin A. deficit? (A) yes (B) no", "Vitamin A. deficit?", ("yes", "no")),
        ("Hepatitis A. What now? A) rest B) surgery", "Hepatitis A. What now?", ("rest", "surgery")),
        ("What is seen?", "What is seen?", ()),
    ],
)
def test_options_inside_running_text(question: str, stem: str, options: tuple[str, ...]) -> None:
    assert options_inside(question) == (stem, options)


def test_medix_rows_have_image_lists_and_tagged_solutions(tmp_path: Path) -> None:
    def row(name: str, images: list[Any], solution: str) -> dict[str, Any]:
        problem = "<image>Which organ?\nA. lung\nB. liver" if name == "m1" else "<image>Which organ?"
        return {"id": name, "image": images, "source": "pmc", "problem": problem, "solution": solution}

    rows = [
        row("m1", [cell(jpeg())], "<CT_SCAN> liver"),
        row("m2", [], "<OTHER> the heart"),
        row("m3", [cell(jpeg()), cell(jpeg(5))], "<X_RAY> lung"),
        row("m4", [cell(jpeg())], "lung"),
        row("m5", [cell(jpeg())], "<SCAN> lung"),
    ]
    path = write_parquet(tmp_path / "train.parquet", rows, datasets.List(datasets.Image()))
    table, report = load_records("medix", str(path))
    first, second = table
    assert (first.record_id, first.question, first.options) == ("m1", "Which organ?", ("lung", "liver"))
    assert (first.answer, first.tag, first.image, first.reasoning) == ("liver", "<CT_SCAN>", jpeg(), "")
    assert (second.image, second.answer, second.source) == (None, "the heart", "pmc")
    assert [fault.row for fault in report.bad] == [3, 4, 5]
    assert report.reasons == {"more than one image": 1, "no known modality tag in front of the solution": 2}


def slake_row(**changes: Any) -> dict[str, Any]:
    row = {"img_name": "xmlab1/source.jpg", "question": "Is it a  lung?", "answer": "Yes", "q_lang": "en"}
    return row | {"answer_type": "CLOSED", "modality": "X-Ray", "location": "Lung", "qid": 7} | changes


def test_slake_json_finds_its_images_and_counts_other_languages(tmp_path: Path) -> None:
    (tmp_path / "imgs" / "xmlab1").mkdir(parents=True)
    (tmp_path / "imgs" / "xmlab1" / "source.jpg").write_bytes(jpeg())
    (tmp_path.parent / "outside.jpg").write_bytes(jpeg())
    rows = [
        slake_row(),
        slake_row(q_lang="zh"),
        slake_row(img_name="xmlab2/source.jpg"),
        slake_row(img_name="../../outside.jpg"),
        {"question": "no image name", "answer": "x"},
        slake_row(answer=" "),
    ]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    (tmp_path / "test.json").write_text("[]")
    table, report = load_records("slake", str(tmp_path))
    assert [(r.question, r.answer, r.tag) for r in table] == [("Is it a lung?", "Yes", "<X_RAY>")]
    assert table[0].image == tmp_path / "imgs" / "xmlab1" / "source.jpg"
    assert [fault.row for fault in report.bad] == [2, 3, 4, 5, 6]
    assert [fault.reason for fault in report.bad[:3]] == [
        "not in English",
        "the image file is missing",
        "the image lies outside the folder",
    ]
    assert "img_name" in report.bad[3].reason


def test_manifest_lines_that_are_not_json_are_bad_rows_and_boxes_follow_their_question(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    qa = [
        {"qid": "q1", "question": "Is it?", "answer": "yes", "options": ["Yes", "No"], "region_ids": ["r2"]},
        {"qid": "q2", "question": "Is it?", "answer": "maybe", "options": ["Yes", "No"]},
        {"qid": "q3", "question": "Wo?", "answer": "links", "lang": "de"},
    ]
    regions = [
        {"id": "r1", "label": "a", "box": [0, 0, 1, 1]},
        {"id": "r2", "label": "b", "box": [1, 2, 3, 4]},
    ]
    line = {"id": "i", "file": "a.jpg", "modality": "CT", "qa": qa, "regions": regions}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n{broken\n[1]\n")
    table, report = load_records("manifest", str(tmp_path))
    assert [(r.record_id, r.answer, r.boxes, r.tag) for r in table] == [
        ("i/q1", "Yes", ((1, 2, 3, 4),), "<CT_SCAN>")
    ]
    assert [(fault.row, fault.reason) for fault in report.bad] == [
        (1, "the answer is none of the options"),
        (1, "not in English"),
        (2, "not JSON"),
        (3, "not a JSON object"),
    ]


def test_the_real_manifest_is_read_whole(real_data: Path) -> None:
    table, report = load_records("manifest", str(real_data))
    questions = sum(len(json.loads(line)["qa"]) for line in (real_data / "manifest.jsonl").open())
    assert len(table) + len(report.bad) == questions
    assert set(report.reasons) == {"not in English"}


def test_a_hub_id_is_loaded_by_its_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def fake(name: str, split: str, **more: Any) -> Any:
        asked.update(more, name=name, split=split)
        return datasets.Dataset.from_list([omr_row()]).cast_column("image", datasets.Image())

    monkeypatch.setattr(datasets, "load_dataset", fake)
    table, _ = load_records("openmedreason", "owner/name@abc123", split="test")
    assert asked == {"name": "owner/name", "split": "test", "revision": "abc123"}
    assert table[0].answer == "a line"


def test_a_missing_library_is_told_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_parquet(tmp_path / "train.parquet", [omr_row()])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserFacing, match=r"pip install -r requirements-train\.txt"):
        load_records("openmedreason", str(path))


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "test.json").write_text("[]")
    (tmp_path / "broken.json").write_text("[")
    for schema, ref, words in [
        ("other", "x", "no data schema"),
        ("slake", str(tmp_path / "none"), "no data at"),
        ("slake", str(tmp_path / "empty"), "no data files"),
        ("slake", str(tmp_path / "test.json"), "no usable rows"),
        ("slake", str(tmp_path / "broken.json"), "as JSON"),
    ]:
        with pytest.raises(UserFacing, match=words):
            load_records(schema, ref)


def test_a_folder_with_test_files_alone_is_not_trained_on(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(json.dumps([slake_row()]))
    with pytest.raises(UserFacing, match="split 'train'"):
        load_records("slake", str(tmp_path))


def test_medssr_rows_are_text_with_a_letter_or_an_option_for_gold(tmp_path: Path) -> None:
    question = "Which drug?\nA. aspirin\nB. sand"
    rows = [
        {"id": "a", "question": question, "gold": "A", "name": "medqa"},
        {"id": "b", "question": question, "answer": "Sand", "name": "RareDis-Sub", "trace": "It is dry."},
        {"id": "c", "question": question, "gold": "B", "reasoning": "So it is. The answer is B."},
        {"id": "d", "question": question, "gold": "B", "trace": "The answer is A."},
        {"id": "e", "question": question, "gold": "C"},
        {"id": "f", "question": "Which drug?", "gold": "A"},
        {"id": "g", "question": question, "gold": "A", "image": "x.png"},
    ]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    table, report = load_records("medssr", str(tmp_path))
    assert [(r.record_id, r.answer, r.rare, r.source) for r in table] == [
        ("a", "aspirin", False, "medqa"), ("b", "sand", True, "RareDis-Sub"), ("c", "sand", False, "medssr"),
    ]  # fmt: skip
    assert [r.reasoning for r in table] == [
        "", "It is dry.\nThe answer is B.", "So it is. The answer is B.",
    ]  # fmt: skip
    assert all(r.image is None and r.options == ("aspirin", "sand") for r in table)
    assert [fault.reason for fault in report.bad] == [
        "the reasoning ends in another answer", "the answer is none of the options",
        "no lettered options in the question", "it has a picture, and MedSSR's questions have none",
    ]  # fmt: skip
