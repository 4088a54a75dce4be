"""The viewer as a Gradio component: the files of `assets/viewer/` put into one `gr.HTML`."""

import json
from typing import Any

import gradio as gr

from workbench.viewer.scripts import viewer_asset, viewer_script


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
