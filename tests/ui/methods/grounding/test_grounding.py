"""Stored grounding runs at the end of Methods: text, chart, table, and when they are there at all."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.ui.methods.grounding.layout import lay_out_grounding
from workbench.ui.methods.grounding.view import grounding_view


def report() -> dict[str, Any]:
    found = {"value": 0.5, "low": 0.25, "high": 0.75, "prior": 0.25, "difference": 0.25,
             "difference_low": None, "difference_high": None}  # fmt: skip
    figures = ("pointing", "energy", "auprc", "deletion_gap", "insertion_gap")
    row = {"origin": "phantom", "model": "tuned", "span": "finding step", "n": 8, "images": 8, "refused": 0,
           "reasons": [], "seconds": None, "peak_bytes": None, **dict.fromkeys(figures, found)}  # fmt: skip
    answered = {"origin": "phantom", "model": "tuned", "asked": 10, "right": 8, "explained": 8}
    names = ("centre_prior", "attention_mean", "gone<b>")
    return {"schema": 1, "date": "2026-11-21", "answered": [answered], "rows": [row | {"method": name}
            for name in names]}  # fmt: skip


def test_a_stored_grounding_run_is_a_table_and_a_chart() -> None:
    view = grounding_view(report())
    bars = view["chart"].data[0]
    assert list(bars.y) == ["Control: centre of the picture", "Attention, mean", "gone&lt;b&gt;"]
    assert bars.name == "tuned, phantom, finding step, n = 8"
    assert list(bars.x) == [50, 50, 50] and list(bars.error_x.array) == [25, 25, 25]
    row = view["table"]["rows"][1]
    assert row[3:7] == ["Attention, mean", "8", "0.50 [0.25, 0.75]", "+0.25"]
    assert "10 questions, 8 answered rightly" in view["about"]["notes"][0]


def test_grounding_stands_on_the_page_only_where_there_is_a_report(tmp_path: Path) -> None:
    with gr.Blocks():
        assert lay_out_grounding(tmp_path / "none") == ()
        (tmp_path / "grounding.json").write_text(json.dumps(report()))
        assert [ui.file.name for ui in lay_out_grounding(tmp_path)] == ["grounding.json"]
