"""The viewer as one HTML document that needs nothing beside it: for a notebook, or a file on disk."""

import html
import json
from collections.abc import Mapping
from typing import Any

from workbench.notice import NOTICE
from workbench.viewer.scripts import viewer_asset, viewer_script

# Nothing may be fetched, whatever a model or a user wrote; pictures travel inside the document.
POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
FRAME_HEIGHT = 760  # pixels; a column scrolls inside the frame


def viewer_page(payload: Mapping[str, Any], title: str = "Answers") -> str:
    """A whole HTML document that shows a `viewer_payload`."""
    # Inside a script, "</script" and "<!--" mean something whatever stands around them.
    data = json.dumps(payload).replace("<", "\\u003c")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{html.escape(title)}</title></head>"
        f"<body><main id='viewer'>{viewer_asset('template.html')}</main>"
        f"<footer style='font:13px system-ui;opacity:.8;padding:8px'>{html.escape(NOTICE)}</footer>"
        f"<script>{viewer_script()}\n"
        "const viewer = createViewer(document.getElementById('viewer'));\n"
        f"viewer.update({data});</script></body></html>"
    )


def viewer_frame(page: str) -> str:
    """The document in a frame of its own, so that a notebook's style and scripts and ours never meet."""
    return (
        f'<iframe srcdoc="{html.escape(page)}" sandbox="allow-scripts allow-downloads" title="Viewer" '
        f'style="width:100%;height:{FRAME_HEIGHT}px;border:0"></iframe>'
    )
