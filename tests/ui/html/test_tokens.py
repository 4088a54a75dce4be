"""The palette: nothing but tokens has a colour, every text can be read in both modes, one scale of sizes."""

import re
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest

from workbench.imaging.colormaps import colormap_table
from workbench.palette import DARK, LIGHT, TOKENS_CSS, rgb
from workbench.settings import PROJECT_ROOT
from workbench.ui.theme import COLOURS, CSS_FILES
from workbench.ui.viewer.component import viewer_style

VIEWER = PROJECT_ROOT / "assets" / "viewer" / "viewer.css"
SHEETS = [*CSS_FILES[1:], VIEWER]
MODES = {"light": LIGHT, "dark": DARK}
GROUNDS = ("ground", "raised")
# Text and the ground it stands on.
PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "accent", "right", "wrong") for ground in GROUNDS),
    *(
        (ink, "accent-ground")
        for ink in ("ink", "soft", "accent-ink", "perception", "knowledge", "rationale")
    ),
    ("on-accent", "accent"),
    ("on-button", "button"),
    ("on-button", "button-hover"),
    ("warn-ink", "warn-ground"),
    ("fault-ink", "fault-ground"),
    *(
        (ink, f"{axis}-ground")
        for axis in ("perception", "knowledge", "rationale")
        for ink in (axis, "ink", "soft")
    ),
    *((axis, ground) for axis in ("perception", "knowledge", "rationale") for ground in GROUNDS),
    ("picture-ink", "picture-label"),
]
# Borders and marks that carry meaning by themselves.
MARKS = [(mark, ground) for mark in ("line-strong", "yes", "no", "unclear", "accent") for ground in GROUNDS]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [value / 255 for value in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("mode", MODES)
def test_every_text_can_be_read(mode: str) -> None:
    tokens = MODES[mode]
    weak = {pair: contrast(tokens[pair[0]], tokens[pair[1]]) for pair in PAIRS}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 4.5}


@pytest.mark.parametrize("mode", MODES)
def test_every_mark_can_be_seen(mode: str) -> None:
    tokens = MODES[mode]
    weak = {pair: contrast(tokens[pair[0]], tokens[pair[1]]) for pair in MARKS}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 3}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_only_tokens_have_colours_and_sizes_of_letters(sheet) -> None:
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.findall(r":[^;{}]*(#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(|\b(?:white|black)\b)", css)
    assert set(re.findall(r"font-size: ([^;]+);", css)) <= {
        *(f"var(--wb-{name})" for name in LIGHT if name.startswith("text-")),
        "0.7em",  # a number beside the word that it is of
    }


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_every_token_that_is_used_is_there(sheet) -> None:
    used = set(re.findall(r"var\(--wb-([\w-]+)", sheet.read_text(encoding="utf-8")))
    assert used <= LIGHT.keys()


def test_tokens_come_first_on_the_page_and_in_the_viewer() -> None:
    assert CSS_FILES[0] == TOKENS_CSS
    assert viewer_style().startswith(TOKENS_CSS.read_text(encoding="utf-8"))
    assert set(COLOURS.values()) <= LIGHT.keys()


@pytest.mark.parametrize(("token", "name"), [("ramp", "viridis"), ("ramp-signed", "diverging")])
def test_the_ramp_of_the_page_is_the_colour_map_of_the_pictures(token: str, name: str) -> None:
    stops = np.array([rgb(colour) for colour in re.findall(r"#[0-9a-f]{6}", LIGHT[token])])
    places = np.linspace(0, 255, len(stops)).round().astype(int)
    assert np.abs(colormap_table(name)[places].astype(int) - stops).max() <= 3


def test_sizes_and_spaces_grow_by_their_names() -> None:
    def sizes(tokens: Mapping[str, str], kind: str) -> list[float]:
        return [float(re.sub(r"[a-z]+$", "", tokens[name])) for name in tokens if name.startswith(kind)]

    for kind in ("text-", "space-"):
        assert all(small < large for small, large in pairwise(sizes(LIGHT, kind)))
