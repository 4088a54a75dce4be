"""OpenMedReason's test split: Parquet with images inside, rubric units, rows that can't be used."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.questions.importers.samples import draw, drawn
from workbench.bench.questions.importers import BadRow, import_items
from workbench.bench.questions.items import load_items
from workbench.errors import UserFacing

datasets = pytest.importorskip("datasets")
pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")

ASKED = "A man of 40 fell. What does the film show?\nA. a fracture\nB. normal bone\nC. a mass"


def unit(number: int, claim: str, importance: str = "core") -> dict[str, str]:
    return {
        "unit_id": f"u{number}", "topic": "bone", "claim": claim, "presence_question": "Is bone discussed?",
        "correctness_question": "Is it stated correctly?", "source_quote": claim, "importance": importance,
    }  # fmt: skip


def row(image: Any = 90, **changes: Any) -> dict[str, Any]:
    cell = {"bytes": drawn(image), "path": None} if isinstance(image, int) else image
    return {
        "image": cell, "question": ASKED, "answer": "A",
        "reasoning": "<think>A dark line crosses the bone.</think><answer>A</answer>",
        "perception": [unit(1, "A dark line."), unit(2, "The right side is whole.", "supporting")],
        "knowledge": [unit(3, "Bone has a smooth edge.")],
        "rationale": [unit(4, "Therefore a fracture.")],
    } | changes  # fmt: skip


def write(folder: Path, *rows: dict[str, Any], name: str = "data/test-00000-of-00001.parquet") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), folder / name)
    return folder


def test_a_row_becomes_an_item_with_its_units(tmp_path: Path) -> None:
    found = import_items("openmedreason", write(tmp_path, row()), store=tmp_path / "store")
    (item,) = found.items
    assert item.question == "A man of 40 fell. What does the film show?"
    assert item.options == ("a fracture", "normal bone", "a mass")
    assert (item.answer, item.answer_letter, item.answer_type) == ("a fracture", "A", "closed")
    assert [(u.unit_id, u.axis, u.importance) for u in item.units] == [
        ("u1", "perception", "core"), ("u2", "perception", "supporting"), ("u3", "knowledge", "core"),
        ("u4", "rationale", "core"),
    ]  # fmt: skip
    assert item.units[3].claim == item.units[3].source_quote == "Therefore a fracture."
    assert item.reasoning.endswith("<answer>A</answer>") and item.dataset == "OpenMedReason"
    assert item.image_path.read_bytes() == drawn() and item.image_path.parent == tmp_path / "store"


def test_the_same_picture_is_one_group_and_one_file(tmp_path: Path) -> None:
    folder = write(tmp_path, row(90), row(91), row(90, answer="B"))
    first, second, third = import_items("openmedreason", folder, store=tmp_path / "store").items
    assert first.image_group == third.image_group != second.image_group
    assert first.image_path == third.image_path and len(list((tmp_path / "store").iterdir())) == 2


def test_null_images_and_other_bad_rows_are_told_by_number(tmp_path: Path) -> None:
    rows = (
        row(None), row({"bytes": None, "path": "fig_17.jpg"}), row(), row(question="What is it?"),
        row(answer="E"), row({"bytes": b"<html>", "path": None}), row(answer=""),
    )  # fmt: skip
    found = load_items(write(tmp_path, *rows), layout="openmedreason", store=tmp_path / "store")
    assert [item.item_id for item in found.items] == ["omr-3"]
    assert found.bad == (
        BadRow(1, "no image"),
        BadRow(2, "the image file is missing"),
        BadRow(4, "no lettered options in the question"),
        BadRow(5, "the answer is none of the options"),
        BadRow(6, "the image can't be read"),
        BadRow(7, "no answer"),
    )
    assert found.dropped["no image"] == 1 and sum(found.dropped.values()) == 6


def test_train_rows_without_units_stay_usable(tmp_path: Path) -> None:
    bare = row(perception=[], knowledge=[], rationale=[])
    folder = write(tmp_path, bare, name="data/train-00000-of-00001.parquet")
    assert import_items("openmedreason", folder, split="train", store=tmp_path / "s").items[0].units == ()
    with pytest.raises(UserFacing, match="no data files for the split 'test'"):
        import_items("openmedreason", folder)


def test_options_in_running_text(tmp_path: Path) -> None:
    folder = write(tmp_path, row(question="What is seen? A. a dot B. a line of 3 mm", answer="B"))
    (item,) = import_items("openmedreason", folder, store=tmp_path / "store").items
    assert (item.question, item.answer) == ("What is seen?", "a line of 3 mm")


def test_limit_reads_no_further(tmp_path: Path) -> None:
    folder = write(tmp_path, *[row(shade) for shade in range(20, 30)])
    found = import_items("openmedreason", folder, 3, store=tmp_path / "store")
    assert len(found.items) == len(list((tmp_path / "store").iterdir())) == 3


def test_a_hub_set_is_asked_for_by_split_configuration_and_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def load_dataset(path: str, **arguments: Any) -> Any:
        asked.append((path, arguments))
        return datasets.Dataset.from_list([row()]).cast_column("image", datasets.Image())

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = import_items("openmedreason", "someone/Open:main@v2", store=tmp_path)
    assert asked == [("someone/Open", {"split": "test", "revision": "v2", "name": "main"})]
    assert found.name == "openmedreason/someone/Open" and found.items[0].image_path.read_bytes() == drawn()


def test_what_is_missing_is_told_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, row())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserFacing, match=r"pip install -r requirements-train\.txt"):
        import_items("openmedreason", tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserFacing, match=r"`datasets` library.*requirements-train"):
        import_items("openmedreason", "someone/Open")


def test_a_broken_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "test.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UserFacing, match="can't be read as Parquet"):
        import_items("openmedreason", tmp_path)
    draw(tmp_path / "x.png")
    with pytest.raises(UserFacing, match="can't be read"):
        import_items("openmedreason", tmp_path / "x.png")
