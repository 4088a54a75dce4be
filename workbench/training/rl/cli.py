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
from workbench.models.loading import load_model
from workbench.space.allowed import read_settings
from workbench.training.rl.problems import mixed_problems
from workbench.training.rl.reinforce import Progress, ReinforcePlan, every_parameter, reinforce
from workbench.training.rl.reward import CompositeScore, Rules
from workbench.training.sft.cli import add_adapter, load_sources, parse_lora, save_result


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    out = argparse.ArgumentParser(prog="python -m workbench train reinforce", description=__doc__)
    add = out.add_argument
    add("--model", default="tuned", help="base, tuned, a checkpoint folder or a hub id (default tuned)")
    add("--data", action="append", default=[], help="SCHEMA:PATH_OR_ID of real questions (repeat)")
    add("--real", type=float, default=0.5, help="share of real questions where --data is given (default 0.5)")
    add("--steps", type=int, default=60, help="steps (default 60)")
    add("--prompts", type=int, default=12, help="questions a step and process (default 12)")
    add("--answers", type=int, default=6, help="answers sampled for each question (default 6)")
    add("--rate", type=float, default=1e-5, help="learning rate (default 1e-5)")
    add("--kl", type=float, default=0.0, help="weight of the divergence from the start (default 0, as DAPO)")
    add("--grounding", type=float, default=0.0, help="weight of our own grounding term (default 0)")
    add("--lora", help="train an adapter: r=8[,alpha=16][,dropout=0.05][,targets=all-linear]")
    add("--strict", action="store_true", help="the published rule: only <thinking> counts, not <think>")
    add("--max-minutes", type=float, default=1e9, help="stop after the step in which these pass")
    add("--save-every", type=int, default=20, help="steps between checkpoints (default 20)")
    add("--out", type=Path, default=Path("runs/reinforce"), help="working folder (default runs/reinforce)")
    add("--seed", type=int, default=0, help="decides the questions and the sampling")
    add("--json", action="store_true", help="print the outcome as JSON")
    return out


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to an adapter that peft has put in."""
    return "lora_" in name


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
    # peft puts the adapter inside the model's own modules: `loaded` answers with it from here on.
    adapted = add_adapter(loaded.model, lora) if lora else None
    plan = ReinforcePlan(
        args.steps, args.rate, max_minutes=args.max_minutes, save_every=args.save_every,
        prompts=args.prompts, answers=args.answers, kl=args.kl, seed=args.seed,
    )  # fmt: skip
    log = JsonLines(args.out / "log.jsonl")

    def report(progress: Progress) -> None:
        log.append([{"step": progress.step, **progress.rewards}], allow_nan=True)
        sys.stderr.write(f"{progress.line()}\n")

    tables = load_sources(args.data)[0]
    records = ConcatDataset(tables) if tables else ()
    score = CompositeScore(loaded, Rules(strict=args.strict), args.grounding)
    problems = mixed_problems(records, args.seed, args.real)
    trained = is_adapter if lora else every_parameter
    place = reinforce(loaded, problems, score, plan, args.out, trained=trained, report=report)
    outcome: dict[str, Any] = {"steps": place.step, "seconds": round(place.seconds)}
    if state.is_main_process:
        net, templates = adapted or loaded.model, loaded.card.templates
        outcome |= save_result(net, loaded.processor, args.out, loaded.dtype, templates, merge=bool(lora))
        print(json.dumps(outcome) if args.json else "\n".join(f"{k}: {v}" for k, v in outcome.items()))
    return 0
