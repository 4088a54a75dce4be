"""Items that stay on disk read as a tuple would."""

import json
from pathlib import Path

import pytest

from tests.bench.fakes import sided_items
from tests.bench.questions.test_items import line, manifest_line, write
from workbench.bench.questions.item_file import ItemFile
from workbench.bench.questions.items import load_items
from workbench.errors import UserFacing


def test_it_is_a_sequence_of_the_same_items_each_time(tmp_path: Path) -> None:
    items = sided_items(tmp_path, "LRLR").items
    assert isinstance(items, ItemFile) and len(items) == 8
    whole = tuple(items)
    assert items[:] == whole and items[1:7:2] == whole[1:7:2] and items[-1] == whole[-1]
    assert items[3] == whole[3] and items[8:] == () and whole[0] in items
    with pytest.raises(IndexError):
        items[8]


def test_left_out_lines_and_several_questions_a_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        manifest_line(),
        manifest_line(id="gone", file="gone.png"),
        "",
        manifest_line(id="é", source={"dataset": "Überall"}),
        name="manifest.jsonl",
    )
    found = load_items(tmp_path)
    assert [item.item_id for item in found.items] == ["m1/q1", "m1/q3", "é/q1", "é/q3"]
    assert found.items[2:] == tuple(found.items)[2:] and found.items[3].dataset == "Überall"
    assert load_items(tmp_path, limit=3).items[:] == found.items[:3]


def test_lines_without_an_id_keep_their_number(tmp_path: Path) -> None:
    plain = {name: value for name, value in line().items() if name != "id"}
    items = load_items(write(tmp_path, plain, "", plain)).items
    assert [item.item_id for item in items] == ["000001", "000003"] == [items[0].item_id, items[1].item_id]


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    items = load_items(write(tmp_path, line(id="a"), line(id="b"))).items
    (tmp_path / "items.jsonl").write_text(json.dumps(line(id="a")))
    assert items[0].item_id == "a"
    with pytest.raises(UserFacing, match="changed while"):
        items[1]
    (tmp_path / "images" / "a.png").unlink()
    with pytest.raises(UserFacing, match="changed while"):
        items[0]
    (tmp_path / "items.jsonl").unlink()
    with pytest.raises(UserFacing, match="changed while"):
        list(items)
