"""Endoscopy view: a polyp, an ulcer, bleeding, or none."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.sample import Sample

MODALITY = "endoscopy"
TABLE = FindingTable(
    MODALITY,
    ("upper", "lower"),
    {
        "none": Finding(
            "smooth pink mucosa with regular folds",
            "Healthy mucosa is typically smooth and pink.",
            "no abnormality",
        ),
        "polyp": Finding(
            "a raised round pink lump in the {place} of the picture",
            "A polyp is typically a lump that grows from the mucosa.",
            "polyp",
            "raised round lump",
        ),
        "ulcer": Finding(
            "a pale yellow area with a red rim in the {place} of the picture",
            "An ulcer is typically a pale crater with a red rim.",
            "ulcer",
            "pale area with a red rim",
        ),
        "bleeding": Finding(
            "a dark red pool in the {place} of the picture",
            "Bleeding typically shows as a dark red pool or streak.",
            "bleeding",
            "dark red pool",
        ),
    },
)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where."""
    return finding_samples(rng, phantom, TABLE)


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
