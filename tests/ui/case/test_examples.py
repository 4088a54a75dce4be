"""The gallery: what is promised is there, drawn by the project or brought by a package."""

import base64
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.phantoms.seeds import same_drawing
from workbench.ui.case.examples import (
    EXAMPLES_FOLDER,
    PYDICOM,
    drawn_lesion,
    load_examples,
    redraw,
    thumbnail,
)

HELD_OUT = 900_000_000  # seeds from here on are never trained on
LARGEST = 60_000


def test_every_example_is_there_and_can_be_decoded() -> None:
    examples = load_examples().examples
    promised = json.loads((EXAMPLES_FOLDER / "examples.json").read_text())["examples"]
    assert [entry.id for entry in examples] == [entry["id"] for entry in promised]
    assert len({entry.id for entry in examples}) == len(examples) >= 7
    for entry in examples:
        image = load_image(entry.file())
        assert min(image.width, image.height) >= 64
        assert entry.question and entry.alt and entry.credit, entry.id
        assert len(entry.options) != 1, entry.id
    assert {"X-ray", "CT", "MRI", "blood smear"} <= {entry.modality for entry in examples}
    assert any(entry.image.startswith(PYDICOM) for entry in examples)


def test_phantoms_are_small_held_out_and_drawn_from_their_seed(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES_FOLDER / "examples.json", tmp_path)
    drawn = redraw(tmp_path)
    assert len(drawn) >= 5
    for file in drawn:
        shipped = EXAMPLES_FOLDER / file.name
        assert shipped.stat().st_size < LARGEST, file.name
        assert same_drawing(cv2.imread(str(shipped)), cv2.imread(str(file))), f"redraw {file.name}"
    for entry in load_examples().examples:
        assert entry.drawn is None or entry.drawn["seed"] >= HELD_OUT


def test_a_missing_image_leaves_its_example_out(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES_FOLDER / "examples.json", tmp_path)
    left = load_examples(tmp_path).examples
    assert left and all(entry.image.startswith(PYDICOM) for entry in left)


def test_suggestions_fall_back_and_unknown_examples_are_refused() -> None:
    examples = load_examples()
    assert "pleural effusion" in " ".join(examples.suggested("X-ray"))
    assert examples.suggested("something new") == examples.suggested(None) != ()
    with pytest.raises(UserFacing, match="not here"):
        examples.get("../secret")


def test_a_thumbnail_is_a_small_picture_of_the_example() -> None:
    entry = load_examples().get("brain-mass")
    head, _, data = thumbnail(entry).partition(",")
    assert head == "data:image/jpeg;base64"
    small = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_GRAYSCALE)
    whole = cv2.cvtColor(load_image(entry.file()).pixels, cv2.COLOR_RGB2GRAY)
    assert small.shape == (112, 112) and len(data) < 12_000
    difference = np.abs(cv2.resize(whole, (112, 112), interpolation=cv2.INTER_AREA).astype(int) - small)
    assert difference.mean() < 4


def test_the_drawn_finding_is_known_only_for_the_very_picture() -> None:
    examples = load_examples()
    nodule = examples.get("chest-nodule")
    pixels = load_image(nodule.file()).pixels
    lesion = drawn_lesion(nodule, pixels)
    rows, columns = np.nonzero(lesion)
    assert lesion.shape == pixels.shape[:2] and 0 < lesion.mean() < 0.05
    assert columns.mean() > 128 and 85 < rows.mean() < 171  # right middle zone, as its text says
    rounded = pixels.copy()
    rounded[0, 0] ^= 1  # as another processor may draw it
    assert np.array_equal(drawn_lesion(nodule, rounded), lesion)
    assert drawn_lesion(nodule, 255 - pixels) is None
    ct = next(entry for entry in examples.examples if entry.image.startswith(PYDICOM))
    assert drawn_lesion(ct, pixels) is None


def test_a_form_is_an_examples_only_when_nothing_was_changed() -> None:
    examples = load_examples()
    nodule = examples.get("chest-nodule")
    options = "\n".join(nodule.options)
    assert examples.is_prefilled(nodule.question, options)
    assert not examples.is_prefilled(nodule.question, options + "\nmass")
    assert not examples.is_prefilled("Is it broken?", options)
    assert not examples.is_prefilled("", None)
