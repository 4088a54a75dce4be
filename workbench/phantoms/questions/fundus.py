"""Fundus photograph: haemorrhages, exudates or none, and the optic disc."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.questions.wording import sample_of
from workbench.phantoms.sample import Sample

MODALITY = "fundus photograph"
TABLE = FindingTable(
    MODALITY,
    ("upper", "lower"),
    {
        "none": Finding(
            "an even orange retina with clear vessels",
            "A healthy retina typically has no spots.",
            "no abnormality",
        ),
        "haemorrhages": Finding(
            "dark red spots in the {place} of the picture",
            "Haemorrhages are typically dark red spots of leaked blood.",
            "haemorrhages",
            "dark red spot",
        ),
        "exudates": Finding(
            "bright yellow spots in the {place} of the picture",
            "Exudates are typically bright yellow spots of leaked fat.",
            "exudates",
            "bright yellow spot",
        ),
    },
)
DISC_FACT = ("optic disc", "The optic disc is typically the bright place where the vessels meet.")


def _disc(side: str) -> Sample:
    return sample_of(
        "On which side of the picture is the optic disc?",
        ("left", "right"),
        side,
        MODALITY,
        "side",
        ("optic disc", f"The image shows a bright round disc on the {side} side."),
        DISC_FACT,
        ("optic disc", f"Therefore the optic disc is on the {side} side."),
        ("optic disc",),
    )


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where; the side of the optic disc."""
    return [*finding_samples(rng, phantom, TABLE), _disc(str(phantom.facts["disc"]))]


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
