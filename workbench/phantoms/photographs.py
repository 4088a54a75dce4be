"""Everyday photographs and icons that installed packages bring along: pictures that are not medical.

Only files known by name count, because some packages ship medical samples next to them (scikit-image has a
retina and a brain, Matplotlib an MRI slice).
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

_GRADIO_IMAGES = (
    "cheetah.jpg", "cheetah1.jpg", "groot.jpeg", "lion.jpg", "tower.jpg", "hf-logo_transpng.png", "bus.png",
    "logo.png", "screenshot.gif",
)  # fmt: skip
_SKIMAGE = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "chessboard_GRAY.png", "clock_motion.png",
    "coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "horse.png",
    "hubble_deep_field.jpg", "motorcycle_left.png", "page.png", "rocket.jpg", "text.png",
)  # fmt: skip
_MATPLOTLIB = ("grace_hopper.jpg", "logo2.png", "Minduka_Present_Blue_Pack.png")
KNOWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("matplotlib", "mpl-data/sample_data"): _MATPLOTLIB,
    ("gradio", "media_assets/images"): _GRADIO_IMAGES,
    ("gradio", "test_data"): ("cheetah2.jpg",),
    ("skimage", "data"): _SKIMAGE,
    ("sklearn", "datasets/images"): ("china.jpg", "flower.jpg"),
}
# Never trained on, so that a score on photographs is no recall.
HELD_OUT = {"lion.jpg", "tower.jpg", "groot.jpeg", "astronaut.png", "coffee.png", "rocket.jpg", "china.jpg"}
Split = Literal["train", "test"]


def package_photographs(split: Split) -> list[Path]:
    """Photographs and icons of the installed packages, in a fixed order; empty when there are none."""
    found = []
    for (package, folder), names in KNOWN.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            continue
        place = Path(spec.origin).parent / folder
        found += [place / name for name in names if (place / name).is_file()]
    return [path for path in found if (path.name in HELD_OUT) == (split == "test")]


@lru_cache(maxsize=64)
def _load(path: Path) -> np.ndarray:
    """RGBA uint8 `[H, W, 4]`, the longer side at most 1024 pixels."""
    with Image.open(path) as image:
        image.thumbnail((1024, 1024))
        return np.asarray(image.convert("RGBA"))


def crop_photograph(rng: np.random.Generator, path: Path, size: int) -> np.ndarray:
    """A random square crop as RGB uint8 `[size, size, 3]`, mirrored and grey at times.

    What is transparent gets a random colour. Raises OSError for a file that is missing or no image.
    """
    picture = _load(path)
    height, width = picture.shape[:2]
    edge = max(1, round(min(height, width) * rng.uniform(0.45, 1)))
    top, left = int(rng.integers(height - edge + 1)), int(rng.integers(width - edge + 1))
    crop = picture[top : top + edge, left : left + edge].astype(np.float32)
    cover = crop[:, :, 3:] / 255
    colour = crop[:, :, :3] * cover + rng.uniform(0, 255, 3).astype(np.float32) * (1 - cover)
    how = cv2.INTER_AREA if edge > size else cv2.INTER_LINEAR
    scaled = cv2.resize(colour, (size, size), interpolation=how)
    if rng.random() < 0.5:
        scaled = scaled[:, ::-1]
    if rng.random() < 0.25:
        scaled = np.repeat(scaled.mean(axis=2, keepdims=True), 3, axis=2)
    lit = scaled * rng.uniform(0.75, 1.15) + rng.normal(0, rng.uniform(0, 6), scaled.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)
