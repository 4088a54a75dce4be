"""Brain slice: mass, haematoma, infarct, or none."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.sample import Sample

MODALITY = "MRI"
TABLE = FindingTable(
    MODALITY,
    ("front", "middle", "back"),
    {
        "none": Finding(
            "an even grey brain with slim dark ventricles",
            "A healthy brain is typically symmetric.",
            "no abnormality",
        ),
        "mass": Finding(
            "a round bright ring with a dark centre in the {place} of the picture",
            "A mass is typically round and can have a bright rim around a dark centre.",
            "mass",
            "bright ring",
        ),
        "haematoma": Finding(
            "a bright crescent under the skull in the {place} of the picture",
            "A haematoma under the skull is typically shaped like a crescent.",
            "haematoma",
            "bright crescent",
        ),
        "infarct": Finding(
            "a dark area with a blurred edge in the {place} of the picture",
            "An infarct is typically a dark area of dead brain tissue.",
            "infarct",
            "dark area",
        ),
    },
)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where."""
    return finding_samples(rng, phantom, TABLE)


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
