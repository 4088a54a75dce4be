"""Small samples in each public layout, written for the tests; the pictures are drawn."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw


def drawn(shade: int = 90) -> bytes:
    """A PNG of a disc of that grey."""
    picture = Image.new("L", (24, 20), 10)
    ImageDraw.Draw(picture).ellipse((4, 4, 18, 16), fill=shade)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def draw(path: Path, shade: int = 90) -> Path:
    """`drawn` as a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn(shade))
    return path


def write_lines(path: Path, *rows: Any) -> Path:
    """JSON lines; a row that is text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


def write_list(path: Path, *rows: Any) -> Path:
    """One JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def write_table(path: Path, *rows: dict[str, Any], separator: str = ",") -> Path:
    """CSV with a header from the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
    return path
