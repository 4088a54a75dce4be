"""A model made of rules, and items on small pictures, for the tests of the runner and the report."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from workbench.bench.questions.items import ItemSet, load_items
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question

Rule = Callable[[Question, MedicalImage | None], str]


class FakeModel:
    """Answers by a rule; keeps the sizes of its batches and every question and picture it was given."""

    def __init__(self, name: str, rule: Rule, revision: str = "1") -> None:
        self.name, self.rule, self.revision = name, rule, revision
        self.batches: list[int] = []
        self.asked: list[tuple[Question, MedicalImage | None]] = []

    def prepare(self, question: Question, image: MedicalImage | None) -> Prompt:
        size = None if image is None else (image.width, image.height)
        inputs = {"asked": (question, image)}
        return Prompt(question, inputs, np.zeros(0, np.int64), np.zeros((0, 4), np.float32), size)

    def generate_batch(self, prompts: Sequence[Prompt], decoding: Decoding | None = None) -> list[Answer]:
        self.batches.append(len(prompts))
        found = []
        for prompt in prompts:
            self.asked.append(prompt.inputs["asked"])
            text = self.rule(*prompt.inputs["asked"])
            found.append(Answer((1, 2), text, ((0, 1), (1, 2)), (-0.1, -0.2), "stop", 0.5))
        return found


def sees_side(question: Question, image: MedicalImage | None) -> str:
    """Reasons and answers rightly: the bright half of the picture; on an even picture it says left."""
    grey = image.pixels.mean(axis=2)
    half = image.width // 2
    side = "right" if grey[:, half:].mean() > grey[:, :half].mean() else "left"
    thinking = f"The image shows a bright spot on the {side} side. Therefore the side of the spot is {side}."
    return f"<think>{thinking}</think><answer>{side}</answer>"


def first_option(question: Question, image: MedicalImage | None) -> str:
    """Always the first option, without reasoning."""
    return question.options[0] if question.options else "yes"


def sided_items(folder: Path, sides: str = "LLRLRR") -> ItemSet:
    """Items on pictures with a bright half, in the test schema; two questions a picture; gold "left" is A."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, letter in enumerate(sides):
        side = {"L": "left", "R": "right"}[letter]
        pixels = np.full((16, 24, 3), 20, np.uint8)
        pixels[:, :12] += 200 if side == "left" else 0
        pixels[:, 12:] += 200 if side == "right" else 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
        for ask in ("Which side is bright?", "On which side is the spot?"):
            lines.append(_line(f"{number}-{len(ask)}", f"{number}.png", ask, side))
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return load_items(folder)


def _line(identity: str, image: str, ask: str, side: str) -> dict[str, object]:
    def unit(number: int, topic: str, claim: str) -> dict[str, str]:
        return {"unit_id": f"u{number}", "topic": topic, "claim": claim}

    return {
        "id": identity, "image": image, "question": f"{ask}\nA. left\nB. right",
        "reasoning": "", "answer": "A" if side == "left" else "B",
        "perception": [unit(1, "bright spot", f"The image shows a bright spot on the {side} side.")],
        "knowledge": [],
        "rationale": [unit(2, "side", f"Therefore the side of the spot is {side}.")],
        "modality": "X-ray" if re.match("[012]", identity) else "CT", "question_type": "side",
    }  # fmt: skip
