"""Phantoms: pictures that the project draws itself, with every lesion known to the pixel.

Sides are sides of the PICTURE (left = smaller x), as in the SLAKE annotations; they are not the patient's.
A seed decides a picture up to one grey level, since processors round differently: see `seeds.py`.
"""

from collections.abc import Callable

import numpy as np

from workbench.phantoms.abdomen import draw_abdomen
from workbench.phantoms.brain import draw_brain
from workbench.phantoms.canvas import Kind, Phantom, Region
from workbench.phantoms.chart import draw_chart
from workbench.phantoms.chest import draw_chest
from workbench.phantoms.endoscopy import draw_endoscopy
from workbench.phantoms.fundus import draw_fundus
from workbench.phantoms.histology import draw_histology
from workbench.phantoms.skin import draw_skin
from workbench.phantoms.smear import draw_smear
from workbench.phantoms.ultrasound import draw_ultrasound
from workbench.phantoms.unknown import draw_unknown

DRAWERS: dict[Kind, Callable[..., Phantom]] = {
    "chest": draw_chest,
    "brain": draw_brain,
    "smear": draw_smear,
    "fundus": draw_fundus,
    "skin": draw_skin,
    "abdomen": draw_abdomen,
    "ultrasound": draw_ultrasound,
    "histology": draw_histology,
    "endoscopy": draw_endoscopy,
    "chart": draw_chart,
    "unknown": draw_unknown,
}


def draw_phantom(seed: int, kind: Kind | None = None, size: int = 256, finding: str | None = None) -> Phantom:
    """Draw the phantom of `seed`; the same seed, kind and size always give the same picture."""
    rng = np.random.default_rng(seed)
    chosen = kind or list(DRAWERS)[int(rng.integers(len(DRAWERS)))]
    return DRAWERS[chosen](rng, size, finding)


__all__ = ["DRAWERS", "Kind", "Phantom", "Region", "draw_phantom"]
