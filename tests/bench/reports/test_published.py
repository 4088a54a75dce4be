"""The published figures: as printed, with origin, protocol, source, warnings, and conflicts as footnotes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from workbench.bench.reports.published import (
    PKR_TABLE,
    PUBLISHED_FILE,
    load_published,
    published_csv,
    published_table,
)
from workbench.errors import UserFacing


def test_every_table_states_where_it_comes_from() -> None:
    tables = load_published()
    assert len({table.id for table in tables}) == len(tables) == 17
    assert {table.system for table in tables} == {"OpenMedReason", "MedSSR", "OpenMedQ", "MediX-R1"}
    assert [table.id for table in tables if table.origin == "re-evaluated"] == [
        "medix-medmo", "medix-medmo-text", "medix-medsynapse",
    ]  # fmt: skip
    assert [table.id for table in tables if table.evidence == "quoted"] == [
        "medix-ablation", "medix-quoted", "medix-preference-quoted",
    ]  # fmt: skip
    for table in tables:
        assert table.protocol and table.source and table.warnings


def test_trace_scores_of_openmedreason() -> None:
    table = published_table(PKR_TABLE)
    assert table.columns == ("Perception", "Knowledge", "Rationale", "Trace", "AnswerAcc")
    assert table.rows["Qwen2.5-VL-7B"] == (34.3, 34.5, 43.5, 37.4, 47.1)
    assert table.rows["Qwen2.5-VL-7B+OpenMedReason"] == (65.2, 85.0, 83.1, 77.8, 78.5)
    for row in table.rows.values():  # printed to one decimal; 70.97 is printed as 70.9
        assert sum(row[:3]) / 3 == pytest.approx(row[3], abs=0.1)
    assert any("judge" in warning for warning in table.warnings)


def test_the_printed_average_is_kept_and_footnoted() -> None:
    table = published_table("openmedreason-accuracy")
    row = table.rows["Qwen2.5-VL-7B+OpenMedReason"]
    assert table.columns[-1] == "Avg_printed" and row[-1] == 60.04
    assert sum(row[:-1]) / 6 == pytest.approx(65.90, abs=0.005)
    (note,) = [note for note in table.footnotes if "never recomputed" in note.text]
    for mean, cells in zip(("58.61", "58.42", "54.22", "65.90"), table.rows.values(), strict=True):
        assert f"{sum(cells[:-1]) / 6:.2f}" == mean and mean in note.text


def test_the_relative_gain_is_stated_in_points() -> None:
    table = published_table("openmedreason-accuracy")
    base, tuned = table.rows[table.base][-1], table.rows["Qwen2.5-VL-7B+OpenMedReason"][-1]
    (note,) = [note for note in table.footnotes if "relative" in note.text]
    assert f"{tuned - base:+.2f} points" in note.text and f"{100 * (tuned / base - 1):.1f} %" in note.text


@pytest.mark.parametrize(
    ("table", "row", "column", "value"),
    [
        ("openmedreason-accuracy", "QoQ-Med-VL-7B", "PathVQA", 64.12),
        ("openmedreason-accuracy", "Qwen2.5-VL-7B", "SLAKE", 62.26),
        ("openmedreason-pkr", "gemini-3-flash", "Rationale", 77.3),
        ("openmedreason-presence", "Qwen2.5-VL-7B+OpenMedReason", "smallest_gain", 29),
        ("openmedreason-presence", "Qwen2.5-VL-7B+OpenMedReason", "largest_gain", 42),
        ("medix-ablation", "best reward", "Avg", 0.610),
        ("medix-ablation", "other reward", "Avg", 0.570),
        ("medix-preference", "MediX-R1", "preferred", 72.7),
        ("medix-preference-quoted", "Llama-3.2-Vision", "preferred", 13.6),
        ("medix-medmo-text", "MediX-R1-8B", "Avg", 56.1),
        ("medix-medsynapse", "MediX-R1-8B", "VQA-RAD", 56.4),
        ("openmedreason-preference", "Qwen2.5-VL-7B+OpenMedReason", "win", 86.1),
        ("medssr-gain", "Llama-3.1-8B-Instruct+MedSSR", "rare_best", 5.93),
        ("medssr-gain", "Llama-3.1-8B-Instruct+MedSSR", "general_best", 3.91),
        ("openmedq-bleu1", "OpenMedQ", "VQA-MED", 64.5),
        ("openmedq-bleu1", "Med-PaLM-M", "PathVQA", 72.27),
        ("openmedq-transfer", "scratch", "mean", 0.616),
        ("openmedq-breast-us", "OpenMedQ", "Breast-US", 0.876),
        ("medix-17", "MediX-R1-30B", "Avg17", 73.6),
        ("medix-usmle", "MediX-R1-30B", "USMLE-SA", 95.1),
        ("medix-quoted", "MediX-R1-30B", "MMMU-Med", 75.33),
        ("medix-medmo", "MediX-R1-8B", "OmniMedVQA", 73.8),
        ("medix-medmo", "Fleming-VL-8B", "Avg", 66.1),
        ("medix-medmo-text", "MediX-R1-8B", "MedQA", 85.8),
        ("medix-medsynapse", "Qwen3-VL-8B zero-shot", "Avg", 48.6),
    ],
)
def test_cells_read_by_hand(table: str, row: str, column: str, value: float) -> None:
    found = published_table(table)
    assert found.rows[row][found.columns.index(column)] == value


def test_the_base_stands_beside_the_tuned_or_its_absence_is_said() -> None:
    bases = {table.id: table.base for table in load_published() if table.base}
    assert bases == {
        "openmedreason-accuracy": "Qwen2.5-VL-7B",
        "openmedreason-pkr": "Qwen2.5-VL-7B",
        "openmedq-transfer": "scratch",
        "medix-medsynapse": "Qwen3-VL-8B zero-shot",
    }
    preferences = {
        "openmedreason-preference",
        "medix-preference",
        "medix-preference-quoted",
    }  # already a comparison of two
    for table in load_published():
        if not table.base and table.id not in preferences and table.system != "OpenMedQ":
            said = " ".join(table.warnings)
            assert "base model" in said or "backbone itself" in said, table.id


def test_one_model_has_three_averages_and_every_table_of_it_says_so() -> None:
    for name in ("medix-17", "medix-medmo", "medix-medsynapse"):
        sources = " ".join(source for note in published_table(name).footnotes for source in note.sources)
        for number in ("68.8", "57.1", "49.9"):
            assert number in sources, name
    found = (
        published_table("medix-17").rows["MediX-R1-8B"][0],
        published_table("medix-medmo").rows["MediX-R1-8B"][-1],
    )
    assert (*found, published_table("medix-medsynapse").rows["MediX-R1-8B"][-1]) == (68.8, 57.1, 49.9)


def test_a_table_has_one_origin_and_the_file_of_cells_keeps_it() -> None:
    rows = list(csv.DictReader(io.StringIO(published_csv(load_published()))))
    origins: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        origins.setdefault((row["table"], row["row"]), set()).add(row["origin"])
        assert row["source"] and row["protocol"] and row["unit"]
    assert all(len(found) == 1 for found in origins.values())
    cells = [cell for table in load_published() for row in table.rows.values() for cell in row]
    assert len(rows) == sum(cell is not None for cell in cells)
    (cell,) = [r for r in rows if (r["table"], r["row"], r["column"]) == ("medix-17", "MediX-R1-8B", "Avg17")]
    assert (cell["value"], cell["origin"], cell["is_base"]) == ("68.8", "published", "0")
    assert sum(row["is_base"] == "1" for row in rows) == 7 + 5 + 1 + 1


def test_empty_cells_stay_empty() -> None:
    assert published_table("openmedq-bleu1").rows["prefix-tuning"] == (70.3, None)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "measured"},
        {"evidence": "rumour"},
        {"warnings": []},
        {"columns": ["one"]},
        {"x": 1},
        {"base": "nobody"},
        {"footnotes": [{"text": "they differ", "sources": ["one"]}]},
        {"footnotes": [{"text": "they differ"}]},
    ],
)
def test_a_file_that_lacks_something_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    record = json.loads(PUBLISHED_FILE.read_text(encoding="utf-8"))[0]
    path = tmp_path / "changed.json"
    path.write_text(json.dumps([record | change]))
    with pytest.raises(UserFacing):
        load_published(path)
    with pytest.raises(UserFacing):
        load_published(tmp_path / "gone.json")


def test_a_missing_file_is_told_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(UserFacing, match="No such file") as raised:
        load_published(tmp_path / "published.json")
    assert str(tmp_path) not in str(raised.value)
