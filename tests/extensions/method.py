"""A method from outside the package: the share of each patch's own brightness. One file, one entry point."""

import numpy as np

from workbench.explain import Attribution, Cost, Method, Param, Refusal, SpanMaps


def brightness(asked: Attribution, settings: dict[str, int]) -> SpanMaps | Refusal:
    """Mean grey level of every patch, whatever the words: a control that knows the image alone."""
    if asked.image is None:
        return Refusal("Brightness needs the picture itself.", "Ask about a picture.")
    grey = asked.image.pixels.mean(-1) / 255
    values = [grey[int(y0) : int(y1) or 1, int(x0) : int(x1) or 1].mean() for x0, y0, x1, y1 in _cells(asked)]
    maps = np.tile(np.array(values, np.float32) ** settings["power"], (len(asked.spans), 1))
    return SpanMaps(maps, np.ones(len(asked.spans)), "all of it", Cost(0))


def _cells(asked: Attribution) -> np.ndarray:
    """Patch boxes with at least one pixel each."""
    boxes = asked.prompt.boxes.copy()
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    return boxes


BRIGHTNESS = Method(
    name="outside_brightness",
    label="Brightness, from outside",
    description="How bright each patch is.",
    caveat="Knows nothing of the model.",
    unit="grey level",
    signed=False,
    needs=("runs",),
    cost=lambda prompt, spans, settings: Cost(0),
    compute=brightness,
    params=(Param("power", "Power", 1, 4, 1),),
)
