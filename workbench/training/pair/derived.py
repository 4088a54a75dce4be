"""Further questions that an annotation answers: modality, body part, which structures are in view, and where.

Real question sets hold few examples of each kind; these teach that the answer must follow from what was seen
("The image shows a CT …" → "Is this an MRI?" → no). Nothing is asked that the annotation leaves open.
"""

import numpy as np

from workbench.phantoms.sample import Sample, Statement

MODALITIES = ("X-ray", "CT", "MRI")
# Structures of one part of the body are never in a slice of another; neighbours are left out on purpose.
FAR_APART = {
    "head": ("brain", "temporal lobe", "brain stem", "eye"),
    "trunk": ("liver", "spleen", "kidney", "bladder", "rectum", "stomach", "colon"),
}
PART_OF = {
    "brain": "head",
    "head": "head",
    "abdomen": "trunk",
    "pelvic": "trunk",
    "lung": "chest",
    "chest": "chest",
    "neck": "neck",
}
ASK_MODALITY = ("Is this an image of type {m}?", "Was {m} used here?", "Is the modality {m}?", "Is this {m}?")
ASK_PART = ("Is this a picture of the {p}?", "Was the {p} imaged?", "Does this belong to the {p}?")
ASK_PRESENCE = ("Is the {s} in view?", "Can the {s} be seen?", "Is there a {s} in this picture?")
ASK_PLACE = ("Where in the picture is the {s}?", "In which zone of the picture does the {s} lie?")


def part_of(body_part: str) -> str:
    """Coarse part of the body of an annotation's words, "" when it has none of ours."""
    return next((PART_OF[word] for word in body_part.lower().split() if word in PART_OF), "")


def _yes_no(
    question: str,
    yes: bool,
    modality: str,
    kind: str,
    seen: tuple[Statement, ...],
    why: str,
    evidence: tuple[str, ...] = (),
) -> Sample:
    answer = "yes" if yes else "no"
    reason = Statement("rationale", kind, f"{why}, therefore the answer is {answer}.")
    return Sample(question, ("yes", "no"), answer, modality, kind, True, (*seen, reason), evidence)


def _modality(
    rng: np.random.Generator, modality: str, seen: tuple[Statement, ...], choose: bool
) -> list[Sample]:
    other = str(rng.choice([name for name in MODALITIES if name != modality]))
    ask = str(rng.choice(ASK_MODALITY))
    out = [
        _yes_no(ask.format(m=modality), True, modality, "modality", seen, f"This is {modality}"),
        _yes_no(
            ask.format(m=other), False, modality, "modality", seen, f"This is {modality} and not {other}"
        ),
    ]
    if choose:
        pair = [str(name) for name in rng.permutation([modality, other])]
        reason = Statement("rationale", "modality", f"Therefore the answer is {modality}.")
        question = f"Is this {pair[0]} or {pair[1]}?"
        out.append(Sample(question, tuple(pair), modality, modality, "modality", True, (*seen, reason)))
    return out


def _part(rng: np.random.Generator, modality: str, part: str, seen: tuple[Statement, ...]) -> list[Sample]:
    other = str(rng.choice([name for name in ("head", "abdomen", "chest") if name != part]))
    ask = str(rng.choice(ASK_PART))
    return [
        _yes_no(ask.format(p=part), True, modality, "body part", seen, f"This is the {part}"),
        _yes_no(
            ask.format(p=other), False, modality, "body part", seen, f"This is the {part} and not the {other}"
        ),
    ]


def _structures(
    rng: np.random.Generator,
    modality: str,
    coarse: str,
    zones: dict[str, str],
    seen: tuple[Statement, ...],
) -> list[Sample]:
    out = []
    for name, zone in list(zones.items())[:3]:
        place = Statement("perception", name, f"It shows {name} in the {zone} of the picture.")
        known = (*seen, place)
        question = str(rng.choice(ASK_PRESENCE)).format(s=name)
        why = f"The {name} is in view"
        out.append(_yes_no(question, True, modality, "presence", known, why, (name,)))
        where = Statement("rationale", "position", f"Therefore the answer is {zone}.")
        question = str(rng.choice(ASK_PLACE)).format(s=name)
        out.append(Sample(question, (), zone, modality, "position", False, (*known, where), (name,)))
    far = [name for part, names in FAR_APART.items() if part != coarse for name in names]
    if coarse in ("head", "trunk"):
        for absent in (str(name) for name in rng.permutation(far)[: max(1, len(zones))][:3]):
            question = str(rng.choice(ASK_PRESENCE)).format(s=absent)
            out.append(_yes_no(question, False, modality, "presence", seen, f"The {absent} is not in view"))
    return out


def derive(
    rng: np.random.Generator, modality: str, body_part: str, zones: dict[str, str], seen: Statement
) -> list[Sample]:
    """Samples for one picture; `zones`: annotated structure → place; `seen` opens each trace."""
    coarse = part_of(body_part)
    named = {"trunk": "abdomen"}.get(coarse, coarse)
    out = _modality(rng, modality, (seen,), choose=True) if modality in MODALITIES else []
    if named in ("head", "abdomen", "chest") and "pelvic" not in body_part.lower():
        out += _part(rng, modality, named, (seen,))
    return out + _structures(rng, modality, coarse, zones, (seen,))
