"""The pictures of a run: decoded when they are needed, kept while there is room."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.imaging import load_image
from workbench.imaging.medical_image import MedicalImage

ROOM = 512 << 20  # bytes of decoded pictures that are kept


class Pictures:
    """Decoded pictures, the least recently used given up first; and the hashes of the current files."""

    def __init__(self, room: int = ROOM) -> None:
        self._room, self._held = room, 0
        self._kept: OrderedDict[Path, MedicalImage] = OrderedDict()
        self._digests: dict[Path, str] = {}

    def hash_all(self, paths: Iterable[Path]) -> None:
        """Take the hashes of these files, and forget those of others; "" for one that can't be read."""
        before = self._digests
        self._digests = {}
        for path in paths:
            if path not in self._digests:
                self._digests[path] = before.get(path) or _digest(path)

    def digest(self, paths: Sequence[Path]) -> str:
        """SHA-256 of a file that `hash_all` was told of, of several the hash of theirs; "" for no picture."""
        if len(paths) < 2:
            return self._digests[paths[0]] if paths else ""
        together = "\0".join(self._digests[path] for path in paths)
        return hashlib.sha256(together.encode()).hexdigest()

    def image(self, path: Path) -> MedicalImage:
        """The decoded picture; raises what `load_image` raises."""
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        image = load_image(path)
        self._kept[path] = image
        self._held += _size(image)
        while self._held > self._room and len(self._kept) > 1:
            self._held -= _size(self._kept.popitem(last=False)[1])
        return image


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _size(image: MedicalImage) -> int:
    return image.pixels.nbytes + (image.grey.values.nbytes if image.grey is not None else 0)
