"""Python's palette is that of the style sheet, and no drawing code has a colour of its own."""

import re

from workbench import palette
from workbench.bench.reports import charts, figures
from workbench.places import ROOT
from workbench.ui.methods import charts as methods_charts

SHEET = """
/* a colour in a comment: --wb-ink: #ffffff; */
:root, .wbv { --wb-ink: #111111; --wb-line: #222222; --wb-red-1: #ff0000; --wb-red-2: #800000; }
.dark, .wbv[data-theme="dark"] { --wb-ink: #eeeeee; }
"""
COLOUR = re.compile(r"""["']#[0-9a-fA-F]{3,8}["']|rgba?\(\s*\d""")


def test_tokens_are_read_by_mode() -> None:
    light, dark = palette.read_tokens(SHEET)
    assert light == {"ink": "#111111", "line": "#222222", "red-1": "#ff0000", "red-2": "#800000"}
    assert dark == {**light, "ink": "#eeeeee"}


def test_series_shades_and_numbers() -> None:
    assert palette.rgb("#ff961e") == (255, 150, 30)
    assert palette.numbered("model") == tuple(palette.LIGHT[f"model-{number}"] for number in (1, 2, 3, 4))
    assert palette.numbered("published")[0] == palette.LIGHT["published-1"]
    assert palette.shades("knowledge")[2] == palette.LIGHT["knowledge"]


def test_charts_draw_in_the_colours_of_the_page() -> None:
    css = palette.TOKENS_CSS.read_text(encoding="utf-8")
    drawn = [
        *charts.SHADES["perception"], *charts.PUBLISHED_SHADES, charts.GREY, charts.BASELINE, *figures.LINES,
        *methods_charts.COLOURS,
    ]  # fmt: skip
    assert all(f": {colour};" in css for colour in drawn)
    assert (charts.GREY, charts.FAINT) == (methods_charts.GREY, methods_charts.FAINT)


def test_no_drawing_code_has_a_colour_of_its_own() -> None:
    for room in ("ui", "bench"):
        for file in sorted((ROOT / "workbench" / room).rglob("*.py")):
            assert not COLOUR.search(file.read_text(encoding="utf-8")), file
