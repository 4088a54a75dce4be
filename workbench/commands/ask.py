"""`python -m workbench ask`: one answer as a readable trace or as JSON."""

import argparse
from typing import Any

from workbench import explain
from workbench.cases.answered import AnsweredCase
from workbench.commands.case import answered_case
from workbench.commands.outcome import Outcome, as_json
from workbench.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Answer one question: the trace in words, or the JSON record. Raises UserFacing."""
    case, notes = answered_case(args, settings)
    return Outcome(as_json(ask_record(case)) if args.json else str(case), notes)


def ask_record(case: AnsweredCase) -> dict[str, Any]:
    """The JSON of `ask`: model, revision, image, text, trace, tokens (one per generated id), seconds."""
    answer, trace = case.answer, case.trace
    shares = explain.image_shares(case.model, case.prompt, answer) if answer.ids else []
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
        "revision": case.model.revision,
        "image": {"width": case.image.width, "height": case.image.height},
        "text": answer.text,
        "trace": {
            "modality": trace.modality,
            "steps": steps,
            "answer": case.final_answer,
            "answer_letter": trace.answer_letter,
            "status": trace.status,
        },
        "tokens": tokens,
        "seconds": answer.seconds,
    }
