"""A map in words: the strongest of nine zones of the picture, as in the page's own reading."""

import numpy as np

ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "central", "right")
CLEAR_PART = 2 / 9  # one of nine equal zones holds a ninth of a flat map; under twice that nothing stands out


def zone_sums(values: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Positive evidence in each of nine equal zones of the picture, row by row, float64 `[9]`.

    `values` `[P]`, `boxes` `[P, 4]` as x0, y0, x1, y1 in pixels of a picture of `size` (width, height). A
    patch in several zones is divided by area; empty boxes (padding) count nowhere. Raises ValueError for
    arrays that don't fit together or hold a number that is not finite.
    """
    if values.ndim != 1 or boxes.shape != (len(values), 4):
        raise ValueError(f"values {values.shape} and boxes {boxes.shape} do not match; want [P] and [P, 4]")
    if not (np.isfinite(values).all() and np.isfinite(boxes).all()):
        raise ValueError("values or boxes hold a number that is not finite")
    x0, y0, x1, y1 = boxes.astype(np.float64).T
    across, down = _overlap(x0, x1, size[0]), _overlap(y0, y1, size[1])
    area = np.where((x1 > x0) & (y1 > y0), (x1 - x0) * (y1 - y0), np.inf)
    return np.einsum("p,pr,pc->rc", np.maximum(values, 0) / area, down, across).ravel()


def _overlap(start: np.ndarray, end: np.ndarray, length: int) -> np.ndarray:
    """Pixels that each interval `[P]` shares with each third of `length`, `[P, 3]`."""
    edges = np.linspace(0, length, 4)
    shared = np.minimum(end[:, None], edges[1:]) - np.maximum(start[:, None], edges[:-1])
    return np.maximum(shared, 0)


def region_in_words(values: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> str:
    """Where a map is strongest, e.g. "left lower zone of the picture, 38 % of the image evidence".

    Left and right are sides of the picture, not of the person in it. Only what speaks for the span counts:
    the positive part of a signed map. Arguments and errors as `zone_sums`.
    """
    sums = zone_sums(values, boxes, size)
    total = float(sums.sum())
    if total <= 0:
        return "no region stands out"
    zone = int(sums.argmax())
    part = float(sums[zone]) / total
    if part < CLEAR_PART:
        return "spread over the picture without a clear place"
    name = "centre" if zone == 4 else f"{COLUMNS[zone % 3]} {ROWS[zone // 3]} zone"
    return f"{name} of the picture, {int(100 * part + 0.5)} % of the image evidence"
