"""Save a result as CSV, JSON lines or one self-contained HTML page, and its figures as PNG or SVG.

Files are made when asked for; what Gradio keeps of them goes with its `delete_cache`. Figures are drawn by
the browser from what it shows, so that no renderer is needed on the server.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.bench.report.export import write_csv, write_html, write_jsonl
from workbench.errors import UserFacing
from workbench.ui.benchmark.shelf import IMPORTED, Shelf
from workbench.ui.boundary import AT_ONCE, guarded
from workbench.ui.html import components

FIGURES = {
    "Scores by axis": ("axes", "#bench-axes"),
    "Differences": ("differences", "#bench-forest"),
    "Reliability curve": ("reliability", "#bench-reliability"),
}
KINDS = {"csv": "Answers (CSV)", "jsonl": "Answers (JSON lines)", "html": "Report (one HTML page)"}
WRITERS = {"csv": write_csv, "jsonl": write_jsonl, "html": write_html}
FETCH = """(file) => {
  // The end of a handler sends its last value again; every name is new, so the same one was fetched already.
  if (!file || !file.url || window.wbFetched === file.url) return;
  window.wbFetched = file.url;
  const link = Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name });
  link.click();
}"""
SAVE_FIGURE = """(name) => {
  const [file, place] = %s[name] || [];
  const plot = place && document.querySelector(place + " .js-plotly-plot");
  if (!plot || !window.Plotly) return { text: "That figure is not on the page: open it first." };
  const size = { width: plot.offsetWidth || 900, height: plot.offsetHeight || 500 };
  window.Plotly.downloadImage(plot, { format: "%s", filename: "benchmark-" + file, scale: 2, ...size });
  return { text: "Saved: " + name + "." };
}"""


def build_bench_export(choice: gr.Dropdown, shelf: Shelf) -> None:
    """Lay out and wire saving of the result whose name `choice` holds; call it inside a `gr.Blocks`."""
    with gr.Accordion("Save", open=False, elem_id="bench-save"):
        with gr.Row():
            buttons = {
                kind: gr.Button(label, min_width=120, elem_id=f"bench-save-{kind}")
                for kind, label in KINDS.items()
            }
        with gr.Row():
            figure = gr.Dropdown(
                list(FIGURES), value=next(iter(FIGURES)), label="Figure", filterable=False, min_width=160,
                elem_id="bench-save-figure",
            )  # fmt: skip
            pictures = {
                kind: gr.Button(f"{kind.upper()} as shown", min_width=100, elem_id=f"bench-save-{kind}")
                for kind in ("png", "svg")
            }
        notice = components.notice("bench-save-notice")
        status = components.status_line("bench-save-status")
        link = gr.DownloadButton("Saved file", visible="hidden", elem_id="bench-save-link")
    for kind, button in buttons.items():
        button.click(_saver(kind, shelf, notice, link), choice, [notice, link], **AT_ONCE)
    link.change(None, link, None, js=FETCH, **AT_ONCE)
    for kind, button in pictures.items():
        button.click(None, figure, status, js=SAVE_FIGURE % (json.dumps(FIGURES), kind), **AT_ONCE)


def _saver(kind: str, shelf: Shelf, notice: gr.HTML, link: gr.DownloadButton) -> Any:
    @guarded(notice)
    def save(name: str, request: gr.Request) -> Iterator[dict[Any, Any]]:
        place = shelf.place(request.session_hash, name)
        if kind == "html" and place.origin == IMPORTED:
            raise UserFacing(
                "The HTML report is for results measured here, and says so of every number.",
                "Save an imported result as CSV or JSON lines.",
            )
        with tempfile.TemporaryDirectory(prefix="workbench-save-") as folder:
            file = Path(folder) / file_name(name, kind, datetime.now(UTC))
            WRITERS[kind](place.folder, file)
            yield {link: str(file)}  # the folder has to stay until Gradio has taken its copy

    return save


def file_name(name: str, kind: str, now: datetime) -> str:
    """A plain file name that says which result this is (an imported one too) and when it was saved, in UTC.

    The time makes every name new: the page fetches a file when its address changes.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:80] or "result"
    return f"{plain}-{now:%Y%m%d-%H%M%S}.{kind}"
