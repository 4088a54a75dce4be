"""Abdominal CT slice: liver mass, kidney stone, free fluid, or none; which organs are in view."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.findings import Finding, FindingTable, finding_caption, finding_samples
from workbench.phantoms.questions.wording import sample_of
from workbench.phantoms.sample import Sample

MODALITY = "CT"
TABLE = FindingTable(
    MODALITY,
    ("upper", "lower"),
    {
        "none": Finding(
            "an even liver, two plain kidneys and no free fluid",
            "A healthy liver is typically even in grey.",
            "no abnormality",
        ),
        "liver mass": Finding(
            "a round dark area in the liver in the {place} of the picture",
            "A liver mass is typically a round area that differs in grey from the liver around it.",
            "liver mass",
            "round dark area in the liver",
        ),
        "kidney stone": Finding(
            "a tiny very bright spot in a kidney in the {place} of the picture",
            "A kidney stone is typically a small very bright spot on CT.",
            "kidney stone",
            "bright spot in a kidney",
        ),
        "free fluid": Finding(
            "a dark grey pool beside the organs in the {place} of the picture",
            "Free fluid typically gathers beside the organs and is darker than they are.",
            "free fluid",
            "dark grey pool",
        ),
    },
)
SIDE_OF = {"liver": "left", "spleen": "right"}
ORGAN_FACTS = {
    "liver": ("liver", "The liver typically makes bile and clears toxins."),
    "spleen": ("spleen", "The spleen is typically part of the lymphatic system."),
}


def _organ(organ: str) -> Sample:
    side = SIDE_OF[organ]
    return sample_of(
        f"On which side of the picture is the {organ}?",
        ("left", "right"),
        side,
        MODALITY,
        "side",
        (organ, f"The image shows the {organ} on the {side} side."),
        ORGAN_FACTS[organ],
        (organ, f"Therefore the {organ} is on the {side} side."),
        (organ,),
    )


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where; the side of one organ."""
    return [*finding_samples(rng, phantom, TABLE), _organ(str(rng.choice(list(SIDE_OF))))]


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return finding_caption(phantom, TABLE)
