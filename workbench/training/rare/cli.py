"""`python -m workbench train rare`: learn rare conditions from questions that the model labels itself.

Made questions, majority vote of the model's own answers, training on the sure ones, then on supervised
examples (MedSSR's order).

With --text no picture is drawn: the way for a text-only checkpoint.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch.utils.data import ConcatDataset

from workbench.errors import UserFacing
from workbench.models.families import has_vision
from workbench.models.loading import load_model
from workbench.space.allowed import read_settings
from workbench.training.rare.stage import LabelProgress, VotingPlan, run_stage
from workbench.training.rare.synthesis import synthesise
from workbench.training.sft.cli import (
    find_model,
    load_sources,
    load_trainable,
    parse_lora,
    refuse_pictures,
    save_result,
)
from workbench.training.sft.collate import Collator
from workbench.training.sft.records import Record
from workbench.training.sft.supervised import Progress, Trainer, TuningPlan


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    out = argparse.ArgumentParser(prog="python -m workbench train rare", description=__doc__)
    add = out.add_argument
    add("--model", default="tuned", help="base, tuned, a checkpoint folder or a hub id (default tuned)")
    add("--questions", type=int, default=200, help="questions to make (default 200)")
    add("--rare-share", type=float, default=0.5, help="share of them on rare conditions (default 0.5)")
    add("--samples", type=int, default=8, help="answers a question (default 8)")
    add("--threshold", type=float, default=0.6, help="smallest share of votes that makes a label (0.6)")
    add("--data", required=True, action="append", help="SCHEMA:PATH_OR_ID of supervised examples (repeat)")
    add("--text", action="store_true", help="questions of knowledge without pictures")
    add("--lora", help="train an adapter: r=8[,alpha=16][,dropout=0.05][,targets=all-linear]")
    add("--steps", type=int, default=50, help="optimiser steps on each of the two sets (default 50)")
    add("--batch", type=int, default=8, help="records a process at a time (default 8)")
    add("--rate", type=float, default=1e-5, help="highest learning rate (default 1e-5)")
    add("--out", type=Path, default=Path("runs/rare"), help="working folder (default runs/rare)")
    add("--seed", type=int, default=0, help="decides the questions, the sampling and the order")
    add("--json", action="store_true", help="print the outcome as JSON")
    return out


def _say(progress: LabelProgress | Progress) -> None:
    if PartialState().is_main_process:
        sys.stderr.write(f"{progress.line()}\n")


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status. Raises UserFacing for what the person can set right."""
    args = parser().parse_args(argv)
    state = PartialState(cpu=not torch.cuda.is_available())
    voting = VotingPlan(args.samples, args.threshold, seed=args.seed)
    supervised: Any = ConcatDataset(load_sources(args.data)[0])
    made = synthesise(args.questions, args.rare_share, seed=args.seed, images=not args.text)
    settings = replace(read_settings([]), dtype="float32")
    origin = find_model(args.model, settings)
    model, processor = load_trainable(origin, parse_lora(args.lora) if args.lora else None, args.seed)
    refuse_pictures(model, supervised)
    if not args.text and not has_vision(model.config):
        raise UserFacing("This model reads text only, and pictures would be drawn for it.", "Add --text.")
    collator = Collator(processor, origin.card.templates)
    plan = TuningPlan(args.steps, args.rate, warm_up=5, batch=args.batch, seed=args.seed)
    parts: list[str] = []

    def train(records: Sequence[Record]) -> None:
        parts.append(f"part-{len(parts) + 1}")
        Trainer(model, collator, records, plan, args.out / parts[-1], _say).run()

    answerer = load_model(args.model, settings=settings)
    report = run_stage(answerer, made, supervised, train, args.out / "labels", voting, _say)
    outcome: dict[str, Any] = {"report": asdict(report)}
    if state.is_main_process:
        templates = origin.card.templates
        outcome |= save_result(model, processor, args.out, origin.dtype, templates, merge=bool(args.lora))
        print(json.dumps(outcome) if args.json else "\n".join(f"{k}: {v}" for k, v in outcome.items()))
    state.wait_for_everyone()
    return 0
