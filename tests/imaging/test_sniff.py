"""What a file is, by its first bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.imaging.sniff import sniff


def _saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_pictures_are_known_by_content(kind):
    assert sniff(_saved(kind)) == kind.lower()


def test_big_tiff_is_a_tiff():
    data = _saved("TIFF", big_tiff=True)
    assert data[2] == 43
    assert sniff(data) == "tiff"
    assert load_image(data).pixels[0, 0].tolist() == [90, 90, 90]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"BMI of the patient is 22; the rest of this note is text.", "not a picture"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
        (b"\0\0\0\x1cftypavif" + b"\0" * 40, "AVIF"),
        (b"\x1f\x8b\x08" + b"\0" * 40, "archive"),
        ("plain text".encode("utf-16"), "not a picture"),
        (b"\xef\xbb\xbf  <!-- x --><svg></svg>", "SVG"),
        (b"\n\n<HTML><body>", "web page"),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * 40, "not a picture"),
    ],
)
def test_everything_else_is_named_in_words(data, words):
    with pytest.raises(UserFacing) as fault:
        sniff(data)
    assert words in fault.value.message
    assert fault.value.hint
