"""`python -m workbench ask`: one answer as a readable trace or as JSON."""

import argparse
import string
from typing import TYPE_CHECKING, Any

from workbench.commands.case import AnsweredCase, answered_case, final_answer, notes_of
from workbench.commands.outcome import Outcome, as_json
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.cases.column import CaseColumn


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Answer one question: the trace in words, or the JSON record. Raises UserFacing."""
    case = answered_case(args, settings)
    text = as_json(ask_record(case)) if args.json else "\n".join(_trace_lines(case.column))
    return Outcome(text, notes_of(case))


def ask_record(case: AnsweredCase) -> dict[str, Any]:
    """The JSON of `ask`: model, image, text, trace, tokens (one per generated id), seconds."""
    from workbench.explain.evidence import image_shares

    column, answer, trace = case.column, case.column.answer, case.column.trace
    shares = image_shares(case.model, column.prompt, answer) if answer.ids else []
    steps = [
        {
            "index": step.index,
            "axis": step.axis,
            "text": step.text,
            "token_start": step.token_start,
            "token_end": step.token_end,
        }
        for step in trace.steps
    ]
    tokens = [
        {"id": token, "text": answer.text[start:end], "logprob": logprob, "image_share": share}
        for token, (start, end), logprob, share in zip(
            answer.ids, answer.offsets, answer.logprobs, shares, strict=True
        )
    ]
    return {
        "model": case.model.name,
        "image": {"width": case.image.width, "height": case.image.height},
        "text": answer.text,
        "trace": {
            "modality": trace.modality,
            "steps": steps,
            "answer": final_answer(column),
            "answer_letter": trace.answer_letter,
            "status": trace.status,
        },
        "tokens": tokens,
        "seconds": answer.seconds,
    }


def _trace_lines(column: "CaseColumn") -> list[str]:
    trace, options = column.trace, column.prompt.question.options
    lines = [f"{column.label}, {column.answer.seconds:.1f} s"]
    if trace.modality:
        lines.append(f"Modality: {trace.modality}")
    lines += [f"{step.index + 1}. [{step.axis}] {' '.join(step.text.split())}" for step in trace.steps]
    if trace.status not in ("ok", "no_trace"):
        lines.append(f"The answer could be read only in part ({trace.status}).")
    final = final_answer(column)
    letter = f" ({trace.answer_letter})" if trace.answer_letter else ""
    lines.append(f"Answer: {final}{letter}" if final else "The model gave no final answer.")
    for letter, option, p in zip(
        string.ascii_uppercase, options, column.option_probabilities or (), strict=False
    ):
        lines.append(f"  {letter}. {option}: {p:.0%}")
    return lines
