"""The colours of `ui/html/tokens.css` for all that is drawn in Python; the style sheet is their source.

`LIGHT` and `DARK` are the tokens of each mode by name without `--wb-`: `LIGHT["perception"]` is "#1d4ed8". A
chart stands on either ground, so it takes the tokens of `LIGHT` that have no dark value.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

TOKENS_CSS = Path(__file__).parent / "ui" / "html" / "tokens.css"
NO_GROUND = "rgba(0,0,0,0)"  # a chart without a ground of its own, on whatever page it stands
_BLOCK = re.compile(r"(?P<selectors>[^{}]+)\{(?P<body>[^{}]*)\}")
_TOKEN = re.compile(r"--wb-([\w-]+):\s*([^;]+);")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def read_tokens(css: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Tokens of the light and of the dark mode; what the dark one does not set is as in the light one."""
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    for block in _BLOCK.finditer(_COMMENT.sub("", css)):
        found = dark if ".dark" in block["selectors"] else light
        found |= {name: value.strip() for name, value in _TOKEN.findall(block["body"])}
    return MappingProxyType(light), MappingProxyType(light | dark)


LIGHT, DARK = read_tokens(TOKENS_CSS.read_text(encoding="utf-8"))


def numbered(name: str) -> tuple[str, ...]:
    """The colours NAME-1, NAME-2, … in their order."""
    count = sum(re.fullmatch(rf"{name}-\d+", token) is not None for token in LIGHT)
    return tuple(LIGHT[f"{name}-{number}"] for number in range(1, count + 1))


def shades(name: str) -> tuple[str, str, str]:
    """Light, middle and full shade of an axis, or of "total"."""
    return LIGHT[f"{name}-light"], LIGHT[f"{name}-middle"], LIGHT[name]


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue from 0 to 255 of "#rrggbb"."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
