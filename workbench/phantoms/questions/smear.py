"""Blood smear: white cells counted and placed, platelets present or not."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.wording import pick, sample_of, shuffled
from workbench.phantoms.sample import Sample

MODALITY = "blood smear"
NUMBER_WORDS = (
    "no white blood cell",
    "one white blood cell",
    "two white blood cells",
    "three white blood cells",
)
WHITE_CELL_FACT = ("white blood cells", "White blood cells are typically large cells with a purple nucleus.")
PLATELET_FACT = ("platelets", "Platelets are typically tiny purple dots.")
ASK_COUNT = ("How many white blood cells are visible?", "What is the number of white blood cells?")
WHITE, PLATELET = ("white blood cell",), ("platelet",)


def _counted(rng: np.random.Generator, count: int) -> list[Sample]:
    seen = ("white blood cells", f"The image shows {NUMBER_WORDS[count]} among many red blood cells.")
    number = ("count", f"Therefore the number of white blood cells is {count}.")
    state = "present" if count else "absent"
    there = ("presence", f"Therefore a white blood cell is {state}.")
    question, options = pick(rng, ASK_COUNT), shuffled(rng, str(count), ["0", "1", "2", "3"], 4)
    answer = "yes" if count else "no"
    asked = "Is a white blood cell visible?"
    return [
        sample_of(question, options, str(count), MODALITY, "count", seen, WHITE_CELL_FACT, number, WHITE),
        sample_of(asked, ("yes", "no"), answer, MODALITY, "presence", seen, WHITE_CELL_FACT, there, WHITE),
    ]


def _platelets(rng: np.random.Generator, present: bool) -> Sample:
    dots = "small purple dots" if present else "no small purple dots"
    return sample_of(
        pick(rng, ("Are platelets visible?", "Is a platelet visible?")),
        ("yes", "no"),
        "yes" if present else "no",
        MODALITY,
        "presence",
        ("platelets", f"The image shows {dots} between the red blood cells."),
        PLATELET_FACT,
        ("platelets", f"Therefore platelets are {'present' if present else 'absent'}."),
        PLATELET,
    )


def _side(side: str) -> Sample:
    return sample_of(
        "On which side of the picture is the white blood cell?",
        ("left", "right"),
        side,
        MODALITY,
        "side",
        ("white blood cell", f"The image shows one white blood cell on the {side} side."),
        WHITE_CELL_FACT,
        ("side", f"Therefore the white blood cell is on the {side} side."),
        WHITE,
    )


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Count, presence of white cells and platelets, and the side of a single white cell."""
    count = int(phantom.facts["count"])
    out = [*_counted(rng, count), _platelets(rng, bool(phantom.facts["platelets"]))]
    return [*out, _side(str(phantom.facts["side"]))] if count == 1 else out


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return f"A blood smear with {NUMBER_WORDS[int(phantom.facts['count'])]}."
