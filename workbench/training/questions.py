"""Phantom → questions, answers and traces. Every sentence follows from what was drawn."""

from dataclasses import replace

import numpy as np

from workbench.traces.trace import Axis
from workbench.training.phantoms import Kind, Phantom
from workbench.training.sample import Sample, Statement

MODALITY: dict[Kind, str] = {
    "chest": "X-ray",
    "brain": "MRI",
    "smear": "blood smear",
    "fundus": "fundus photograph",
    "skin": "dermoscopy",
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
SIDES_FACT = "In general, left and right here name the sides of the picture."
NUMBER_WORDS = (
    "no white blood cell",
    "one white blood cell",
    "two white blood cells",
    "three white blood cells",
)
WHITE_CELL_FACT = "White blood cells are typically large cells with a purple nucleus."
MODALITY_FACT = {
    "X-ray": (
        "a chest film with ribs over dark lungs",
        "X-ray films typically show bone bright and air dark.",
    ),
    "MRI": ("a slice of the head with a grey brain", "MRI typically shows soft tissue in shades of grey."),
    "blood smear": (
        "stained cells on a pale field",
        "A blood smear typically shows stained cells under a microscope.",
    ),
    "fundus photograph": (
        "a round orange retina with vessels",
        "A fundus photograph typically shows the retina at the back of the eye.",
    ),
    "dermoscopy": ("a coloured spot on skin", "Dermoscopy typically shows a magnified spot on skin."),
}


def place_of(phantom: Phantom) -> str:
    """Words for where the finding is, e.g. "left upper zone"; "centre" for a large heart."""
    facts = phantom.facts
    return "centre" if facts["side"] == "centre" else f"{facts['side']} {facts['zone']} zone"


def _statements(*items: tuple[Axis, str, str]) -> tuple[Statement, ...]:
    return tuple(Statement(*item) for item in items)


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _shuffled(rng: np.random.Generator, answer: str, others: list[str], count: int) -> tuple[str, ...]:
    wrong = [other for other in dict.fromkeys(others) if other != answer]
    chosen = [answer, *(str(o) for o in rng.permutation(wrong)[: count - 1])]
    return tuple(str(o) for o in rng.permutation(chosen))


def _modality_sample(rng: np.random.Generator, phantom: Phantom) -> Sample:
    modality = MODALITY[phantom.kind]
    seen, fact = MODALITY_FACT[modality]
    question = _pick(rng, ("What kind of image is this?", "Which imaging modality is shown?"))
    return Sample(
        question,
        _shuffled(rng, modality, list(MODALITY_FACT), 4),
        modality,
        modality,
        "modality",
        False,
        _statements(
            ("perception", seen, f"The image shows {seen}."),
            ("knowledge", modality, fact),
            ("rationale", "modality", f"Therefore this is a {modality} image."),
        ),
    )


def _finding_parts(phantom: Phantom) -> tuple[str, str, str]:
    seen, fact, name = FINDINGS[phantom.kind][phantom.finding]
    if "{place}" in seen:
        seen = seen.format(place=place_of(phantom))
    return seen, fact, name


def _finding_samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Questions for chest, brain and fundus: what, is there, where, normal or not."""
    seen, fact, name = _finding_parts(phantom)
    modality = MODALITY[phantom.kind]
    table = FINDINGS[phantom.kind]
    perception = ("perception", seen.split(" in the ")[0], f"The image shows {seen}.")
    abnormal = phantom.finding != "none"
    conclusion = f"This appearance fits {name}." if not abnormal else f"Therefore the finding is {name}."
    samples = [
        Sample(
            _pick(
                rng,
                (
                    "What abnormality is shown?",
                    "What is the main finding?",
                    "What do you see that is abnormal?",
                ),
            ),
            _shuffled(rng, name, [row[2] for row in table.values()], 4),
            name,
            modality,
            "finding",
            False,
            _statements(
                perception,
                ("knowledge", name, fact),
                ("rationale", "finding", f"Therefore there is {name}." if not abnormal else conclusion),
            ),
        )
    ]
    asked = (
        phantom.finding
        if abnormal and rng.random() < 0.5
        else _pick(rng, tuple(f for f in table if f != "none"))
    )
    there = asked == phantom.finding
    why = (
        f"Therefore the image shows {asked}."
        if there
        else f"There is no {ABSENT_SIGN[asked]}, therefore the image does not show {asked}."
    )
    samples.append(
        Sample(
            _pick(rng, ("Is there evidence of {f}?", "Does the image show {f}?")).format(f=asked),
            ("yes", "no"),
            "yes" if there else "no",
            modality,
            "presence",
            True,
            _statements(perception, ("knowledge", asked, table[asked][1]), ("rationale", asked, why)),
        )
    )
    samples.append(_normal_sample(rng, phantom, perception, abnormal))
    if abnormal and phantom.facts["side"] != "centre":
        samples.extend(_place_samples(rng, phantom, perception, name))
    return samples


def _normal_sample(
    rng: np.random.Generator, phantom: Phantom, perception: tuple[Axis, str, str], abnormal: bool
) -> Sample:
    _, fact, name = FINDINGS[phantom.kind][phantom.finding]
    why = (
        f"Therefore the image is abnormal and shows {name}." if abnormal else "Therefore the image is normal."
    )
    ask_normal = rng.random() < 0.5
    question = "Is this image normal?" if ask_normal else "Does this image look abnormal?"
    return Sample(
        question,
        ("yes", "no"),
        "yes" if ask_normal != abnormal else "no",
        MODALITY[phantom.kind],
        "abnormality",
        True,
        _statements(perception, ("knowledge", name, fact), ("rationale", "normal or abnormal", why)),
    )


def _place_samples(
    rng: np.random.Generator, phantom: Phantom, perception: tuple[Axis, str, str], name: str
) -> list[Sample]:
    place, side = place_of(phantom), str(phantom.facts["side"])
    zones = {
        "chest": ("upper", "middle", "lower"),
        "brain": ("front", "middle", "back"),
        "fundus": ("upper", "lower"),
    }
    places = [f"{s} {z} zone" for s in ("left", "right") for z in zones[phantom.kind]]
    modality = MODALITY[phantom.kind]
    knowledge = ("knowledge", "sides", SIDES_FACT)
    return [
        Sample(
            _pick(rng, ("Where is the abnormality?", "Where is the finding located?")),
            _shuffled(rng, place, places, 4),
            place,
            modality,
            "position",
            False,
            _statements(
                perception,
                knowledge,
                ("rationale", "position", f"Therefore the place of the {name} is the {place}."),
            ),
        ),
        Sample(
            _pick(
                rng,
                (
                    "On which side of the picture is the abnormality?",
                    "Which side is abnormal, left or right?",
                ),
            ),
            ("left", "right"),
            side,
            modality,
            "side",
            True,
            _statements(
                perception, knowledge, ("rationale", "side", f"Therefore the side of the {name} is {side}.")
            ),
        ),
    ]


def _disc_sample(phantom: Phantom) -> Sample:
    side = str(phantom.facts["disc"])
    return Sample(
        "On which side of the picture is the optic disc?",
        ("left", "right"),
        side,
        "fundus photograph",
        "side",
        True,
        _statements(
            ("perception", "optic disc", f"The image shows a bright round disc on the {side} side."),
            (
                "knowledge",
                "optic disc",
                "The optic disc is typically the bright place where the vessels meet.",
            ),
            ("rationale", "optic disc", f"Therefore the optic disc is on the {side} side."),
        ),
    )


def _smear_samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    count = int(phantom.facts["count"])
    amount = NUMBER_WORDS[count]
    perception = ("perception", "white blood cells", f"The image shows {amount} among many red blood cells.")
    knowledge = ("knowledge", "white blood cells", WHITE_CELL_FACT)
    platelets = bool(phantom.facts["platelets"])
    dots = "small purple dots" if platelets else "no small purple dots"
    state = "present" if platelets else "absent"
    samples = [
        Sample(
            _pick(
                rng, ("How many white blood cells are visible?", "What is the number of white blood cells?")
            ),
            _shuffled(rng, str(count), ["0", "1", "2", "3"], 4),
            str(count),
            "blood smear",
            "count",
            False,
            _statements(
                perception,
                knowledge,
                ("rationale", "count", f"Therefore the number of white blood cells is {count}."),
            ),
        ),
        Sample(
            "Is a white blood cell visible?",
            ("yes", "no"),
            "yes" if count else "no",
            "blood smear",
            "presence",
            True,
            _statements(
                perception,
                knowledge,
                (
                    "rationale",
                    "presence",
                    f"Therefore a white blood cell is {'present' if count else 'absent'}.",
                ),
            ),
        ),
        Sample(
            _pick(rng, ("Are platelets visible?", "Is a platelet visible?")),
            ("yes", "no"),
            "yes" if platelets else "no",
            "blood smear",
            "presence",
            True,
            _statements(
                ("perception", "platelets", f"The image shows {dots} between the red blood cells."),
                ("knowledge", "platelets", "Platelets are typically tiny purple dots."),
                ("rationale", "platelets", f"Therefore platelets are {state}."),
            ),
        ),
    ]
    if count == 1:
        side = str(phantom.facts["side"])
        samples.append(
            Sample(
                "On which side of the picture is the white blood cell?",
                ("left", "right"),
                side,
                "blood smear",
                "side",
                True,
                _statements(
                    (
                        "perception",
                        "white blood cell",
                        f"The image shows one white blood cell on the {side} side.",
                    ),
                    knowledge,
                    ("rationale", "side", f"Therefore the white blood cell is on the {side} side."),
                ),
            )
        )
    return samples


def _skin_samples(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    border, colour = phantom.finding, str(phantom.facts["colour"])
    side, hair = str(phantom.facts["side"]), bool(phantom.facts["hair"])
    edge = "smooth round" if border == "regular" else "ragged uneven"
    perception = (
        "perception",
        "lesion",
        f"The image shows a {colour} lesion with a {edge} border on the {side} side.",
    )
    border_fact = "A regular border is typically smooth, and an irregular border is typically ragged."
    colour_fact = "The colour of a lesion typically comes from pigment or blood."
    rows = (
        ("Is the border of the lesion regular or irregular?", ("regular", "irregular"), border, "border",
         border_fact, f"Therefore the border is {border}."),
        ("What colour is the lesion?", _shuffled(rng, colour, ["brown", "black", "red"], 3), colour, "colour",
         colour_fact, f"Therefore the lesion is {colour}."),
        ("On which side of the picture is the lesion?", ("left", "right"), side, "side", SIDES_FACT,
         f"Therefore the lesion is on the {side} side."),
    )  # fmt: skip
    samples = [
        Sample(
            question,
            options,
            answer,
            "dermoscopy",
            kind,
            kind != "colour",
            _statements(perception, ("knowledge", kind, fact), ("rationale", kind, why)),
        )
        for question, options, answer, kind, fact, why in rows
    ]
    hairs = "thin dark hairs across the skin" if hair else "clear skin without hairs"
    samples.append(
        Sample(
            "Are hairs crossing the field of view?",
            ("yes", "no"),
            "yes" if hair else "no",
            "dermoscopy",
            "artefact",
            True,
            _statements(
                ("perception", "hairs", f"The image shows {hairs}."),
                ("knowledge", "hairs", "Hairs typically look like thin dark lines."),
                ("rationale", "hairs", f"Therefore hairs are {'present' if hair else 'absent'}."),
            ),
        )
    )
    return samples


def _evidence(phantom: Phantom, sample: Sample) -> tuple[str, ...]:
    """Drawn structures that the sample's perception statement describes."""
    if sample.question_type in ("modality", "artefact"):
        return ()
    if "optic disc" in sample.question:
        return ("optic disc",)
    if phantom.kind == "smear":
        return ("platelet",) if "latelet" in sample.question else ("white blood cell",)
    return ("skin lesion",) if phantom.kind == "skin" else (phantom.finding,)


def ask(rng: np.random.Generator, phantom: Phantom) -> list[Sample]:
    """Every question that this phantom supports, with random phrasing and option order."""
    samples = [_modality_sample(rng, phantom)]
    if phantom.kind == "smear":
        samples += _smear_samples(rng, phantom)
    elif phantom.kind == "skin":
        samples += _skin_samples(rng, phantom)
    else:
        samples += _finding_samples(rng, phantom)
        if phantom.kind == "fundus":
            samples.append(_disc_sample(phantom))
    drawn = {region.name for region in (*phantom.anatomy, *phantom.lesions)}
    return [
        replace(sample, evidence=tuple(name for name in _evidence(phantom, sample) if name in drawn))
        for sample in samples
    ]


def caption(phantom: Phantom) -> str:
    """One sentence on what is drawn, for broad pretraining."""
    if phantom.kind == "smear":
        count = int(phantom.facts["count"])
        return f"A blood smear with {NUMBER_WORDS[count]}."
    if phantom.kind == "skin":
        return f"A dermoscopy image of a {phantom.facts['colour']} lesion with {phantom.finding} border."
    seen, _, name = _finding_parts(phantom)
    return f"A {MODALITY[phantom.kind]} image with {seen}: {name}."
