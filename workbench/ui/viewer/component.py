"""The viewer as a Gradio component: the files of `assets/viewer/` put into one `gr.HTML`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.palette import TOKENS_CSS

ASSETS = Path(__file__).resolve().parents[3] / "assets" / "viewer"

# One scope for all of them, so the order only matters for what runs at once: constants, then boot.
SCRIPTS = (
    "dom.js",
    "text.js",
    "colormaps.js",
    "maps.js",
    "reading.js",
    "trust.js",
    "raster.js",
    "window_level.js",
    "pictures.js",
    "stage.js",
    "pointer.js",
    "legend.js",
    "film.js",
    "save.js",
    "column.js",
    "theme.js",
    "controls.js",
    "viewer.js",
)
STYLE_ID = "workbench-viewer-style"


@cache
def viewer_asset(name: str) -> str:
    """The text of one file of `assets/viewer/`."""
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def viewer_style() -> str:
    """The style sheet of the viewer alone, with the tokens that it needs."""
    return TOKENS_CSS.read_text(encoding="utf-8") + viewer_asset("viewer.css")


@cache
def viewer_script() -> str:
    """All scripts without `boot.js`; they define `createViewer(host, emit)` in the scope they run in.

    The style, with the tokens that it takes its colours from, travels in the script and is put into the page
    once: as a `css_template` Gradio would compile it anew with every streamed update.
    """
    style = (
        f'if (!document.getElementById("{STYLE_ID}")) {{\n'
        '  const style = document.createElement("style");\n'
        f'  style.id = "{STYLE_ID}";\n'
        f"  style.textContent = {json.dumps(viewer_style())};\n"
        "  document.head.append(style);\n"
        "}\n"
    )
    return "\n".join([*(viewer_asset(name) for name in SCRIPTS), style])


def viewer_html(
    value: dict[str, Any] | None = None, *, elem_id: str | None = "viewer", **place: Any
) -> gr.HTML:
    """The viewer. Its value is a `viewer_payload(...)`; give it a new one whenever anything changed.

    The value is a dict, so a streaming event sends only what changed and the picture travels once.
    Events that fill it need `show_progress="hidden"`, else Gradio dims it while they run. `.select(fn)`
    tells Python which span the reader chose (`gr.EventData` with `column`, `kind`, `index`); without a
    listener no click makes a request. `place` goes to `gr.HTML` (`visible`, `render`, `scale`, ...).
    """
    return gr.HTML(
        value=value,
        html_template=viewer_asset("template.html"),
        css_template="",
        js_on_load=f"{viewer_script()}\n{viewer_asset('boot.js')}",
        apply_default_css=False,
        container=False,
        padding=False,
        elem_id=elem_id,
        **place,
    )


def trust_feed(elem_id: str = "viewer-trust", viewer_id: str = "viewer") -> gr.HTML:
    """Carries trust lines to the viewer `viewer_id`; its value is a `trust_payload(...)` or None.

    A component of its own, so that a measured span sends a few numbers and not the whole state again.
    """
    script = (
        "const tell = () => document.getElementById("
        + json.dumps(viewer_id)
        + ")?.querySelector('.wbv')?.workbenchViewer?.setTrust(props.value);\n"
        + "tell();\nwatch('value', tell);"
    )
    return gr.HTML(
        value=None,
        html_template="<span hidden></span>",
        js_on_load=script,
        apply_default_css=False,
        container=False,
        padding=False,
        elem_id=elem_id,
    )
