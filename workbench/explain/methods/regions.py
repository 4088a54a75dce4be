"""Regions of patches: coarse cells of the picture, and patches by the box that they show."""

import numpy as np

from workbench.explain.patch_grid import by_picture


def visible_patches(boxes: np.ndarray) -> np.ndarray:
    """Indices of the patches that show some of the picture, int64; padding has empty boxes."""
    return np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


def coarse_regions(boxes: np.ndarray, across: int, picture_of: np.ndarray | None = None) -> list[np.ndarray]:
    """Patch indices of each cell of an `across` × `across` grid laid over the picture, row by row.

    `boxes` `[P, 4]` in picture pixels; with `picture_of` int64 `[P]` every picture has a grid of its own. A
    patch belongs to the cell that holds its centre, so patches of several views of one place fall together;
    cells without a patch are left out.
    """
    if picture_of is not None and len(picture_of) and picture_of.max() > 0:
        return [own[cell] for own in by_picture(picture_of) for cell in coarse_regions(boxes[own], across)]
    patches = visible_patches(boxes)
    if len(patches) == 0:
        return []
    seen = boxes[patches].astype(np.float64)
    low, high = seen[:, :2].min(0), seen[:, 2:].max(0)
    centres = (seen[:, :2] + seen[:, 2:]) / 2
    cell = np.clip(((centres - low) / (high - low) * across).astype(int), 0, across - 1)
    number = cell[:, 1] * across + cell[:, 0]
    return [patches[number == index] for index in np.unique(number)]


def hidden_patches(regions: list[np.ndarray], chosen: np.ndarray, patches: int) -> np.ndarray:
    """Boolean `[patches]`: True for every patch of the chosen regions (`chosen` bool `[G]`).

    All regions together hide every image token, also those that show padding only.
    """
    hidden = np.full(patches, bool(chosen.all()))
    for region, taken in zip(regions, chosen, strict=True):
        hidden[region] = taken
    return hidden


def over_patches(values: np.ndarray, regions: list[np.ndarray], patches: int) -> np.ndarray:
    """Region values `[S, G]` shared out evenly over their patches, `[S, patches]`; sums are kept."""
    out = np.zeros((len(values), patches))
    for value, region in zip(values.T, regions, strict=True):
        out[:, region] = value[:, None] / len(region)
    return out
