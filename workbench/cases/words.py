"""Display words of an answer: what a reader sees as one word, and which tokens wrote it."""

from dataclasses import dataclass

from workbench.models.answer import Answer
from workbench.traces import split_words
from workbench.traces.trace import Trace


@dataclass(frozen=True)
class Word:
    """A display word of the raw text with the tokens that make it up; `step` is its Step.index or None."""

    text: str
    glue: str
    char_start: int
    char_end: int
    token_start: int
    token_end: int
    step: int | None
    in_answer: bool


def case_words(answer: Answer, trace: Trace) -> tuple[Word, ...]:
    """Display words of an answer, each with its tokens and the step it stands in."""
    out = []
    for word in split_words(answer.text, answer.offsets):
        step = next((s.index for s in trace.steps if s.char_start <= word.char_start < s.char_end), None)
        inside = trace.answer_start is not None and trace.answer_start <= word.char_start < (
            trace.answer_end or 0
        )
        out.append(
            Word(
                word.text,
                word.glue,
                word.char_start,
                word.char_end,
                word.token_start,
                word.token_end,
                step,
                inside,
            )
        )
    return tuple(out)
