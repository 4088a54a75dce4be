"""A result as CSV, JSON lines or one self-contained HTML page, and its figures as PNG or SVG.

Figures are drawn by the browser from what it shows, so that no renderer is needed on the server.
"""

import json
import re
from datetime import datetime
from pathlib import Path

from workbench.bench.reports.export import write_csv, write_html, write_jsonl
from workbench.errors import UserFacing
from workbench.ui.benchmark.shelf import IMPORTED, Place

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
_SAVE_FIGURE = """(name) => {
  const [file, place] = %s[name] || [];
  const plot = place && document.querySelector(place + " .js-plotly-plot");
  if (!plot || !window.Plotly) return { text: "That figure is not on the page: open it first." };
  const size = { width: plot.offsetWidth || 900, height: plot.offsetHeight || 500 };
  window.Plotly.downloadImage(plot, { format: "%s", filename: "benchmark-" + file, scale: 2, ...size });
  return { text: "Saved: " + name + "." };
}"""


def save_figure_script(kind: str) -> str:
    """What the browser runs to save the figure of a name as "png" or "svg"."""
    return _SAVE_FIGURE % (json.dumps(FIGURES), kind)


def write_result(kind: str, place: Place, file: Path) -> None:
    """Write a result as one of KINDS. Raises UserFacing for the report of what was not measured here."""
    if kind == "html" and place.origin == IMPORTED:
        raise UserFacing(
            "The HTML report is for results measured here, and says so of every number.",
            "Save an imported result as CSV or JSON lines.",
        )
    WRITERS[kind](place.folder, file)


def file_name(name: str, kind: str, now: datetime) -> str:
    """A plain file name that says which result this is (an imported one too) and when it was saved, in UTC.

    The time makes every name new: the page fetches a file when its address changes.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:80] or "result"
    return f"{plain}-{now:%Y%m%d-%H%M%S}.{kind}"
