"""Chest film: one lung finding, a wide heart, or none."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.sample import Sample

MODALITY = "X-ray"
TABLE = FindingTable(
    MODALITY,
    ("upper", "middle", "lower"),
    {
        "none": Finding(
            "both lungs dark and clear beside a heart of normal width",
            "Healthy lungs are typically dark because they hold air.",
            "no abnormality",
        ),
        "nodule": Finding(
            "a small round bright spot in the {place} of the picture",
            "A nodule is typically a small round opacity inside the lung.",
            "nodule",
            "round bright spot",
        ),
        "consolidation": Finding(
            "a patchy bright area in the {place} of the picture",
            "Consolidation is typically a patchy opacity where air is replaced by fluid.",
            "consolidation",
            "patchy bright area",
        ),
        "pleural effusion": Finding(
            "a bright base with a curved upper edge in the {place} of the picture",
            "A pleural effusion is typically fluid that collects at the base of the lung.",
            "pleural effusion",
            "bright lung base",
        ),
        "cardiomegaly": Finding(
            "a heart shadow wider than half of the chest",
            "Cardiomegaly typically means a heart wider than half of the chest.",
            "cardiomegaly",
            "wide heart shadow",
        ),
    },
)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where."""
    return finding_samples(rng, phantom, TABLE)


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
