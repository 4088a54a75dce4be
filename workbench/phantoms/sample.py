"""The training noun: one question about one picture with its short answer and its reasoned answer."""

from dataclasses import dataclass

from workbench.traces.trace import Axis

TAGS = {
    "X-ray": "<X_RAY>",
    "CT": "<CT_SCAN>",
    "MRI": "<MRI_SCAN>",
    "blood smear": "<MICROSCOPY>",
    "fundus photograph": "<FUNDUS_PHOTOGRAPHY>",
    "dermoscopy": "<CLINICAL_PHOTOGRAPHY>",
    "ultrasound": "<ULTRASOUND>",
    "histology": "<MICROSCOPY>",
    "endoscopy": "<ENDOSCOPY>",
    "chart": "<GRAPHICS>",
    "other": "<OTHER>",
}


@dataclass(frozen=True)
class Statement:
    """One trace sentence and what a rubric would ask of it."""

    axis: Axis
    topic: str
    sentence: str


@dataclass(frozen=True)
class Sample:
    """`statements` are in trace order; every one follows from the annotation or is a general fact.

    `evidence` names the drawn structures that the perception statement is about.
    """

    question: str
    options: tuple[str, ...]
    answer: str
    modality: str
    question_type: str
    closed: bool
    statements: tuple[Statement, ...]
    evidence: tuple[str, ...] = ()

    def reasoned(self) -> str:
        """The target of the tuned model: modality tag, thinking, answer."""
        thinking = " ".join(statement.sentence for statement in self.statements)
        return f"{TAGS[self.modality]}<think>{thinking}</think><answer>{self.answer}</answer>"

    def conclusion(self) -> tuple[int, int]:
        """Characters of `reasoned()` from the last sentence of the thinking to its end."""
        text = self.reasoned()
        end = text.index("</think>")
        return end - len(self.statements[-1].sentence), end
