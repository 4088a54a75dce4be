"""The example gallery as data: drawn phantoms shipped with the project, samples of installed packages."""

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.phantoms import draw_phantom
from workbench.phantoms.seeds import same_drawing
from workbench.places import ASSETS

EXAMPLES_FOLDER = ASSETS / "examples"
PYDICOM = "pydicom:"
THUMBNAIL = 112  # pixels, longest side; shown at half of that on a dense screen


@dataclass(frozen=True)
class Example:
    """One case of the gallery. `image` is a file of the folder or `pydicom:NAME`; `answer` is the right one
    to its question, "" where nobody knows it.
    """

    id: str
    title: str
    image: str
    alt: str
    question: str
    options: tuple[str, ...]
    modality: str
    credit: str
    drawn: dict[str, Any] | None = None
    answer: str = ""

    def file(self, folder: Path = EXAMPLES_FOLDER) -> Path | None:
        """Where the image lies on this machine; None when the package that brings it does not have it."""
        if not self.image.startswith(PYDICOM):
            return folder / self.image
        from pydicom.data import get_testdata_file

        found = get_testdata_file(self.image.removeprefix(PYDICOM), download=False)
        return Path(found) if found else None


@dataclass(frozen=True)
class ExampleSet:
    """All examples that are there, and suggested questions by modality ("" for any other)."""

    examples: tuple[Example, ...]
    suggestions: dict[str, tuple[str, ...]]

    def get(self, example_id: Any) -> Example:
        """Raises UserFacing for an unknown id."""
        for example in self.examples:
            if example.id == example_id:
                return example
        raise UserFacing("That example is not here.", "Pick another one.")

    def suggested(self, modality: str | None) -> tuple[str, ...]:
        """Questions worth asking about this kind of picture."""
        return self.suggestions.get(modality or "", self.suggestions[""])

    def is_prefilled(self, question: str, options: str) -> bool:
        """Whether a form holds exactly what picking an example put there."""
        lines = tuple(str(options or "").splitlines())
        return any(lines == entry.options and question == entry.question for entry in self.examples)


@cache
def load_examples(folder: Path = EXAMPLES_FOLDER) -> ExampleSet:
    """Read `examples.json`; examples whose image is not on this machine are left out."""
    entries, suggestions = _read(folder)
    there = tuple(entry for entry in entries if (file := entry.file(folder)) is not None and file.is_file())
    return ExampleSet(there, suggestions)


def _read(folder: Path) -> tuple[list[Example], dict[str, tuple[str, ...]]]:
    content = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    entries = [Example(**{**entry, "options": tuple(entry["options"])}) for entry in content["examples"]]
    return entries, {key: tuple(texts) for key, texts in content["suggestions"].items()}


def thumbnail(example: Example, folder: Path = EXAMPLES_FOLDER) -> str:
    """A small JPEG of the example as a data address, so that the page asks for no file."""
    pixels = load_image(example.file(folder)).pixels
    factor = THUMBNAIL / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")


def drawn_lesion(example: Example, pixels: np.ndarray) -> np.ndarray | None:
    """Where the finding of a drawn example lies, bool `[H, W]`; None without a drawing or a finding.

    Drawn anew from the recorded seed; when that does not give the picture `pixels` (uint8 RGB; processors
    round one grey level apart), the place is not known either.
    """
    if example.drawn is None:
        return None
    phantom = draw_phantom(example.drawn["seed"], example.drawn["kind"], example.drawn["size"])
    if not phantom.lesions or not same_drawing(phantom.pixels, pixels):
        return None
    return np.logical_or.reduce([lesion.mask for lesion in phantom.lesions])


def redraw(folder: Path = EXAMPLES_FOLDER) -> list[Path]:
    """Draw every phantom of the gallery anew from its recorded seed; returns the files written."""
    written = []
    for example in _read(folder)[0]:
        if example.drawn is None:
            continue
        pixels = draw_phantom(example.drawn["seed"], example.drawn["kind"], example.drawn["size"]).pixels
        grey = (pixels == pixels[:, :, :1]).all()
        file = folder / example.image
        cv2.imwrite(str(file), pixels[:, :, 0] if grey else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        written.append(file)
    return written
