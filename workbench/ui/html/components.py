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

FOLDER = Path(__file__).resolve().parent


@cache
def script(*names: str) -> str:
    """The script of one component (the last name), with the helpers it uses."""
    return "\n".join((FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in ("dom", *names))


def part(
    name: str, value: Any, host: str, *, elem_id: str, helpers: tuple[str, ...] = (), **place: Any
) -> gr.HTML:
    """A component drawn by `NAME.js` (after its `helpers`) into `host`, HTML that holds `data-host`."""
    return gr.HTML(
        value=value,
        html_template=host,
        js_on_load=script(*helpers, name),
        apply_default_css=False,
        container=False,
        padding=False,
        elem_id=elem_id,
        **place,
    )


def notice(elem_id: str) -> gr.HTML:
    """Where a fault is shown; value `{"message", "hint"}` or None."""
    return part("notice", None, '<div role="alert" data-host></div>', elem_id=elem_id)


def status_line(elem_id: str, text: str = "") -> gr.HTML:
    """One line on what is going on; value `{"text", "busy"}`."""
    host = '<div class="wb-status" role="status" aria-live="polite" data-host></div>'
    return part("status", {"text": text, "busy": False}, host, elem_id=elem_id)


def notes(elem_id: str, value: dict[str, Any] | None = None) -> gr.HTML:
    """A line of facts and a list of remarks; value `{"facts", "notes": […]}` or None."""
    host = '<div class="wb-notes" aria-live="polite" data-host></div>'
    return part("notes", value, host, elem_id=elem_id)


def chips(elem_id: str, texts: list[str]) -> gr.HTML:
    """Buttons with short texts; `.click` gets `gr.EventData` with `text`."""
    host = '<div class="wb-chips" role="group" aria-label="Suggested questions" data-host></div>'
    return part("chips", texts, host, elem_id=elem_id)


def gallery(elem_id: str, cases: list[dict[str, Any]]) -> gr.HTML:
    """Example cases `{"id", "title", "modality", "alt", "thumbnail"}`; `.click` gets `example`."""
    host = '<div class="wb-gallery" role="group" aria-label="Example cases" data-host></div>'
    return part("gallery", cases, host, elem_id=elem_id)


def header(value: dict[str, Any]) -> gr.HTML:
    """The strip above all tabs; value `{"title", "notice", "phase", "message", "models": […]}`."""
    return part("header", value, "<header data-host></header>", elem_id="page-header")


def paste_catcher() -> gr.HTML:
    """Sends a picture pasted anywhere on the page into the file drop."""
    return part("paste", None, "<span data-host hidden></span>", elem_id="case-paste")


def table(elem_id: str, value: dict[str, Any] | None, **place: Any) -> gr.HTML:
    """A plain table `{"caption", "columns", "rows", "numeric": [column numbers]}`; wide ones scroll."""
    host = '<div class="wb-table" tabindex="0" role="region" aria-label="Table" data-host></div>'
    return part("table", value, host, elem_id=elem_id, **place)


def method_grid(elem_id: str) -> gr.HTML:
    """Heat maps side by side; value `{"note", "cards": […], "waiting": [labels]}` or None."""
    host = '<div class="wb-methods" data-host></div>'
    return part("methods", None, host, elem_id=elem_id)


def export_buttons(elem_id: str) -> gr.HTML:
    """Buttons that save files made in the page; value `[{"name", "label", "href" | "text", "type"}]`."""
    host = '<div class="wb-chips" role="group" aria-label="Save the comparison" data-host></div>'
    return part("export", None, host, elem_id=elem_id)


def panel(elem_id: str, nodes: list[Any] | None, label: str, **place: Any) -> gr.HTML:
    """Elements as trees (see `markup.py`); `.click` gets the `data-act` of what was clicked."""
    host = f'<section class="wb-panel" aria-label="{html.escape(label)}" data-host></section>'
    return gr.HTML(
        value=nodes,
        html_template=host,
        js_on_load=script("markup") + "\n" + (FOLDER / "actions.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        container=False,
        padding=False,
        elem_id=elem_id,
        **place,
    )


def bar_clicks() -> gr.HTML:
    """Tells which group of the axis chart was clicked: `.click` gets `group`, its name."""
    return part("bars", None, "<span data-host hidden></span>", elem_id="bench-bars-click")
