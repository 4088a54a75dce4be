"""`python -m workbench train reinforce`: raise the answers that the composite reward prefers.

Group-relative policy optimisation with MediX-R1's reward; several processes: put `torchrun` in front.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch.utils.data import ConcatDataset

from workbench.bench.store.jsonl import JsonLines
from workbench.errors import UserFacing
from workbench.models.catalogue import LONGEST_ANSWER_OF_OURS, ModelCard
from workbench.models.families import has_vision
from workbench.models.loading import load_model
from workbench.space.allowed import read_settings
from workbench.training.rl.problems import mixed_problems
from workbench.training.rl.reinforce import Progress, ReinforcePlan, every_parameter, reinforce
from workbench.training.rl.reward import CompositeScore, Rules
from workbench.training.sft.cli import add_adapter, load_sources, parse_lora, refuse_pictures, save_result

ROLLOUT = 160  # tokens


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    out = argparse.ArgumentParser(prog="python -m workbench train reinforce", description=__doc__)
    add = out.add_argument
    add("--model", default="tuned", help="base, tuned, a checkpoint folder or a hub id (default tuned)")
    add("--data", action="append", default=[], help="SCHEMA:PATH_OR_ID of real questions (repeat)")
    add(
        "--phantoms",
        type=float,
        metavar="SHARE",
        help="share of drawn questions (default 0 with --data, else 1)",
    )
    add("--steps", type=int, default=60, help="steps (default 60)")
    add("--prompts", type=int, default=12, help="questions a step and process (default 12)")
    add("--answers", type=int, default=6, help="answers sampled for each question (default 6)")
    add("--max-new-tokens", type=int, metavar="N", help="longest answer (default: as the model's card says)")
    add("--rate", type=float, default=1e-5, help="learning rate (default 1e-5)")
    add("--kl", type=float, default=0.0, help="weight of the divergence from the start (default 0, as DAPO)")
    add("--grounding", type=float, default=0.0, help="weight of our own grounding term (default 0)")
    add("--lora", help="train an adapter: r=8[,alpha=16][,dropout=0.05][,targets=all-linear]")
    add(
        "--strict",
        action="store_true",
        help="the published rule even where the prompt asks for <think>: only <thinking> counts",
    )
    add("--max-minutes", type=float, default=1e9, help="stop after the step in which these pass")
    add("--save-every", type=int, default=20, help="steps between checkpoints (default 20)")
    add("--out", type=Path, default=Path("runs/reinforce"), help="working folder (default runs/reinforce)")
    add("--seed", type=int, default=0, help="decides the questions and the sampling")
    add("--json", action="store_true", help="print the outcome as JSON")
    return out


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter that peft has put in."""
    return "lora_" in name


def longest_rollout(card: ModelCard) -> int:
    """Tokens of an answer: 160 for models of our own recipes, whose traces are short, else the card's own."""
    return ROLLOUT if card.max_new_tokens <= LONGEST_ANSWER_OF_OURS else card.max_new_tokens


def share_of_phantoms(given: float | None, records: int) -> float:
    """The share of drawn questions: who gives rows is asked those alone. Raises UserFacing."""
    if given is None:
        return 0.0 if records else 1.0
    if not 0 <= given <= 1:
        raise UserFacing(f"--phantoms can't be {given:g}.", "Give a share from 0 to 1.")
    if given < 1 and not records:
        raise UserFacing("There are no questions but drawn ones.", "Add --data SCHEMA:PATH_OR_ID.")
    return given


def asks_for_thinking(card: ModelCard) -> bool:
    """Whether the model is asked for MediX-R1's <thinking>: then only that spelling earns the format part."""
    return any(
        "<thinking>" in text for text in vars(card.templates["trace"]).values() if isinstance(text, str)
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status. Raises UserFacing for what the person can set right."""
    args = parser().parse_args(argv)
    # Made first: a later plain PartialState() would take a launch without GPUs for a single process.
    state = PartialState(cpu=not torch.cuda.is_available())
    args.out.mkdir(parents=True, exist_ok=True)
    lora = parse_lora(args.lora) if args.lora else None
    # An adapter trains in float32 beside frozen weights of the device's own dtype.
    settings = read_settings([]) if lora else replace(read_settings([]), dtype="float32")
    loaded = load_model(args.model, settings=settings)
    if loaded.adapter:
        raise UserFacing(
            f"{args.model!r} is an adapter, which can't be trained further by reinforcement.",
            "Merge it into its base first: `train sft --merge` writes such a folder.",
        )
    # peft puts the adapter inside the model's own modules: `loaded` answers with it from here on.
    adapted = add_adapter(loaded.model, lora) if lora else None
    plan = ReinforcePlan(
        args.steps, args.rate, max_minutes=args.max_minutes, save_every=args.save_every,
        prompts=args.prompts, answers=args.answers, kl=args.kl, seed=args.seed,
        max_new_tokens=args.max_new_tokens or longest_rollout(loaded.card),
    )  # fmt: skip
    log = JsonLines(args.out / "log.jsonl")

    def report(progress: Progress) -> None:
        log.append([{"step": progress.step, **progress.rewards}], allow_nan=True)
        sys.stderr.write(f"{progress.line()}\n")

    tables = load_sources(args.data)[0]
    records = ConcatDataset(tables) if tables else ()
    refuse_pictures(loaded.model, records)
    phantoms = share_of_phantoms(args.phantoms, len(records))
    if phantoms and not has_vision(loaded.model.config):
        raise UserFacing(
            "This model reads text only, and drawn questions have pictures.", "Give --data alone."
        )
    score = CompositeScore(
        loaded, Rules(strict=args.strict or asks_for_thinking(loaded.card)), args.grounding
    )
    problems = mixed_problems(records, args.seed, phantoms)
    trained = is_adapter if lora else every_parameter
    place = reinforce(loaded, problems, score, plan, args.out, trained=trained, report=report)
    outcome: dict[str, Any] = {"steps": place.step, "seconds": round(place.seconds)}
    if state.is_main_process:
        net, templates = adapted or loaded.model, loaded.card.templates
        outcome |= save_result(net, loaded.processor, args.out, loaded.dtype, templates, merge=bool(lora))
        print(json.dumps(outcome) if args.json else "\n".join(f"{k}: {v}" for k, v in outcome.items()))
    return 0
