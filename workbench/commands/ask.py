"""`python -m workbench ask`: one answer as a readable trace or as JSON."""

import argparse
from dataclasses import asdict
from typing import Any

from workbench import bench, explain
from workbench.cases.answered import AnsweredCase
from workbench.cases.votes import MOST_VOTES
from workbench.commands.case import answered_turns, image_record
from workbench.commands.outcome import Outcome, as_json
from workbench.commands.servers import teller, with_servers
from workbench.errors import UserFacing
from workbench.models.served.address import is_address
from workbench.settings import Settings
from workbench.traces import MODALITIES, tags_that_fit


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Answer one question and what follows on it: traces in words, or the JSON record. Raises UserFacing.

    With a gold answer the composite reward of the last answer is part of both, and so are its votes if asked.
    """
    if args.votes is not None and not 1 <= args.votes <= MOST_VOTES:
        raise UserFacing(f"--votes can't be {args.votes}.", f"Use a whole number from 1 to {MOST_VOTES}.")
    marking = _marking(args, settings)
    turns, notes = answered_turns(args, settings)
    last, panel = turns[-1], None
    if marking is not None:
        panel = bench.reward(last, args.gold, modality=args.modality or "", **marking)
    votes = last.votes(args.votes) if args.votes else None
    if not args.json:
        asked = [f"Question: {case.question.text}\n" if len(turns) > 1 else "" for case in turns]
        said = "\n\n".join(f"{q}{case}" for q, case in zip(asked, turns, strict=True))
        checked = [last.modality_check(args.modality).sentence] if args.modality else []
        rest = [str(part) for part in (panel, votes) if part is not None]
        return Outcome("\n".join([said, *checked, *rest]), notes)
    record = ask_record(last, args.modality, panel) | ({"votes": votes.record()} if votes else {})
    if len(turns) > 1:
        record["turns"] = [turn_record(case) for case in turns]
    return Outcome(as_json(record), notes)


def turn_record(case: AnsweredCase) -> dict[str, Any]:
    """One turn of a conversation: what was asked, with how many new pictures, and its answer as in `ask`."""
    record = ask_record(case)
    kept = {name: record[name] for name in ("text", "trace", "tokens", "seconds")}
    return {"question": case.question.text, "pictures": case.turn.pictures} | kept


def _marking(args: argparse.Namespace, settings: Settings) -> dict[str, Any] | None:
    """Who marks the answer; None without a gold answer. What can't be marked is refused before loading."""
    if args.modality and not tags_that_fit(args.modality):
        known = ", ".join(MODALITIES.values())
        raise UserFacing(f"{args.modality!r} is no known kind of picture.", f"Use one of: {known}.")
    if args.gold is None:
        if args.judge or args.embedder:
            raise UserFacing("--judge and --embedder mark an answer.", "Add the right one: --gold TEXT.")
        return None
    if not args.gold.strip():
        raise UserFacing("The gold answer is empty.", "Write the right answer: --gold TEXT.")
    return open_marking(args, settings)


def open_marking(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """The judge and the embedder that were named, else the offline stand-ins. Raises UserFacing."""
    found: dict[str, Any] = {}
    if args.judge:
        asked = [getattr(args, "endpoint", None), args.model if isinstance(args.model, str) else None]
        settings = with_servers(settings, [ref for ref in (*asked, args.judge) if ref and is_address(ref)])
        found["judge"] = bench.yes_no_judge(
            args.judge, settings.keys.key_for(args.judge),
            timeout=settings.timeout, tries=settings.tries, tell=teller(),
        )  # fmt: skip
    if args.embedder:
        settings.require_allowed(args.embedder)
        found["embedder"] = bench.SentenceEmbedder(args.embedder)
    return found


def ask_record(
    case: AnsweredCase, modality: str | None = None, panel: "bench.RewardPanel | None" = None
) -> dict[str, Any]:
    """The JSON of `ask`: model, revision, image, text, trace, what speaks against it, tokens, seconds.

    `modality` is what the person says the picture is, `panel` the reward where a gold answer is known.
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
        "image": image_record(case),
        **({"images": images} if len(images) > 1 else {}),
        "text": answer.text,
        "trace": {
            "modality": trace.modality,
            "modality_tag": trace.modality_tag,
            "steps": steps,
            "answer": case.final_answer,
            "answer_letter": trace.answer_letter,
            "status": trace.status,
            "recovered": answer.recovered,
        },
        "modality_check": asdict(case.modality_check(modality)),
        "contradictions": [asdict(found) | {"sentence": found.sentence} for found in case.contradictions],
        "reward": None if panel is None else panel.to_json(),
        "tokens": _tokens(case),
        "seconds": answer.seconds,
    } | _of_server(case)


def _of_server(case: AnsweredCase) -> dict[str, Any]:
    host = getattr(case.model, "served_at", None)
    return {"served_at": host, "finish": case.answer.finish} if host else {}


def _tokens(case: AnsweredCase) -> list[dict[str, Any]]:
    answer, pieces = case.answer, len(case.answer.offsets)
    unknown = (None,) * pieces
    known = answer.ids and case.images
    shares = explain.image_shares(case.model, case.prompt, answer) if known else unknown
    columns = zip(answer.ids or unknown, answer.offsets, answer.logprobs or unknown, shares, strict=True)
    return [
        {"id": token, "text": answer.text[start:end], "logprob": logprob, "image_share": share}
        for token, (start, end), logprob, share in columns
    ]
