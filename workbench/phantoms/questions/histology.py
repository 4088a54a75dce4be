"""Tissue section: crowded nuclei, necrosis, or none."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.sample import Sample

MODALITY = "histology"
TABLE = FindingTable(
    MODALITY,
    ("upper", "lower"),
    {
        "none": Finding(
            "evenly spread nuclei of one size",
            "Healthy tissue typically has evenly spread nuclei.",
            "no abnormality",
        ),
        "crowded nuclei": Finding(
            "a cluster of large crowded nuclei in the {place} of the picture",
            "Crowded large nuclei are typically a sign of fast growing cells.",
            "crowded nuclei",
            "cluster of crowded nuclei",
        ),
        "necrosis": Finding(
            "an area without nuclei in the {place} of the picture",
            "Necrosis is typically dead tissue that has lost its nuclei.",
            "necrosis",
            "area without nuclei",
        ),
    },
)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where."""
    return finding_samples(rng, phantom, TABLE)


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
