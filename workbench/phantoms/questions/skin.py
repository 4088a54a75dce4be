"""Skin lesion: border, colour, side, hairs."""

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.wording import SIDES_FACT, sample_of, shuffled
from workbench.phantoms.sample import Sample

MODALITY = "dermoscopy"
BORDER_FACT = (
    "border",
    "A regular border is typically smooth, and an irregular border is typically ragged.",
)
COLOUR_FACT = ("colour", "The colour of a lesion typically comes from pigment or blood.")
HAIR_FACT = ("hairs", "Hairs typically look like thin dark lines.")
LESION = ("skin lesion",)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Border, colour and side of the lesion; hairs across the picture."""
    border, colour = phantom.finding, str(phantom.facts["colour"])
    side, hair = str(phantom.facts["side"]), bool(phantom.facts["hair"])
    edge = "smooth round" if border == "regular" else "ragged uneven"
    seen = ("lesion", f"The image shows a {colour} lesion with a {edge} border on the {side} side.")
    hairs = "thin dark hairs across the skin" if hair else "clear skin without hairs"
    return [
        sample_of("Is the border of the lesion regular or irregular?", ("regular", "irregular"), border,
             MODALITY, "border", seen, BORDER_FACT, ("border", f"Therefore the border is {border}."), LESION),
        sample_of("What colour is the lesion?", shuffled(rng, colour, ["brown", "black", "red"], 3), colour,
             MODALITY, "colour", seen, COLOUR_FACT, ("colour", f"Therefore the lesion is {colour}."), LESION),
        sample_of("On which side of the picture is the lesion?", ("left", "right"), side, MODALITY, "side",
             seen, ("side", SIDES_FACT), ("side", f"Therefore the lesion is on the {side} side."), LESION),
        sample_of("Are hairs crossing the field of view?", ("yes", "no"), "yes" if hair else "no", MODALITY,
             "artefact", ("hairs", f"The image shows {hairs}."), HAIR_FACT,
             ("hairs", f"Therefore hairs are {'present' if hair else 'absent'}.")),
    ]  # fmt: skip


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    return f"A dermoscopy image of a {phantom.facts['colour']} lesion with {phantom.finding} border."
