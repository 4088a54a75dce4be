"""What text attribution scores: words of the question, and whole steps of the reasoning."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import Span
from workbench.traces import split_words

Where = Literal["question", "trace"]


@dataclass(frozen=True)
class TextUnit:
    """A word of the question (or of its options), or a step of the reasoning.

    `places` are its tokens in prompt + answer, in order; `glue` is the white space before it. `step` is the
    `Step.index` of a step, None for a word of the question.
    """

    where: Where
    text: str
    glue: str
    places: tuple[int, ...]
    step: int | None = None

    @property
    def key(self) -> str:
        """ "step:K" for a step, "question" for a word of the question."""
        return "question" if self.step is None else f"step:{self.step}"


def text_units(case: AnsweredCase) -> tuple[TextUnit, ...]:
    """The words of the question in reading order, then the steps that have tokens.

    Nothing of the question where the tokenizer doesn't give back its text (`question_tokens`).
    """
    question = case.model.question_tokens(case.prompt)
    words = [
        TextUnit(
            "question",
            word.text,
            word.glue,
            tuple(int(place) for place in question.positions[word.token_start : word.token_end]),
        )
        for word in split_words(question.text, question.offsets)
    ]
    start = case.prompt.length
    steps = [
        TextUnit(
            "trace",
            step.text,
            " ",
            tuple(range(start + step.token_start, start + step.token_end)),
            step.index,
        )
        for step in case.trace.steps
        if step.token_start is not None and step.token_end is not None
    ]
    return (*words, *steps)


def reached(case: AnsweredCase, unit: TextUnit, span: Span) -> list[int]:
    """The answer tokens of a span that are written after a unit; a unit can have carried no others."""
    first = unit.places[-1] + 1 - case.prompt.length
    return [token for token in span.tokens if token >= first]


def reach_table(case: AnsweredCase, units: tuple[TextUnit, ...], spans: tuple[Span, ...]) -> np.ndarray:
    """Which answer tokens of a span a unit can have carried, bool `[S, U, T]`."""
    table = np.zeros((len(spans), len(units), len(case.answer.ids)), bool)
    for row, span in enumerate(spans):
        for column, unit in enumerate(units):
            table[row, column, reached(case, unit, span)] = True
    return table
