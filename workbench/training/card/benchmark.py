"""Draw the bundled phantom benchmark: held-out seeds, OpenMedReason test schema, rubric units per axis.

Drawn again on another processor, a few pixels may differ by one grey level (`phantoms/seeds.py`); results
compare all the same, since they are about the drawn pictures that are shipped in `assets/bench/`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workbench.models.prompts import LETTERS, lettered
from workbench.phantoms import DRAWERS, Kind, draw_phantom
from workbench.phantoms.questions import ask
from workbench.phantoms.questions.phrasing import Split, rephrase
from workbench.phantoms.sample import Sample, Statement
from workbench.phantoms.seeds import HELD_OUT_SEED

IMAGE_SIZE = 224
PRESENCE = {
    "perception": "Is {topic} discussed?",
    "knowledge": "Is {topic} discussed?",
    "rationale": "Is an inferential link about {topic} drawn?",
}
CORRECTNESS = {
    "perception": "Is it stated correctly that: {claim}",
    "knowledge": "Is it stated correctly that: {claim}",
    "rationale": "Is it concluded correctly that: {claim}",
}


def _unit(number: int, statement: Statement) -> dict[str, str]:
    return {
        "unit_id": f"u{number}",
        "topic": statement.topic,
        "claim": statement.sentence,
        "presence_question": PRESENCE[statement.axis].format(topic=statement.topic),
        "correctness_question": CORRECTNESS[statement.axis].format(claim=statement.sentence),
        "source_quote": statement.sentence,
        "importance": "core",
    }


def make_item(
    sample: Sample, options: tuple[str, ...], image: str, identity: str, kind: Kind
) -> dict[str, Any]:
    """One benchmark line; `options` are the sample's options in the order shown, () for an open question."""
    answer = LETTERS[options.index(sample.answer)] if options else sample.answer
    units: dict[str, list[dict[str, str]]] = {"perception": [], "knowledge": [], "rationale": []}
    for number, statement in enumerate(sample.statements, 1):
        units[statement.axis].append(_unit(number, statement))
    thinking = " ".join(statement.sentence for statement in sample.statements)
    return {
        "id": identity,
        "image": image,
        "question": f"{sample.question}\n{lettered(options)}" if options else sample.question,
        "reasoning": f"<think>{thinking}</think><answer>{answer}</answer>",
        "answer": answer,
        **units,
        "modality": sample.modality,
        "task": kind,
        "question_type": sample.question_type,
        "answer_type": "closed" if sample.closed else "open",
        "image_group": image,
        "licence": "CC0-1.0, drawn by the project",
    }


class LetterDeck:
    """Orders options so that the right one takes every place in turn, the turns shuffled.

    Letters left to chance lean to one of them, and a model that likes that letter would gain by it.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._places: dict[int, list[int]] = {}

    def arranged(self, sample: Sample) -> tuple[str, ...]:
        """The options of a sample in the order shown; () when it has none."""
        count = len(sample.options)
        if not count:
            return ()
        deck = self._places.setdefault(count, [])
        if not deck:
            deck.extend(int(place) for place in self._rng.permutation(count))
        others = [str(o) for o in self._rng.permutation(sample.options) if str(o) != sample.answer]
        place = deck.pop()
        return (*others[:place], sample.answer, *others[place:])


def write_benchmark(
    folder: Path, images_per_kind: int = 20, questions: int = 3, split: Split = "test"
) -> int:
    """Write `items.jsonl` and `images/`, the same for the same arguments; returns the number of items.

    `split` "test" asks in phrasings never trained on, "train" in those of training (pictures are held out
    either way). Every letter is right equally often among questions with as many options.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2026)
    lines, letters = [], LetterDeck(rng)
    for index, kind in enumerate(DRAWERS):
        for number in range(images_per_kind):
            seed = HELD_OUT_SEED + 10_000 * index + number
            phantom = draw_phantom(seed, kind, IMAGE_SIZE)
            name = f"images/{kind}-{number:03d}.jpg"
            Image.fromarray(phantom.pixels).save(folder / name, quality=92)
            known = kind != "unknown"  # what is asked of an unknown picture has no options to choose from
            samples = [rephrase(rng, s, split) for s in ask(rng, phantom) if s.options or not known]
            chosen = [samples[int(i)] for i in rng.permutation(len(samples))[:questions]]
            for part, sample in enumerate(chosen):
                options = letters.arranged(sample)
                lines.append(make_item(sample, options, name, f"{kind}-{number:03d}-{part}", kind))
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return len(lines)
