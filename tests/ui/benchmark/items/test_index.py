"""The items of a result: index, filters, search, sorting, pages, one item's lines; hand-written lines."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ui.results import write_results
from workbench.bench.store.results import ResultFile, read_results
from workbench.errors import UserFacing
from workbench.ui.benchmark.items.index import PAGE, ItemIndex, ItemRow, Query, item_index, lines_of, select
from workbench.ui.benchmark.items.table import items_nodes
from workbench.ui.benchmark.tables import read_report

BOTH = Query(first="base", second="tuned")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("results") / "phantoms")


@pytest.fixture(scope="module")
def index(folder: Path) -> ItemIndex:
    return item_index(folder, read_report(folder))


def ids(index: ItemIndex, **asked: object) -> list[str]:
    return [row.item_id.removeprefix("item-") for row in select(index, replace(BOTH, **asked)).rows]


def test_what_is_shown_is_what_the_models_got(index: ItemIndex) -> None:
    # with the picture base is right on items 0-3, tuned on 0-7; blanked both on 0-2
    assert ids(index) == [*"0123456789"]
    assert ids(index, show="differ") == ids(index, show="second") == [*"4567"]
    assert ids(index, show="first") == []
    assert ids(index, show="wrong") == [*"456789"]
    assert ids(index, show="both_wrong") == [*"89"]
    assert ids(index, condition="blank", show="both_wrong") == [*"3456789"]
    assert ids(index, show="missing") == []


def test_an_axis_score_shows_and_sorts_by_itself(index: ItemIndex) -> None:
    # base: presence 0.5 * correctness 0.5 = 0.25 on every axis; tuned 1.0 * 0.5
    assert ids(index, score="perception", show="differ") == [*"0123456789"]
    page = select(index, replace(BOTH, score="knowledge", sort="gap", down=True))
    assert "+25" in json.dumps(items_nodes(index, BOTH, page)) or page.total == 10
    shown = json.dumps(items_nodes(index, replace(BOTH, score="knowledge"), page))
    assert '"25"' in shown and '"50"' in shown and '"+25"' in shown


def test_fields_and_words_narrow_together(index: ItemIndex) -> None:
    assert dict(index.values["modality"]) == {"X-ray": 6, "MRI": 4}
    assert ids(index, fields={"modality": "MRI"}) == [*"6789"]
    assert ids(index, fields={"modality": "MRI"}, show="differ") == [*"67"]
    assert ids(index, text="OPTION b mri") == [*"67"]  # gold of 6 and 7 is option B
    assert ids(index, text="nothing", fields={"modality": "X-ray"}) == [*"45"]  # what base answers when wrong
    assert ids(index, text="no such words") == []


def test_sorting_and_pages(index: ItemIndex) -> None:
    assert ids(index, sort="item_id", down=True) == [*"9876543210"]
    assert ids(index, sort="modality")[:4] == [*"6789"]
    assert ids(index, sort="gap", down=True)[:4] == [*"4567"]
    assert ids(index, sort="first", down=True)[:4] == [*"0123"]
    rows = [ItemRow(f"{n:03}", "q", "g", ("",) * 6, dict(index.rows[0].cells)) for n in range(2 * PAGE + 1)]
    many = replace(index, rows=rows)
    last = select(many, replace(BOTH, page=99))
    assert (last.number, last.pages, last.total, len(last.rows)) == (2, 3, 101, 1)
    assert select(many, replace(BOTH, page=-5)).number == 0


@pytest.mark.parametrize(
    "forged",
    [{"sort": "__class__"}, {"condition": "x"}, {"first": "x"}, {"show": "x"}, {"fields": {"text": "a"}}],
)
def test_names_from_the_browser_are_checked(index: ItemIndex, forged: dict) -> None:
    with pytest.raises(UserFacing):
        select(index, replace(BOTH, **forged))


def test_lines_of_one_item_are_the_current_ones(folder: Path, tmp_path: Path) -> None:
    lines = lines_of(folder, "item-1")
    assert {(line.model, line.condition) for line in lines} == {
        (model, condition) for model in ("base", "tuned") for condition in ("image", "blank")
    }
    with pytest.raises(UserFacing, match="not among"):
        lines_of(folder, "item-")
    copy = write_results(tmp_path / "copy")
    first = read_results(copy)[1]
    old = replace(first, key="old", revision="r0", answer="from another model")
    ResultFile(copy).append([old])
    assert "from another model" not in {line.answer for line in lines_of(copy, first.item_id)}
    assert item_index(copy, read_report(copy)).rows[1].cells["image", "base"].answer == "option A"


def test_a_report_without_lines_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="not stored here"):
        item_index(tmp_path, read_report(folder))


def test_a_page_of_100_000_items_is_small_and_quick(index: ItemIndex) -> None:
    cells = dict(index.rows[0].cells)
    rows = [ItemRow(f"{n:06}", f"question {n}", "gold", ("CT",) * 6, cells) for n in range(100_000)]
    many = replace(index, rows=rows)
    start = time.process_time()
    page = select(many, replace(BOTH, text="question 99", sort="question", down=True))
    assert time.process_time() - start < 2.0
    assert len(page.rows) == PAGE and page.total > PAGE
    assert len(json.dumps(items_nodes(many, BOTH, page))) < 100_000
