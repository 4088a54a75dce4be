"""Chest film, brain slice and fundus: one finding or none, what it looks like and where it lies."""

import numpy as np

from workbench.training.phantoms import Phantom
from workbench.training.questions.wording import SIDES_FACT, Told, pick, shuffled, told
from workbench.training.sample import Sample

MODALITY = {"chest": "X-ray", "brain": "MRI", "fundus": "fundus photograph"}
ZONES = {
    "chest": ("upper", "middle", "lower"),
    "brain": ("front", "middle", "back"),
    "fundus": ("upper", "lower"),
}
# kind -> finding -> (what is seen, with {place}; the fact; what follows)
FINDINGS: dict[str, dict[str, tuple[str, str, str]]] = {
    "chest": {
        "none": (
            "both lungs dark and clear beside a heart of normal width",
            "Healthy lungs are typically dark because they hold air.",
            "no abnormality",
        ),
        "nodule": (
            "a small round bright spot in the {place} of the picture",
            "A nodule is typically a small round opacity inside the lung.",
            "nodule",
        ),
        "consolidation": (
            "a patchy bright area in the {place} of the picture",
            "Consolidation is typically a patchy opacity where air is replaced by fluid.",
            "consolidation",
        ),
        "pleural effusion": (
            "a bright base with a curved upper edge in the {place} of the picture",
            "A pleural effusion is typically fluid that collects at the base of the lung.",
            "pleural effusion",
        ),
        "cardiomegaly": (
            "a heart shadow wider than half of the chest",
            "Cardiomegaly typically means a heart wider than half of the chest.",
            "cardiomegaly",
        ),
    },
    "brain": {
        "none": (
            "an even grey brain with slim dark ventricles",
            "A healthy brain is typically symmetric.",
            "no abnormality",
        ),
        "mass": (
            "a round bright ring with a dark centre in the {place} of the picture",
            "A mass is typically round and can have a bright rim around a dark centre.",
            "mass",
        ),
        "haematoma": (
            "a bright crescent under the skull in the {place} of the picture",
            "A haematoma under the skull is typically shaped like a crescent.",
            "haematoma",
        ),
        "infarct": (
            "a dark area with a blurred edge in the {place} of the picture",
            "An infarct is typically a dark area of dead brain tissue.",
            "infarct",
        ),
    },
    "fundus": {
        "none": (
            "an even orange retina with clear vessels",
            "A healthy retina typically has no spots.",
            "no abnormality",
        ),
        "haemorrhages": (
            "dark red spots in the {place} of the picture",
            "Haemorrhages are typically dark red spots of leaked blood.",
            "haemorrhages",
        ),
        "exudates": (
            "bright yellow spots in the {place} of the picture",
            "Exudates are typically bright yellow spots of leaked fat.",
            "exudates",
        ),
    },
}
ABSENT_SIGN = {
    "nodule": "round bright spot",
    "consolidation": "patchy bright area",
    "pleural effusion": "bright lung base",
    "cardiomegaly": "wide heart shadow",
    "mass": "bright ring",
    "haematoma": "bright crescent",
    "infarct": "dark area",
    "haemorrhages": "dark red spot",
    "exudates": "bright yellow spot",
}


ASK_FINDING = (
    "What abnormality is shown?",
    "What is the main finding?",
    "What do you see that is abnormal?",
)
ASK_PLACE = ("Where is the abnormality?", "Where is the finding located?")
ASK_SIDE = ("On which side of the picture is the abnormality?", "Which side is abnormal, left or right?")
DISC_FACT = ("optic disc", "The optic disc is typically the bright place where the vessels meet.")


def place_of(phantom: Phantom) -> str:
    """Words for where the finding is, e.g. "left upper zone"; "centre" for a large heart."""
    facts = phantom.facts
    return "centre" if facts["side"] == "centre" else f"{facts['side']} {facts['zone']} zone"


def _parts(phantom: Phantom) -> tuple[str, str, str]:
    seen, fact, name = FINDINGS[phantom.kind][phantom.finding]
    if "{place}" in seen:
        seen = seen.format(place=place_of(phantom))
    return seen, fact, name


def _what(rng: np.random.Generator, phantom: Phantom, perception: Told) -> Sample:
    _, fact, name = _parts(phantom)
    healthy = phantom.finding == "none"
    why = f"Therefore there is {name}." if healthy else f"Therefore the finding is {name}."
    names = [row[2] for row in FINDINGS[phantom.kind].values()]
    question, options = pick(rng, ASK_FINDING), shuffled(rng, name, names, 4)
    return told(
        question,
        options,
        name,
        MODALITY[phantom.kind],
        "finding",
        perception,
        (name, fact),
        ("finding", why),
        _drawn(phantom),
    )


def _presence(rng: np.random.Generator, phantom: Phantom, perception: Told) -> Sample:
    table = FINDINGS[phantom.kind]
    ask_true = phantom.finding != "none" and rng.random() < 0.5
    asked = phantom.finding if ask_true else pick(rng, tuple(f for f in table if f != "none"))
    there = asked == phantom.finding
    why = (
        f"Therefore the image shows {asked}."
        if there
        else f"There is no {ABSENT_SIGN[asked]}, therefore the image does not show {asked}."
    )
    return told(
        pick(rng, ("Is there evidence of {f}?", "Does the image show {f}?")).format(f=asked),
        ("yes", "no"),
        "yes" if there else "no",
        MODALITY[phantom.kind],
        "presence",
        perception,
        (asked, table[asked][1]),
        (asked, why),
        _drawn(phantom),
    )


def _normal(rng: np.random.Generator, phantom: Phantom, perception: Told) -> Sample:
    _, fact, name = FINDINGS[phantom.kind][phantom.finding]
    abnormal = phantom.finding != "none"
    why = (
        f"Therefore the image is abnormal and shows {name}." if abnormal else "Therefore the image is normal."
    )
    ask_normal = rng.random() < 0.5
    return told(
        "Is this image normal?" if ask_normal else "Does this image look abnormal?",
        ("yes", "no"),
        "yes" if ask_normal != abnormal else "no",
        MODALITY[phantom.kind],
        "abnormality",
        perception,
        (name, fact),
        ("normal or abnormal", why),
        _drawn(phantom),
    )


def _placed(rng: np.random.Generator, phantom: Phantom, perception: Told) -> list[Sample]:
    name = phantom.finding
    place, side = place_of(phantom), str(phantom.facts["side"])
    places = [f"{s} {z} zone" for s in ("left", "right") for z in ZONES[phantom.kind]]
    modality, knowledge, drawn = MODALITY[phantom.kind], ("sides", SIDES_FACT), _drawn(phantom)
    where = ("position", f"Therefore the place of the {name} is the {place}.")
    which = ("side", f"Therefore the side of the {name} is {side}.")
    ask, options = pick(rng, ASK_PLACE), shuffled(rng, place, places, 4)
    return [
        told(ask, options, place, modality, "position", perception, knowledge, where, drawn),
        told(pick(rng, ASK_SIDE), ("left", "right"), side, modality, "side", perception, knowledge, which,
             drawn),
    ]  # fmt: skip


def _disc(side: str) -> Sample:
    return told(
        "On which side of the picture is the optic disc?",
        ("left", "right"),
        side,
        MODALITY["fundus"],
        "side",
        ("optic disc", f"The image shows a bright round disc on the {side} side."),
        DISC_FACT,
        ("optic disc", f"Therefore the optic disc is on the {side} side."),
        ("optic disc",),
    )


def _drawn(phantom: Phantom) -> tuple[str, ...]:
    return tuple(region.name for region in phantom.lesions if region.name == phantom.finding)


def samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """What it is, whether it is there, normal or not, where; the disc of a fundus."""
    seen = _parts(phantom)[0]
    perception = (seen.split(" in the ")[0], f"The image shows {seen}.")
    out = [make(rng, phantom, perception) for make in (_what, _presence, _normal)]
    if phantom.finding != "none" and phantom.facts["side"] != "centre":
        out += _placed(rng, phantom, perception)
    if phantom.kind == "fundus":
        out.append(_disc(str(phantom.facts["disc"])))
    return out


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn."""
    seen, _, name = _parts(phantom)
    return f"A {MODALITY[phantom.kind]} image with {seen}: {name}."
