"""The viewer's scripts, style and skeleton: the files of `assets/viewer/`, joined."""

import json
from functools import cache

from workbench.palette import TOKENS_CSS
from workbench.places import ASSETS

FOLDER = ASSETS / "viewer"

# One scope for all of them, so the order only matters for what runs at once: constants, then boot.
SCRIPTS = (
    "dom.js",
    "text.js",
    "colormaps.js",
    "maps.js",
    "reading.js",
    "trust.js",
    "carried.js",
    "raster.js",
    "window_level.js",
    "pictures.js",
    "stage.js",
    "pointer.js",
    "legend.js",
    "film.js",
    "save.js",
    "remarks.js",
    "column.js",
    "theme.js",
    "controls.js",
    "viewer.js",
)
STYLE_ID = "workbench-viewer-style"


@cache
def viewer_asset(name: str) -> str:
    """The text of one file of `assets/viewer/`."""
    return (FOLDER / name).read_text(encoding="utf-8")


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
