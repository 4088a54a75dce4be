"""The published figures: as printed, each with origin, protocol, source and warnings."""

import json
from pathlib import Path

import pytest

from workbench.bench.published import PUBLISHED_FILE, load_published, pkr_table, published_table
from workbench.errors import UserFacing


def test_every_table_states_where_it_comes_from() -> None:
    tables = load_published()
    assert len({table.id for table in tables}) == len(tables) == 10
    assert {table.system for table in tables} == {"OpenMedReason", "MedSSR", "OpenMedQ", "MediX-R1"}
    assert [table.id for table in tables if table.origin == "re-evaluated"] == [
        "medix-medmo", "medix-medsynapse",
    ]  # fmt: skip
    for table in tables:
        assert table.protocol and table.source and table.warnings


def test_trace_scores_of_openmedreason() -> None:
    table = pkr_table()
    assert table.columns == ("Perception", "Knowledge", "Rationale", "Trace", "AnswerAcc")
    assert table.rows["Qwen2.5-VL-7B"] == (34.3, 34.5, 43.5, 37.4, 47.1)
    assert table.rows["Qwen2.5-VL-7B+OpenMedReason"] == (65.2, 85.0, 83.1, 77.8, 78.5)
    for row in table.rows.values():  # printed to one decimal; 70.97 is printed as 70.9
        assert sum(row[:3]) / 3 == pytest.approx(row[3], abs=0.1)
    assert any("judge" in warning for warning in table.warnings)


def test_the_printed_average_is_kept_and_warned_of() -> None:
    table = published_table("openmedreason-accuracy")
    row = table.rows["Qwen2.5-VL-7B+OpenMedReason"]
    assert table.columns[-1] == "Avg_printed" and row[-1] == 60.04
    assert sum(row[:-1]) / 6 != pytest.approx(row[-1], abs=1)
    assert any("never recomputed" in warning for warning in table.warnings)


def test_empty_cells_stay_empty() -> None:
    assert published_table("openmedq-bleu1").rows["prefix-tuning"] == (70.3, None)


def test_a_file_that_lacks_something_is_refused(tmp_path: Path) -> None:
    record = json.loads(PUBLISHED_FILE.read_text())[0]
    for number, change in enumerate(
        ({"origin": "measured"}, {"warnings": []}, {"columns": ["one"]}, {"x": 1})
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps([record | change]))
        with pytest.raises(UserFacing):
            load_published(path)
    with pytest.raises(UserFacing):
        load_published(tmp_path / "gone.json")
