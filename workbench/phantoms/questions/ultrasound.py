"""Ultrasound sector: a cyst, a stone, or none."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.sample import Sample

MODALITY = "ultrasound"
TABLE = FindingTable(
    MODALITY,
    ("upper", "lower"),
    {
        "none": Finding(
            "even grey speckle without a black hole or a shadow",
            "Healthy tissue is typically evenly speckled on ultrasound.",
            "no abnormality",
        ),
        "cyst": Finding(
            "a black round area with a brighter strip behind it in the {place} of the picture",
            "A cyst is typically black on ultrasound with brighter tissue behind it.",
            "cyst",
            "black round area",
        ),
        "stone": Finding(
            "a bright spot with a dark shadow behind it in the {place} of the picture",
            "A stone typically reflects ultrasound and casts a dark shadow.",
            "stone",
            "bright spot with a shadow",
        ),
    },
)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where."""
    return finding_samples(rng, phantom, TABLE)


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
