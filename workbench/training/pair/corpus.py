"""Real images with questions (manifest format of the project's data folder) → samples with traces.

A trace sentence says only what the annotation says (modality, body part, boxes, the answer) or states a
general fact from `facts.json`. Questions in another language than English are left out.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.errors import UserFacing
from workbench.phantoms.sample import TAGS, Sample, Statement
from workbench.training.pair.derived import derive

FACTS_PATH = Path(__file__).parent / "facts.json"
# What a region label of a real data set names when it is no organ or cell.
DISEASES = {
    "brain edema", "brain non-enhancing tumor", "brain enhancing tumor", "liver cancer", "cardiomegaly",
    "atelectasis", "pneumonia", "nodule", "mass", "effusion", "pneumothorax", "infiltrate", "lung cancer",
}  # fmt: skip
LISTING_TYPES = {"Organ", "Size", "Quantity", "KG"}  # question types whose answer rests on what is in view
ACRONYMS = {"mri": "MRI", "ct": "CT", "x-ray": "X-ray", "xray": "X-ray", "x ray": "X-ray"}


@dataclass(frozen=True)
class CorpusImage:
    """One annotated picture; `regions` are (name, (x0, y0, x1, y1)) in pixels of the stored file."""

    image_id: str
    path: Path
    modality: str
    body_part: str
    width: int
    height: int
    regions: tuple[tuple[str, tuple[float, float, float, float]], ...]
    mask_path: Path | None
    mask_labels: dict[int, str]
    samples: tuple[Sample, ...]
    derived: tuple[Sample, ...] = ()


def plain_answer(text: str) -> str:
    """Lower case except for imaging acronyms, single spaces, no closing full stop."""
    words = " ".join(text.split()).strip().rstrip(".").lower()
    return ACRONYMS.get(words, words)


def zone_words(box: tuple[float, float, float, float], width: int, height: int) -> str:
    """Where a box lies in thirds of the picture, e.g. "left upper", "centre", "right"."""
    x, y = (box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height
    across = "left" if x < 0.4 else "right" if x > 0.6 else ""
    down = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
    return " ".join(word for word in (across, down) if word) or "centre"


def region_name(label: str) -> str:
    """Region label without the patient's side, lower case."""
    words = label.lower().split()
    return " ".join(word for word in words if word not in ("left", "right"))


def load_facts(path: Path = FACTS_PATH) -> list[tuple[str, str]]:
    """(keyword, sentence) pairs, more specific keywords first."""
    table: dict[str, str] = json.loads(path.read_text())
    return sorted(table.items(), key=lambda item: -len(item[0]))


def _fact_for(facts: list[tuple[str, str]], *texts: str) -> tuple[str, str] | None:
    for text in texts:
        padded = f" {text.lower()} "
        for keyword, sentence in facts:
            if keyword in padded:
                return keyword.strip(), sentence
    return None


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _overview(entry: dict) -> Statement:
    """The sentence that opens every trace of this picture."""
    if entry["modality"] == "blood smear":
        return Statement("perception", "modality", "The image shows a blood smear.")
    article = "an" if entry["modality"][0] in "MXa" else "a"
    body = entry["body_part"] or "body"
    return Statement(
        "perception", "modality", f"The image shows {article} {entry['modality']} of the {body}."
    )


def _zones(entry: dict, regions: list[dict]) -> dict[str, str]:
    """Name → place of each structure whose regions all lie in one place."""
    places: dict[str, set[str]] = {}
    for region in regions:
        zone = zone_words(tuple(region["box"]), entry["width"], entry["height"])
        places.setdefault(region_name(region["label"]), set()).add(zone)
    return {name: found.pop() for name, found in places.items() if len(found) == 1}


def _perception(
    entry: dict, question: dict, names: dict[str, dict]
) -> tuple[list[Statement], tuple[str, ...]]:
    """What is seen, and the names of the regions that it rests on."""
    seen = [_overview(entry)]
    linked = [names[r] for r in question.get("region_ids", []) if r in names]
    if not linked and question["question_type"] == "Abnormality":
        linked = [region for region in names.values() if region["label"].lower() in DISEASES][:3]
    told: set[str] = set()
    if len(linked) <= 3:
        for region in linked[:2]:
            name = region_name(region["label"])
            zone = zone_words(tuple(region["box"]), entry["width"], entry["height"])
            if name not in told:
                told.add(name)
                seen.append(Statement("perception", name, f"It shows {name} in the {zone} of the picture."))
    elif entry["modality"] != "blood smear":
        listed = sorted({region_name(region["label"]) for region in linked})
        seen.append(Statement("perception", "structures", f"It shows {_listed(listed)}."))
    if not linked and names and question["question_type"] in LISTING_TYPES:
        listed = sorted({region_name(region["label"]) for region in names.values()})
        seen.append(Statement("perception", "structures", f"It shows {_listed(listed)}."))
    return seen, tuple(sorted({region_name(region["label"]) for region in linked}))


def _derived(entry: dict) -> list[Sample]:
    """Questions of our own on this annotation, the same each time."""
    digest = hashlib.sha256(entry["id"].encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    organs = [region for region in entry["regions"] if region["label"].lower() not in DISEASES]
    zones = _zones(entry, organs) if entry["modality"] != "blood smear" else {}
    return derive(rng, entry["modality"], entry["body_part"] or "", zones, _overview(entry))


def _sample(entry: dict, question: dict, facts: list[tuple[str, str]]) -> Sample:
    answer = plain_answer(question["answer"])
    options = tuple(plain_answer(option) for option in question.get("options", ()))
    statements, evidence = _perception(entry, question, {region["id"]: region for region in entry["regions"]})
    fact = _fact_for(facts, answer, question["question"], entry["body_part"] or "", entry["modality"])
    if fact:
        statements.append(Statement("knowledge", fact[0], fact[1]))
    statements.append(Statement("rationale", "answer", f"Therefore the answer is {answer}."))
    return Sample(
        " ".join(question["question"].split()),
        options if answer in options else (),
        answer,
        entry["modality"],
        question["question_type"],
        question["answer_type"] == "closed",
        tuple(statements),
        evidence,
    )


def load_corpus(manifest: Path) -> list[CorpusImage]:
    """Read a manifest.jsonl; images of a modality without a trace tag are left out.

    Raises UserFacing when the file is missing.
    """
    if not manifest.is_file():
        raise UserFacing(f"There is no manifest at {manifest}.", "Give the folder that holds manifest.jsonl.")
    facts = load_facts()
    images = []
    for line in manifest.read_text().splitlines():
        entry = json.loads(line)
        if entry["modality"] not in TAGS:
            continue
        english = [q for q in entry["qa"] if q.get("lang", "en") == "en" and q["question"].isascii()]
        mask = entry.get("mask")
        images.append(
            CorpusImage(
                entry["id"],
                manifest.parent / entry["file"],
                entry["modality"],
                entry["body_part"] or "",
                entry["width"],
                entry["height"],
                tuple((r["label"], tuple(r["box"])) for r in entry["regions"]),
                manifest.parent / mask["file"] if mask else None,
                {int(value): label for value, label in mask["labels"].items()} if mask else {},
                tuple(_sample(entry, q, facts) for q in english),
                tuple(_derived(entry)),
            )
        )
    return [image for image in images if image.samples]


def pick_samples(
    rng: np.random.Generator, image: CorpusImage, count: int, derived: float = 0.0
) -> list[Sample]:
    """`count` different questions of one image, fewer when it has fewer; `derived` is their share."""
    ours = int(rng.binomial(count, derived)) if image.derived else 0
    chosen: list[Sample] = []
    for pool, wanted in ((image.derived, ours), (image.samples, count - ours)):
        chosen += [pool[int(i)] for i in rng.permutation(len(pool))[:wanted]]
    return chosen
