"""`python -m workbench ask`: one answer as a readable trace or as JSON."""

import argparse
from dataclasses import asdict
from typing import Any

from workbench import bench, explain
from workbench.cases.answered import AnsweredCase
from workbench.commands.case import answered_turns
from workbench.commands.keys import read_key
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.traces import MODALITIES, tags_that_fit


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Answer one question and what follows on it: traces in words, or the JSON record. Raises UserFacing.

    With a gold answer the composite reward of the last answer is part of both.
    """
    marking = _marking(args, settings)
    turns, notes = answered_turns(args, settings)
    last, panel = turns[-1], None
    if marking is not None:
        panel = bench.reward(last, args.gold, modality=args.modality or "", **marking)
    if not args.json:
        asked = [f"Question: {case.question.text}\n" if len(turns) > 1 else "" for case in turns]
        said = "\n\n".join(f"{q}{case}" for q, case in zip(asked, turns, strict=True))
        checked = [last.modality_check(args.modality).sentence] if args.modality else []
        return Outcome("\n".join([said, *checked, *([str(panel)] if panel else [])]), notes)
    record = ask_record(last, args.modality, panel)
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
        found["judge"] = bench.yes_no_judge(args.judge, read_key(args.key_file))
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
    """
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
    images = [{"width": image.width, "height": image.height} for image in case.images]
    return {
        "model": case.model.name,
        "revision": case.model.revision,
        "image": images[0],
        **({"images": images} if len(images) > 1 else {}),
        "text": answer.text,
        "trace": {
            "modality": trace.modality,
            "modality_tag": trace.modality_tag,
            "steps": steps,
            "answer": case.final_answer,
            "answer_letter": trace.answer_letter,
            "status": trace.status,
        },
        "modality_check": asdict(case.modality_check(modality)),
        "contradictions": [asdict(found) | {"sentence": found.sentence} for found in case.contradictions],
        "reward": None if panel is None else panel.to_json(),
        "tokens": tokens,
        "seconds": answer.seconds,
    }
