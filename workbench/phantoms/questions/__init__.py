"""Phantom → questions, answers and traces. Every sentence follows from what was drawn.

A new kind of picture is one file here (`MODALITY`, `samples`, `caption`) and one in `phantoms/`.
"""

from dataclasses import replace

import numpy as np

from workbench.phantoms import Kind, Phantom
from workbench.phantoms.questions import (
    abdomen,
    brain,
    chart,
    chest,
    endoscopy,
    fundus,
    histology,
    skin,
    smear,
    ultrasound,
    unknown,
)
from workbench.phantoms.questions.findings import place_of
from workbench.phantoms.questions.wording import MODALITY_FACT, modality_sample
from workbench.phantoms.sample import Sample

_MODULES = {
    "chest": chest, "brain": brain, "smear": smear, "fundus": fundus, "skin": skin, "abdomen": abdomen,
    "ultrasound": ultrasound, "histology": histology, "endoscopy": endoscopy, "chart": chart,
    "unknown": unknown,
}  # fmt: skip
MODALITY: dict[Kind, str] = {kind: module.MODALITY for kind, module in _MODULES.items()}


def ask(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Every question that this phantom supports, with random phrasing and option order.

    `evidence` keeps only what was drawn: an absent cell has no place to look at.
    """
    drawn = {region.name for region in (*phantom.anatomy, *phantom.lesions)}
    samples = _MODULES[phantom.kind].samples(rng, phantom)
    if MODALITY[phantom.kind] in MODALITY_FACT:
        samples = [modality_sample(rng, MODALITY[phantom.kind]), *samples]
    return [
        replace(sample, evidence=tuple(name for name in sample.evidence if name in drawn))
        for sample in samples
    ]


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn, for broad pretraining."""
    return _MODULES[phantom.kind].caption(phantom)


__all__ = ["MODALITY", "ask", "caption", "place_of"]
