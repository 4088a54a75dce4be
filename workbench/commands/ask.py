"""`python -m workbench ask`: one answer as a readable trace or as JSON."""

import argparse
from typing import Any

from workbench import explain
from workbench.cases.answered import AnsweredCase
from workbench.commands.case import answered_turns
from workbench.commands.outcome import Outcome, as_json
from workbench.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Answer one question and what follows on it: traces in words, or the JSON record. Raises UserFacing."""
    turns, notes = answered_turns(args, settings)
    if not args.json:
        asked = [f"Question: {case.question.text}\n" if len(turns) > 1 else "" for case in turns]
        return Outcome("\n\n".join(f"{q}{case}" for q, case in zip(asked, turns, strict=True)), notes)
    record = ask_record(turns[-1])
    if len(turns) > 1:
        record["turns"] = [turn_record(case) for case in turns]
    return Outcome(as_json(record), notes)


def turn_record(case: AnsweredCase) -> dict[str, Any]:
    """One turn of a conversation: what was asked, with how many new pictures, and its answer as in `ask`."""
    record = ask_record(case)
    kept = {name: record[name] for name in ("text", "trace", "tokens", "seconds")}
    return {"question": case.question.text, "pictures": case.turn.pictures} | kept


def ask_record(case: AnsweredCase) -> dict[str, Any]:
    """The JSON of `ask`: model, revision, image, text, trace, tokens (one per generated id), seconds.

    A case about several pictures names them all under `images`.

    Of a served model, tokens are the pieces that the server sent: without ids and image shares, and without
    log probs where it gave none; `served_at` names it, and `finish` says why the answer ended.
    """
    answer, trace = case.answer, case.trace
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
    images = [{"width": image.width, "height": image.height} for image in case.images]
    return {
        "model": case.model.name,
        "revision": case.model.revision,
        "image": images[0],
        **({"images": images} if len(images) > 1 else {}),
        "text": answer.text,
        "trace": {
            "modality": trace.modality,
            "steps": steps,
            "answer": case.final_answer,
            "answer_letter": trace.answer_letter,
            "status": trace.status,
        },
        "tokens": _tokens(case),
        "seconds": answer.seconds,
    } | _of_server(case)


def _of_server(case: AnsweredCase) -> dict[str, Any]:
    host = getattr(case.model, "served_at", None)
    return {"served_at": host, "finish": case.answer.finish} if host else {}


def _tokens(case: AnsweredCase) -> list[dict[str, Any]]:
    answer, pieces = case.answer, len(case.answer.offsets)
    unknown = (None,) * pieces
    shares = explain.image_shares(case.model, case.prompt, answer) if answer.ids else unknown
    columns = zip(answer.ids or unknown, answer.offsets, answer.logprobs or unknown, shares, strict=True)
    return [
        {"id": token, "text": answer.text[start:end], "logprob": logprob, "image_share": share}
        for token, (start, end), logprob, share in columns
    ]
