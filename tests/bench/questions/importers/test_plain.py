"""A user's own questions: tables and JSON beside an image folder."""

import json
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest

from tests.bench.questions.importers.samples import draw, write_lines, write_list, write_table
from workbench.bench.questions.importers import LAYOUTS, BadRow, import_items, remarks
from workbench.bench.questions.importers.rows import open_rows
from workbench.bench.questions.items import load_items
from workbench.errors import UserFacing


def test_a_table(tmp_path: Path) -> None:
    draw(tmp_path / "images" / "a.png")
    row = {
        "image": "a.png", "question": "Which side?", "options": "left | right", "answer": "b",
        "modality": "CT", "image_group": "patient 1",
    }  # fmt: skip
    path = write_table(
        tmp_path / "ward.csv",
        row,
        row | {"options": "", "question": "Normal?", "answer": "yes"},
        row | {"options": "", "question": "What is seen?", "answer": "a nodule, 5 µm"},
        row | {"image": ""},
        row | {"image": "b.png"},
        row | {"image": "../a.png"},
        row | {"options": "left"},
        row | {"options": "left | | right"},
        row | {"answer": "up"},
        row | {"question": " "},
    )
    found = import_items("plain", path)
    first, closed, open_ = found.items
    assert (first.item_id, first.options, first.answer, first.answer_letter) == (
        "row-1", ("left", "right"), "right", "B",
    )  # fmt: skip
    assert (first.modality, first.image_group, first.dataset) == ("CT", "patient 1", "own items")
    assert (closed.answer_type, open_.answer_type, open_.answer) == ("closed", "open", "a nodule, 5 µm")
    assert [(fault.row, fault.reason) for fault in found.bad] == [
        (4, "no image"), (5, "the image file is missing"), (6, "the image lies outside the folder"),
        (7, "only one option"), (8, "an option is empty"), (9, "the answer is none of the options"),
        (10, "no question"),
    ]  # fmt: skip
    assert found.name == "plain/ward" and found.path == path


def test_lines_with_units_and_text_questions(tmp_path: Path) -> None:
    unit = {"unit_id": "u1", "topic": "side", "claim": "It is right."}
    row = {"id": "q1", "question": "Which side?\nA. left\nB. right", "answer": "right", "perception": [unit]}
    path = write_lines(
        tmp_path / "own.jsonl", row, {**row, "id": "q2", "options": ["up", "down"], "answer": "A"}
    )
    first, second = import_items("plain", path).items
    assert (first.question, first.answer_letter, first.image_path) == ("Which side?", "B", None)
    assert first.units[0].claim == "It is right." and first.image_group == "q1"
    assert (second.question, second.options) == (row["question"], ("up", "down"))


def test_json_lists_and_tabs_and_an_image_folder_elsewhere(tmp_path: Path) -> None:
    draw(tmp_path / "pictures" / "deep" / "a.png")
    row = {"image": "deep/a.png", "question": "Normal?", "answer": "no"}
    for path in (
        write_list(tmp_path / "data" / "own.json", row),
        write_table(tmp_path / "data" / "own.tsv", row, separator="\t"),
    ):
        (item,) = import_items("plain", path, images=tmp_path / "pictures").items
        assert item.image_path == tmp_path / "pictures" / "deep" / "a.png"
        with pytest.raises(UserFacing, match="the image file is missing: 1"):
            import_items("plain", path)


def test_files_with_a_byte_order_mark_and_ragged_rows(tmp_path: Path) -> None:
    text = "\ufeffquestion,answer\nNormal?,yes\nNormal?,no,really\nNormal?\n"
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    found = import_items("plain", tmp_path)
    assert [item.answer for item in found.items] == ["yes"]
    assert found.bad == (BadRow(2, "more cells than columns"), BadRow(3, "no answer"))


def test_a_file_that_is_no_text_and_a_source_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"question\n\xff\xfe")
    with pytest.raises(UserFacing, match="can't be read as a table"):
        import_items("plain", tmp_path / "own.csv")
    with pytest.raises(UserFacing, match="There is no data"):
        import_items("plain", tmp_path / "gone.csv")
    with pytest.raises(UserFacing, match=r"no layout named 'paint'.*slake"):
        import_items("paint", tmp_path)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(UserFacing, match="it is empty"):
        import_items("plain", tmp_path / "empty.jsonl")


def test_what_was_left_out_is_told_by_reason_and_row() -> None:
    bad = tuple(BadRow(row, "no image") for row in range(1, 8)) + (BadRow(9, "not JSON"),)
    assert list(remarks(bad, most=3)) == [
        "left out 7 rows: no image (rows 1, 2, 3, …)", "left out 1 row: not JSON (row 9)",
    ]  # fmt: skip


def test_every_layout_is_listed_under_its_own_name() -> None:
    assert {name: layout.name for name, layout in LAYOUTS.items()} == {name: name for name in LAYOUTS}
    assert len(LAYOUTS) == 10


def test_wrong_kinds_are_rows_left_out_and_never_a_crash(tmp_path: Path) -> None:
    values = [None, 3, [], {}, "x", True]
    for name in LAYOUTS:
        keys = ["id", "question", "answer", "gold", "image", "options", "label", "Question", "problem"]
        rows = [dict.fromkeys(keys, value) for value in values]
        path = write_lines(tmp_path / "odd.jsonl", *rows, json.dumps("text"), "null")
        with pytest.raises(UserFacing, match="no usable rows"):
            import_items(name, path)


def test_the_projects_own_lines_tell_their_bad_rows_too(tmp_path: Path) -> None:
    row = {"id": "a", "question": "Which?\nA. left\nB. right", "answer": "A"}
    path = write_lines(tmp_path / "items.jsonl", row, "", {**row, "id": "b", "answer": "C"})
    assert load_items(path).bad == (BadRow(3, "answer is none of the options"),)


def test_a_hundred_times_as_many_rows_take_no_more_memory_to_read(tmp_path: Path) -> None:
    row = {"question": "Which side is it?", "options": ["left", "right"], "answer": "left"}
    path = tmp_path / "own.jsonl"
    peaks = []
    for rows in (300, 30_000):
        path.write_text((json.dumps(row) + "\n") * rows)
        tracemalloc.start()
        assert len(import_items("plain", path, 5).items) == 5
        for _ in islice(open_rows(path, "test").rows, rows):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] + 100_000


def test_several_pictures_as_a_list_or_between_bars(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(tmp_path / name)
    row = {"question": "Which is older?", "answer": "the first"}
    table = write_table(tmp_path / "own.tsv", row | {"image": "a.png | b.png"}, separator="\t")
    for path in (write_list(tmp_path / "own.json", row | {"image": ["a.png", "b.png"]}), table):
        (item,) = import_items("plain", path).items
        assert [found.name for found in item.image_paths] == ["a.png", "b.png"]
    gone = write_list(tmp_path / "gone.json", row | {"image": ["a.png", "c.png"]})
    with pytest.raises(UserFacing, match="the image file is missing: 1"):
        import_items("plain", gone)
