"""One opened item as elements, the picture behind it, the panel "Why believe this", and a comparison."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.ui.html.trees import elements
from tests.ui.results import write_results
from workbench.bench.reports.model import Warned
from workbench.bench.scores.compare import Side, compare_runs
from workbench.bench.store.results import Result, ResultFile, read_results
from workbench.errors import UserFacing
from workbench.ui.benchmark.believe import believe_nodes
from workbench.ui.benchmark.compare import changed_items, comparison_nodes
from workbench.ui.benchmark.items.index import Query, item_index
from workbench.ui.benchmark.items.source import CHANGED, FOREIGN, MOVED, UNKNOWN, source_of
from workbench.ui.benchmark.items.view import item_nodes, opened_item
from workbench.ui.benchmark.shelf import IMPORTED, Place
from workbench.ui.benchmark.tables import read_report
from workbench.ui.html.nodes import Node

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)}"
TEXT = (
    "<X_RAY><think>The image shows a round spot. A nodule is typically round. Therefore it is a nodule."
    "</think><answer>A</answer>"
)
UNIT = {
    "unit_id": "u1", "topic": "a spot", "claim": "A round spot is seen.", "source_quote": "spot, 4 mm",
    "presence_question": "", "correctness_question": "", "importance": "core",
}  # fmt: skip


def words(nodes: list[Node]) -> str:
    """All text of the elements."""

    def walk(found: Node) -> Iterator[str]:
        if isinstance(found, str):
            yield found
        else:
            for child in found[2:]:
                yield from walk(child)

    return " ".join(part for found in nodes for part in walk(found))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A result whose item-0 has a picture, a trace and a rubric unit, and whose items file is beside it."""
    folder = write_results(tmp_path / "phantoms")
    items = tmp_path / "items"
    (items / "images").mkdir(parents=True)
    cv2.imwrite(str(items / "images" / "a.png"), np.full((40, 50, 3), 90, np.uint8))
    record = {
        "id": "item-0", "image": "images/a.png", "question": _asked("What is shown?"), "answer": "A",
        "perception": [UNIT], "knowledge": [], "rationale": [],
    }  # fmt: skip
    (items / "items.jsonl").write_text(json.dumps(record) + "\n")
    run = json.loads((folder / "run.json").read_text())
    run["items"]["source"] = str(items / "items.jsonl")
    (folder / "run.json").write_text(json.dumps(run))
    lines = [_traced(line) if line.item_id == "item-0" else line for line in read_results(folder)]
    (folder / "results.jsonl").unlink()
    ResultFile(folder).append(lines)
    return folder


def _asked(stem: str) -> str:
    return stem + "".join(f"\n{letter}. option {letter}" for letter in "ABCD")


def _traced(line: Result) -> Result:
    presence, correctness = (2, 1) if line.model == "tuned" else (1, -1)
    unit = {"unit_id": "u1", "axis": "perception", "presence": presence, "correctness": correctness}
    return replace(line, text=TEXT, units=(unit,), image="images/a.png", probability={"answer": 0.75})


def opened(folder: Path, item: str = "item-0", condition: str = "image", place: Place | None = None) -> Any:
    query = Query(first="base", second="tuned")
    told = {"item": item, "condition": condition}
    return opened_item(place or Place(folder), read_report(folder), "phantoms", told, query)


def test_an_item_shows_both_traces_units_lamps_and_the_other_conditions(folder: Path) -> None:
    nodes = item_nodes(opened(folder))
    text = words(nodes)
    axes = [found[1]["data-axis"] for found in elements(nodes) if found[1].get("class") == "wb-step"]
    assert axes == ["perception", "knowledge", "rationale"] * 2
    for part in ("A. option A", "gold; chosen by Mini base; chosen by Mini tuned", "75 % the answer's words"):
        assert part in text, part
    assert "A round spot is seen." in text and "Source: “spot, 4 mm”" in text
    assert "~ vague, ✗ wrong" in text and "✓ clear, ✓ right" in text
    assert "Composite reward" in text and "single character" in text  # why a bare letter earns nothing
    assert "The same question under every condition" in text
    pictures = [found for found in elements(nodes) if found[0] == "img"]
    assert len(pictures) == 1 and pictures[0][1]["src"].startswith("data:image/png;base64,")
    (act,) = [found[1]["data-act"] for found in elements(nodes) if '"open"' in found[1].get("data-act", "")]
    assert json.loads(act)["item"] == "item-0"


def test_a_blanked_item_says_what_was_shown(folder: Path) -> None:
    assert "a grey one of the same size was shown instead" in words(
        item_nodes(opened(folder, "item-0", "blank"))
    )
    with pytest.raises(UserFacing, match="not asked in that way"):
        opened(folder, "item-0", "sampled")


def test_a_failed_line_shows_its_error_as_text(folder: Path) -> None:
    lines = read_results(folder)
    failed = [replace(line, correct=None, error=HOSTILE, answer=None) for line in lines]
    (folder / "results.jsonl").unlink()
    ResultFile(folder).append(
        [replace(line, question=HOSTILE, text=HOSTILE) for line in failed[:1]] + lines[1:]
    )
    nodes = item_nodes(opened(folder))
    assert HOSTILE in words(nodes)
    assert not [found for found in elements(nodes) if any(name.startswith("on") for name in found[1])]
    assert all(HOSTILE not in value for found in elements(nodes) for value in found[1].values())


def test_a_picture_that_is_not_certain_is_not_shown(folder: Path) -> None:
    report, line = read_report(folder), read_results(folder)[0]
    found = source_of(folder, report, line)
    assert found.picture is not None and found.picture.name == "a.png" and found.reason == ""
    assert source_of(folder, report, replace(line, question="Another?")).reason == CHANGED
    assert source_of(folder, report, replace(line, item_id="gone")).reason == CHANGED
    assert source_of(folder, report, line, trusted=False).reason == FOREIGN
    run = json.loads((folder / "run.json").read_text())
    for items, reason in (({"name": "mine"}, UNKNOWN), ({"name": "mine", "source": "/gone.jsonl"}, MOVED)):
        (folder / "run.json").write_text(json.dumps(run | {"items": items}))
        assert source_of(folder, report, line).reason == reason


def test_the_picture_of_an_import_is_never_looked_up_by_path(folder: Path) -> None:
    nodes = item_nodes(opened(folder, place=Place(folder, IMPORTED)))
    assert FOREIGN in words(nodes) and not [found for found in elements(nodes) if found[0] == "img"]
    (button,) = [found for found in elements(nodes) if found[2:] == ["Open in Case"]]
    assert button[1]["disabled"] and "data-act" not in button[1]


def test_why_believe_this_says_what_was_measured_and_what_was_not(folder: Path) -> None:
    text = words(believe_nodes(read_report(folder)))
    for part in (
        "10 questions on 10 images",
        "40.0 [",
        "80.0 [",
        "30.0 [",
        "Shuffled options: not measured.",
    ):
        assert part in text, part
    assert "+10.0 points" in text and "+50.0 points" in text  # 4 − 3 and 8 − 3 of 10
    assert "ECE" in text and "Reliability, Mini base" in text
    assert "75 % of this score survives a blank image" in text  # 3 of base's 4
    bare = replace(read_report(folder), warnings=(Warned("warning", HOSTILE),), calibration={})
    said = believe_nodes(bare)
    assert HOSTILE in words(said) and "probabilities were not recorded" in words(said)


def test_two_runs_are_compared_in_words(folder: Path) -> None:
    index = item_index(folder, read_report(folder))
    found = compare_runs(Side(folder, "base"), Side(folder, "tuned"))
    changed = changed_items((index, ("image", "base")), (index, ("image", "tuned")))
    assert [entry[0] for entry in changed] == ["item-4", "item-5", "item-6", "item-7"]
    text = words(comparison_nodes(found, changed, ["mine"]))
    for part in ("10 shared questions on 10 images", "4 / 6 / 0", "+40.0", "mine: not measured here."):
        assert part in text, part
    assert "Items answered otherwise: 4" in text
