"""A map in words: the strongest of nine zones of the picture, as in the page's own reading."""

import numpy as np

ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "central", "right")
CLEAR_PART = 2 / 9  # one of nine equal zones holds a ninth of a flat map; under twice that nothing stands out


def zone_sums(values: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Positive evidence in the nine zones, row by row, float64 `[9]`; a patch is divided by area."""
    width, height = size
    sums = np.zeros((3, 3))
    x_edges, y_edges = np.linspace(0, width, 4), np.linspace(0, height, 4)
    for value, (x0, y0, x1, y1) in zip(np.maximum(values, 0), boxes, strict=True):
        area = (x1 - x0) * (y1 - y0)
        if value <= 0 or area <= 0:
            continue
        across = np.clip(np.minimum(x1, x_edges[1:]) - np.maximum(x0, x_edges[:-1]), 0, None)
        down = np.clip(np.minimum(y1, y_edges[1:]) - np.maximum(y0, y_edges[:-1]), 0, None)
        sums += value * np.outer(down, across) / area
    return sums.ravel()


def region_in_words(values: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> str:
    """E.g. "left lower zone of the picture, 38 % of the image evidence"; sides are those of the picture."""
    sums = zone_sums(values, boxes, size)
    total = sums.sum()
    if total <= 0:
        return "no region stands out"
    zone = int(sums.argmax())
    part = sums[zone] / total
    if part < CLEAR_PART:
        return "spread over the picture without a clear place"
    name = "centre" if zone == 4 else f"{COLUMNS[zone % 3]} {ROWS[zone // 3]} zone"
    return f"{name} of the picture, {part:.0%} of the image evidence".replace("%", " %")
