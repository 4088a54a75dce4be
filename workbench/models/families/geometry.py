"""Where an image processor puts the picture: pad, resize, crop, and back to original pixels."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Placement:
    """Model-input pixel = original pixel × scale + shift, per axis."""

    scale: tuple[float, float]
    shift: tuple[float, float]

    def to_original(self, xy: np.ndarray) -> np.ndarray:
        """Model-input coordinates `[..., 2]` → original pixel coordinates."""
        return (xy - np.array(self.shift)) / np.array(self.scale)


def _resized(size: Any, width: int, height: int) -> tuple[int, int]:
    get = size.get if isinstance(size, dict) else lambda key: getattr(size, key, None)
    if get("height") and get("width"):
        return int(get("width")), int(get("height"))
    edge = get("shortest_edge")
    if not edge:
        raise ValueError(f"cannot read the resize rule {size}")
    short, long = min(width, height), max(width, height)
    other = int(edge * long / short)
    if get("longest_edge") and other > get("longest_edge"):
        edge, other = int(get("longest_edge") * short / long), int(get("longest_edge"))
    return (int(edge), other) if width <= height else (other, int(edge))


def _crop_shift(have: int, want: int) -> float:
    """Shift that a centre crop (or centre padding, when `want` is larger) adds along one axis."""
    return -((have - want) // 2) if have >= want else math.ceil((want - have) / 2)


def placement(image_processor: Any, width: int, height: int) -> Placement:
    """Placement of a (width, height) picture under a CLIP, SigLIP or LLaVA image processor."""
    pad_x = pad_y = 0
    if getattr(image_processor, "do_pad", False):
        side = max(width, height)
        pad_x, pad_y = (side - width) // 2, (side - height) // 2
    padded = (width + 2 * pad_x, height + 2 * pad_y)
    if getattr(image_processor, "do_pad", False):
        padded = (max(width, height),) * 2
    new_w, new_h = padded
    if getattr(image_processor, "do_resize", True):
        new_w, new_h = _resized(image_processor.size, *padded)
    sx, sy = new_w / padded[0], new_h / padded[1]
    crop_x = crop_y = 0.0
    if getattr(image_processor, "do_center_crop", False):
        crop = image_processor.crop_size
        get = crop.get if isinstance(crop, dict) else lambda key: getattr(crop, key)
        crop_x, crop_y = _crop_shift(new_w, get("width")), _crop_shift(new_h, get("height"))
    return Placement((sx, sy), (pad_x * sx + crop_x, pad_y * sy + crop_y))


def grid_boxes(place: Placement, columns: int, rows: int, patch: int, width: int, height: int) -> np.ndarray:
    """Raster-order boxes `[rows·columns, 4]` in original pixels, clipped to the picture.

    A patch that lies wholly in the padding gets an empty box (x0 == x1 or y0 == y1).
    """
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    start = np.stack([x.ravel(), y.ravel()], 1) * float(patch)
    boxes = np.concatenate([place.to_original(start), place.to_original(start + patch)], 1)
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
