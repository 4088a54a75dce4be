"""Small page components that show untrusted text safely: each is a `gr.HTML` drawn by its own script.

A Gradio HTML template is evaluated as a JavaScript template string after its placeholders are filled
in, so text with `${…}` in a placeholder would run, escaped or not. The templates here hold no
placeholder; the scripts set text as `textContent`.
"""

import html
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.ui.html.nodes import Node

SCRIPTS = Path(__file__).resolve().parent / "scripts"
PLAIN_HOST = "<div data-host></div>"


@cache
def script(*names: str) -> str:
    """The scripts of one component in one scope, with the helpers that all use."""
    return "\n".join((SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in ("dom", *names))


def scripted(*names: str, value: Any, host: str, elem_id: str, **place: Any) -> gr.HTML:
    """A component drawn by `scripts/NAME.js` into the element `host` (HTML that holds `data-host`)."""
    return gr.HTML(
        value=value,
        html_template=host,
        js_on_load=script(*names),
        apply_default_css=False,
        container=False,
        padding=False,
        elem_id=elem_id,
        **place,
    )


def notice(elem_id: str) -> gr.HTML:
    """Where a fault is shown; value `{"message", "hint"}` or None."""
    return scripted("notice", value=None, host='<div role="alert" data-host></div>', elem_id=elem_id)


def status_line(elem_id: str, text: str = "") -> gr.HTML:
    """One line on what is going on; value `{"text", "busy"}`."""
    host = '<div class="wb-status" role="status" aria-live="polite" data-host></div>'
    return scripted("status", value={"text": text, "busy": False}, host=host, elem_id=elem_id)


def notes(elem_id: str, value: dict[str, Any] | None = None) -> gr.HTML:
    """A line of facts and a list of remarks; value `{"facts", "notes": […]}` or None."""
    host = '<div class="wb-notes" aria-live="polite" data-host></div>'
    return scripted("notes", value=value, host=host, elem_id=elem_id)


def chips(elem_id: str, texts: list[str]) -> gr.HTML:
    """Buttons with short texts; `.click` gets `gr.EventData` with `text`."""
    host = '<div class="wb-chips" role="group" aria-label="Suggested questions" data-host></div>'
    return scripted("chips", value=texts, host=host, elem_id=elem_id)


def gallery(elem_id: str, cases: list[dict[str, Any]]) -> gr.HTML:
    """Example cases `{"id", "title", "modality", "alt", "thumbnail"}`; `.click` gets `example`."""
    host = '<div class="wb-gallery" role="group" aria-label="Example cases" data-host></div>'
    return scripted("gallery", value=cases, host=host, elem_id=elem_id)


def header(value: dict[str, Any]) -> gr.HTML:
    """The strip above all tabs; value `{"title", "notice", "phase", "message", "models": […]}`."""
    return scripted("header", value=value, host="<header data-host></header>", elem_id="page-header")


def paste_catcher() -> gr.HTML:
    """Sends a picture pasted anywhere on the page into the file drop."""
    return scripted("paste", value=None, host="<span data-host hidden></span>", elem_id="case-paste")


def table(elem_id: str, value: dict[str, Any] | None, **place: Any) -> gr.HTML:
    """A plain table `{"caption", "columns", "rows", "numeric": [column numbers]}`; wide ones scroll."""
    host = '<div class="wb-table" tabindex="0" role="region" aria-label="Table" data-host></div>'
    return scripted("table", value=value, host=host, elem_id=elem_id, **place)


def method_grid(elem_id: str) -> gr.HTML:
    """Heat maps side by side; value `{"note", "cards": […], "waiting": [labels]}` or None."""
    host = '<div class="wb-methods" data-host></div>'
    return scripted("methods", value=None, host=host, elem_id=elem_id)


def export_buttons(elem_id: str, label: str, value: list[dict[str, str]] | None = None) -> gr.HTML:
    """Buttons that save files made in the page; value `[{"name", "label", "href" | "text", "type"}]`."""
    host = f'<div class="wb-chips" role="group" aria-label="{html.escape(label)}" data-host></div>'
    return scripted("export", value=value, host=host, elem_id=elem_id)


def panel(elem_id: str, nodes: list[Node] | None, label: str, **place: Any) -> gr.HTML:
    """Element trees; `.click` gets the `data-act` of what was clicked (see `nodes.action`)."""
    host = f'<section class="wb-panel" aria-label="{html.escape(label)}" data-host></section>'
    return scripted("markup", "actions", value=nodes, host=host, elem_id=elem_id, **place)


def tree_area(elem_id: str) -> gr.HTML:
    """A place for element trees in which nothing is clicked; value a list of nodes."""
    return scripted("markup", value=[], host=PLAIN_HOST, elem_id=elem_id)


def region_picker(elem_id: str) -> gr.HTML:
    """A picture to draw a region on: box, lasso and brush by mouse or finger, a box also by four numbers.

    Drawn in the browser, so that the picture never becomes a file on the server (`gr.ImageEditor` stores
    one). Value `{"case", "src", "width", "height", "alt"}` or None; a new `case` clears the region. `.select`
    gets `gr.EventData` with `shapes` (see `probe.desk.region_from`), `.click` wants a fresh value.
    """
    return scripted("region_shapes", "region", value=None, host=PLAIN_HOST, elem_id=elem_id)


def bar_clicks() -> gr.HTML:
    """Tells which group of the axis chart was clicked: `.click` gets `group`, its name."""
    return scripted("bars", value=None, host="<span data-host hidden></span>", elem_id="bench-bars-click")
