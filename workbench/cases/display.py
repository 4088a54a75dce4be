"""An answered case as text for a terminal and as HTML for a notebook."""

import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.cases.answered import AnsweredCase


def case_text(case: "AnsweredCase") -> str:
    """The trace step by step, the answer and its options' probabilities, a line each."""
    trace = case.trace
    lines = [f"{case.model.label}, {case.answer.seconds:.1f} s"]
    if trace.modality:
        lines.append(f"Modality: {trace.modality}")
    lines += [f"{step.index + 1}. [{step.axis}] {' '.join(step.text.split())}" for step in trace.steps]
    if trace.status not in ("ok", "no_trace"):
        lines.append(f"The answer could be read only in part ({trace.status}).")
    final = case.final_answer
    letter = f" ({trace.answer_letter})" if trace.answer_letter else ""
    lines.append(f"Answer: {final}{letter}" if final else "The model gave no final answer.")
    for letter, option, p in zip(
        string.ascii_uppercase, case.question.options, case.option_probabilities or (), strict=False
    ):
        lines.append(f"  {letter}. {option}: {p:.0%}")
    return "\n".join(lines)
