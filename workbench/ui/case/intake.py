"""From an uploaded file to a picture: checked path, decoded by the imaging room, the original deleted."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.viewer.payload import picture_payload

MOST_PICTURES = 6  # of one conversation
MOST_BYTES = 160 << 20  # of all pictures of a conversation together
Loader = Callable[..., MedicalImage]


@dataclass(frozen=True)
class Picture:
    """A decoded image and its part of the viewer's payload (encoded once).

    `modality` is what the picture is, and `modality_source` who says so. `lesion` bool `[H, W]` marks the
    finding of a picture that the project drew; None where nobody knows.
    """

    image: MedicalImage
    payload: dict[str, Any]
    modality: str | None = None
    suggestions: tuple[str, ...] = ()
    lesion: np.ndarray | None = None
    modality_source: str = "the file"

    @property
    def bytes(self) -> int:
        """What keeping it takes: pixels, grey values, and the encoded picture."""
        grey = self.image.grey.values.nbytes if self.image.grey else 0
        return self.image.pixels.nbytes + grey + len(self.payload["src"])

    @property
    def windows(self) -> tuple[str, ...]:
        """Names of the display windows on offer; empty for an ordinary 8-bit picture."""
        return tuple(preset.label for preset in self.image.grey.presets) if self.image.grey else ()


@dataclass(frozen=True)
class OpenedCase:
    """A case from elsewhere on the page that fills the Case tab; `more` are further pictures.

    `picture` is None for a question without one.
    """

    picture: Picture | None
    question: str
    options: tuple[str, ...]
    gold: str = ""
    more: tuple[Picture, ...] = ()


def picture_of(
    image: MedicalImage,
    *,
    modality: str | None = None,
    suggestions: tuple[str, ...] = (),
    alt: str = "",
    lesion: np.ndarray | None = None,
    source: str = "you",
) -> Picture:
    """Encode a decoded image for the page; `modality`, which `source` knows, wins over what the file said."""
    said_by = source if modality else "the file"
    kind = modality or image.modality
    return Picture(image, picture_payload(image, alt=alt), kind, suggestions, lesion, said_by)


def sent_path(sent: Any) -> str | None:
    """The path in what the browser sent for a file (or a list of one); None when there is none."""
    first = sent[0] if isinstance(sent, list) and sent else sent
    path = first.get("path") if isinstance(first, dict) else None
    return path if isinstance(path, str) else None


def uploaded_file(path: str | None, upload_folder: Path) -> Path:
    """The file behind a path that a browser sent, or UserFacing.

    Any path in a request may be forged, so only a regular file inside the upload folder is taken; links
    are refused.
    """
    if not path:
        raise UserFacing("No file arrived.", "Choose it again.")
    candidate = Path(path)
    folder = upload_folder.resolve()
    try:
        resolved = candidate.resolve(strict=True)
    except (OSError, ValueError) as fault:
        raise UserFacing("The uploaded file is no longer there.", "Add it again.") from fault
    if candidate.is_symlink() or folder not in resolved.parents or not resolved.is_file():
        raise UserFacing(
            "That file was not uploaded here.", "Drop the image on the page or choose it from your disk."
        )
    return resolved


def take_upload(path: str | None, upload_folder: Path, load: Loader) -> Picture:
    """Decode an upload and delete it, whether or not it could be read. Raises UserFacing."""
    file = uploaded_file(path, upload_folder)
    try:
        return picture_of(load(file))
    finally:
        with contextlib.suppress(OSError):  # another visitor may have uploaded, and removed, the same bytes
            file.unlink()
            file.parent.rmdir()


def with_window(
    picture: Picture, label: str | None, invert: bool, rewindow: Callable[..., MedicalImage]
) -> Picture:
    """The same picture in another grey window (None: an 8-bit picture, which has none), or inverted.

    Raises UserFacing when it has no such window.
    """
    presets = picture.image.grey.presets if picture.image.grey else ()
    chosen = next((preset for preset in presets if preset.label == label), None)
    if chosen is None and (presets or label):
        raise UserFacing("This picture has no such grey window.", "Choose one from the list.")
    image = rewindow(picture.image, chosen, invert)
    return replace(picture, image=image, payload=picture_payload(image, alt=picture.payload["alt"]))
