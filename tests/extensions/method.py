"""A method from outside the package: the share of each patch's own brightness. One file, one entry point."""

import numpy as np

from workbench.explain import Attribution, Cost, Method, Param, Refusal, SpanMaps


def brightness(asked: Attribution, settings: dict[str, int]) -> SpanMaps | Refusal:
    """Mean grey level of every patch, whatever the words: a control that knows the image alone."""
    if asked.image is None:
        return Refusal("Brightness needs the picture itself.", "Ask about a picture.")
    grey = asked.image.pixels.mean(-1) / 255
    values = [_mean(grey, box) ** settings["power"] for box in asked.prompt.boxes]
    maps = np.tile(np.array(values, np.float32), (len(asked.spans), 1))
    return SpanMaps(maps, np.ones(len(asked.spans)), "all of it", Cost(0))


def _mean(grey: np.ndarray, box: np.ndarray) -> float:
    """Mean of the pixels in a patch's box, 0 for padding, which has none."""
    x0, y0, x1, y1 = box.round().astype(int)
    inside = grey[y0:y1, x0:x1]
    return float(inside.mean()) if inside.size else 0.0


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
