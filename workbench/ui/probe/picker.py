"""The picture to draw a region on: box, lasso and brush by mouse or finger, a box also by four numbers.

Drawn in the browser, so that the picture never becomes a file on the server (`gr.ImageEditor` stores one).
"""

from typing import Any

import gradio as gr

from workbench.ui.html import components

HOST = "<div data-host></div>"


def region_picker(value: Any = None) -> gr.HTML:
    """The picker; value `{"case", "src", "width", "height", "alt"}` or None. A new `case` clears the region.

    `.select` gets `gr.EventData` with `shapes` (see `probe_desk.region_from`), `.click` wants a fresh value.
    """
    return components.part("region", value, HOST, elem_id="probe-region", helpers=("region_shapes",))


def results_area(elem_id: str) -> gr.HTML:
    """A place for `markup.tree` of the HTML of `probe_view`."""
    return components.part("markup", [], HOST, elem_id=elem_id)
