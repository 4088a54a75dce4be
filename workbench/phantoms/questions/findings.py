"""Questions on a picture with one finding or none: what it is, whether it is there, where it lies."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from workbench.phantoms import Phantom
from workbench.phantoms.questions.wording import (
    SIDES_FACT,
    TopicSentence,
    pick,
    sample_of,
    shuffled,
    with_article,
)
from workbench.phantoms.sample import Sample


@dataclass(frozen=True)
class Finding:
    """`seen`: what it looks like, "{place}" becomes its place; `sign`: what is missing when it is absent."""

    seen: str
    fact: str
    name: str
    sign: str = ""


@dataclass(frozen=True)
class FindingTable:
    """All that the finding questions of one kind of picture need; the healthy picture is the row "none"."""

    modality: str
    zones: tuple[str, ...]
    findings: Mapping[str, Finding]


ASK_FINDING = (
    "What abnormality is shown?",
    "What is the main finding?",
    "What do you see that is abnormal?",
)
ASK_PLACE = ("Where is the abnormality?", "Where is the finding located?")
ASK_SIDE = ("On which side of the picture is the abnormality?", "Which side is abnormal, left or right?")


def place_of(phantom: Phantom) -> str:
    """Words for where the finding is, e.g. "left upper zone"; "centre" for a large heart."""
    facts = phantom.facts
    return "centre" if facts["side"] == "centre" else f"{facts['side']} {facts['zone']} zone"


def _seen(phantom: Phantom, table: FindingTable) -> str:
    seen = table.findings[phantom.finding].seen
    return seen.format(place=place_of(phantom)) if "{place}" in seen else seen


def _what(
    rng: np.random.Generator, phantom: Phantom, table: FindingTable, perception: TopicSentence
) -> Sample:
    found = table.findings[phantom.finding]
    fact, name = found.fact, found.name
    healthy = phantom.finding == "none"
    why = f"Therefore there is {name}." if healthy else f"Therefore the finding is {name}."
    names = [row.name for row in table.findings.values()]
    question, options = pick(rng, ASK_FINDING), shuffled(rng, name, names, 4)
    return sample_of(
        question,
        options,
        name,
        table.modality,
        "finding",
        perception,
        (name, fact),
        ("finding", why),
        _drawn(phantom),
    )


def _presence(
    rng: np.random.Generator, phantom: Phantom, table: FindingTable, perception: TopicSentence
) -> Sample:
    ask_true = phantom.finding != "none" and rng.random() < 0.5
    asked = phantom.finding if ask_true else pick(rng, tuple(f for f in table.findings if f != "none"))
    there = asked == phantom.finding
    why = (
        f"Therefore the image shows {asked}."
        if there
        else f"There is no {table.findings[asked].sign}, therefore the image does not show {asked}."
    )
    return sample_of(
        pick(rng, ("Is there evidence of {f}?", "Does the image show {f}?")).format(f=asked),
        ("yes", "no"),
        "yes" if there else "no",
        table.modality,
        "presence",
        perception,
        (asked, table.findings[asked].fact),
        (asked, why),
        _drawn(phantom),
    )


def _normal(
    rng: np.random.Generator, phantom: Phantom, table: FindingTable, perception: TopicSentence
) -> Sample:
    found = table.findings[phantom.finding]
    fact, name = found.fact, found.name
    abnormal = phantom.finding != "none"
    why = (
        f"Therefore the image is abnormal and shows {name}." if abnormal else "Therefore the image is normal."
    )
    ask_normal = rng.random() < 0.5
    return sample_of(
        "Is this image normal?" if ask_normal else "Does this image look abnormal?",
        ("yes", "no"),
        "yes" if ask_normal != abnormal else "no",
        table.modality,
        "abnormality",
        perception,
        (name, fact),
        ("normal or abnormal", why),
        _drawn(phantom),
    )


def _placed(
    rng: np.random.Generator, phantom: Phantom, table: FindingTable, perception: TopicSentence
) -> list[Sample]:
    name = phantom.finding
    place, side = place_of(phantom), str(phantom.facts["side"])
    places = [f"{s} {z} zone" for s in ("left", "right") for z in table.zones]
    modality, knowledge, drawn = table.modality, ("sides", SIDES_FACT), _drawn(phantom)
    where = ("position", f"Therefore the place of the {name} is the {place}.")
    which = ("side", f"Therefore the side of the {name} is {side}.")
    ask, options = pick(rng, ASK_PLACE), shuffled(rng, place, places, 4)
    return [
        sample_of(ask, options, place, modality, "position", perception, knowledge, where, drawn),
        sample_of(pick(rng, ASK_SIDE), ("left", "right"), side, modality, "side", perception, knowledge,
             which, drawn),
    ]  # fmt: skip


def _drawn(phantom: Phantom) -> tuple[str, ...]:
    return tuple(region.name for region in phantom.lesions if region.name == phantom.finding)


def finding_samples(rng: np.random.Generator, phantom: Phantom, table: FindingTable) -> list[Sample]:
    """What it is, whether it is there, normal or not, and where it lies if it has a side."""
    seen = _seen(phantom, table)
    perception = (seen.split(" in the ")[0], f"The image shows {seen}.")
    out = [make(rng, phantom, table, perception) for make in (_what, _presence, _normal)]
    if phantom.finding != "none" and phantom.facts["side"] != "centre":
        out += _placed(rng, phantom, table, perception)
    return out


def finding_caption(phantom: Phantom, table: FindingTable) -> str:
    """One sentence on what is drawn."""
    found = table.findings[phantom.finding]
    words = with_article(table.modality)
    return f"{words[0].upper()}{words[1:]} image with {_seen(phantom, table)}: {found.name}."
