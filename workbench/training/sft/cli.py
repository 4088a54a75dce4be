"""`python -m workbench train sft`: fine-tune a checkpoint on named data, whole or by LoRA, and save it.

Several processes: put `accelerate launch` (GPUs, nodes) or `torchrun --nproc_per_node N` (CPU) in front.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from safetensors import SafetensorError
from torch.utils.data import ConcatDataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from workbench.bench.store.jsonl import JsonLines
from workbench.errors import UserFacing
from workbench.models.answer import Mode
from workbench.models.catalogue import ModelCard
from workbench.models.checkpoints.folder import adapter_base
from workbench.models.checkpoints.load_errors import load_fault
from workbench.models.checkpoints.source import fetch_source
from workbench.models.families.base import has_vision
from workbench.models.processors import load_processor
from workbench.models.templates import Template, keep_templates
from workbench.settings import Settings
from workbench.space.allowed import read_settings
from workbench.training.sft.collate import Collator
from workbench.training.sft.records import Record
from workbench.training.sft.schemas import SCHEMAS
from workbench.training.sft.sources import LoadReport, RecordTable, load_records
from workbench.training.sft.supervised import Progress, Trainer, TuningPlan

_PEFT_HINT = "Run: pip install peft"


@dataclass(frozen=True)
class LoraSpec:
    """LoRA (Hu et al. 2021, arXiv 2106.09685), update B·A·alpha/r; `targets`: "all-linear" or names "a+b"."""

    r: int = 8
    alpha: int = 16
    dropout: float = 0.05
    targets: str = "all-linear"


def parse_lora(text: str) -> LoraSpec:
    """LoraSpec of "r=8,alpha=16,dropout=0.05,targets=q_proj+v_proj"; what is not named keeps its default.

    Raises UserFacing for an unknown name or a value that can't be used.
    """
    kinds = {field.name: type(field.default) for field in fields(LoraSpec)}
    values: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = kinds[name](value)
        except (KeyError, ValueError) as error:
            hint = "Write for example --lora r=8,alpha=16,dropout=0.05,targets=all-linear."
            raise UserFacing(f"--lora can't use {part!r}.", hint) from error
    spec = LoraSpec(**values)
    if spec.r < 1 or spec.alpha <= 0 or not 0 <= spec.dropout < 1 or not spec.targets:
        raise UserFacing(f"--lora {text} is out of range.", "r and alpha are above 0, dropout below 1.")
    return spec


def parse_source(text: str) -> tuple[str, str]:
    """("slake", "data/slake") of "slake:data/slake". Raises UserFacing when there is no schema in front."""
    schema, _, ref = text.partition(":")
    if not ref or schema not in SCHEMAS:
        hint = f"Write SCHEMA:PATH_OR_ID, with one of these schemas: {', '.join(SCHEMAS)}."
        raise UserFacing(f"The data source {text!r} does not say what it is.", hint)
    return schema, ref


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    out = argparse.ArgumentParser(prog="python -m workbench train sft", description=__doc__)
    add = out.add_argument
    add("--model", required=True, help="base, tuned, a checkpoint folder, or a hub id (owner/name@revision)")
    add("--data", required=True, action="append", help=f"SCHEMA:PATH_OR_ID; schemas: {', '.join(SCHEMAS)}")
    add("--images", type=Path, help="folder that image names in the data start from")
    add("--split", default="train", help="split of the data (default train)")
    add("--lora", help="train an adapter: r=8[,alpha=16][,dropout=0.05][,targets=all-linear]")
    add("--merge", action="store_true", help="also save the model with the adapter folded in")
    add("--steps", type=int, default=1000, help="optimiser steps (default 1000)")
    add("--batch", type=int, default=1, help="records a process at a time (default 1)")
    add("--accumulate", type=int, default=1, help="batches of each process in one step (default 1)")
    add("--rate", type=float, default=1e-5, help="highest learning rate (default 1e-5)")
    add("--warm-up", type=int, help="steps of warm-up (default 3 %% of the steps)")
    add("--max-minutes", type=float, default=1e9, help="stop earlier, with the schedule shrunk to fit")
    add("--save-every", type=int, default=100, help="steps between checkpoints (default 100)")
    add("--workers", type=int, default=0, help="processes that load images, for each training process")
    add("--recompute", action="store_true", help="less memory, about a third slower")
    add("--out", type=Path, default=Path("runs/sft"), help="working folder (default runs/sft)")
    add("--seed", type=int, default=0, help="decides the order of the data and the dropout")
    add("--json", action="store_true", help="print the outcome as JSON")
    return out


def plan_of(args: argparse.Namespace) -> TuningPlan:
    """The plan that the arguments ask for. Raises UserFacing for a number out of range."""
    for name in ("steps", "batch", "accumulate", "rate", "max_minutes", "save_every"):
        if getattr(args, name) <= 0:
            raise UserFacing(f"--{name.replace('_', '-')} must be above 0.", "See --help.")
    return TuningPlan(
        steps=args.steps,
        peak_rate=args.rate,
        warm_up=max(1, args.steps * 3 // 100 if args.warm_up is None else args.warm_up),
        max_minutes=args.max_minutes,
        save_every=args.save_every,
        batch=args.batch,
        accumulate=args.accumulate,
        seed=args.seed,
        workers=args.workers,
        recompute=args.recompute,
    )


@dataclass(frozen=True)
class Origin:
    """A checkpoint in a folder, what it is called (folder or hub id), its commit if it is of the hub, and its
    prompts; `dtype` is that of its stored weights."""

    folder: Path
    name: str
    commit: str | None
    card: ModelCard
    dtype: torch.dtype


def find_model(ref: str, settings: Settings) -> Origin:
    """Resolve base, tuned, a folder, or a hub id with an optional `@revision`, which is fetched.

    Raises UserFacing when there is no such model, it can't be fetched, or lacks files (safetensors weights
    included).
    """
    found = fetch_source(ref, settings)
    folder = found.folder
    assert folder is not None
    if (base := adapter_base(folder)) is not None:
        raise UserFacing(
            f"{ref!r} is an adapter for {base or 'a model that it does not name'}, and training needs a "
            "whole model.",
            "Merge it first, or name the model itself.",
        )
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise load_fault(error, ref, folder) from error
    # A whole path: an adapter names it as its base, and is loaded from other folders.
    name = found.hub.repository if found.hub else str(folder.resolve())
    return Origin(folder, name, found.commit, found.card, config.dtype or torch.float32)


def load_trainable(origin: Origin, lora: LoraSpec | None, seed: int) -> tuple[Any, Any]:
    """(model, processor): all parameters trained, or with `lora` only the adapter's.

    Trained numbers are float32; the frozen base of an adapter is bfloat16 on CUDA. Only safetensors weights
    are read and remote code is never run. Raises UserFacing when loading fails or peft is missing.
    """
    half = lora is not None and torch.cuda.is_available()
    common = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(origin.folder, **common)
        processor = load_processor(origin.folder, config, **common)
        auto = AutoModelForImageTextToText if has_vision(config) else AutoModelForCausalLM
        model = auto.from_pretrained(
            origin.folder, dtype=torch.bfloat16 if half else torch.float32, use_safetensors=True, **common
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise load_fault(error, origin.name, origin.folder) from error
    model.name_or_path = origin.name  # what an adapter says it is for: not this machine's copy of it
    torch.manual_seed(seed)
    return (add_adapter(model, lora, origin.commit) if lora else model), processor


def add_adapter(model: Any, spec: LoraSpec, commit: str | None = None) -> Any:
    """The model, which is at a `commit` of the hub, wrapped by peft with a fresh adapter; its own weights are
    frozen."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise UserFacing("--lora needs the `peft` library.", _PEFT_HINT) from error
    targets = spec.targets if spec.targets == "all-linear" else spec.targets.split("+")
    config = LoraConfig(r=spec.r, lora_alpha=spec.alpha, lora_dropout=spec.dropout, target_modules=targets)
    try:
        return get_peft_model(model, config, revision=commit)
    except ValueError as error:
        raise UserFacing(f"No layer of this model is called {spec.targets!r}.", "Use all-linear.") from error


def save_result(
    model: Any,
    processor: Any,
    out: Path,
    dtype: torch.dtype,
    templates: Mapping[Mode, Template],
    *,
    merge: bool,
) -> dict[str, str]:
    """Write `adapter` and, with `merge`, `model` (LoRA), or `model` (whole); kind → folder.

    Safetensors in the dtype of the original weights, with the processor and the prompts that were trained on;
    each folder appears by a rename.
    """
    written: dict[str, str] = {}
    adapted = hasattr(model, "merge_and_unload")
    if adapted:
        written["adapter"] = _save_folder(out / "adapter", model.save_pretrained, processor, templates)
        model = model.merge_and_unload() if merge else None
    if model is not None:
        written["model"] = _save_folder(out / "model", model.to(dtype).save_pretrained, processor, templates)
    return written


def _save_folder(
    folder: Path, save: Callable[[Path], Any], processor: Any, templates: Mapping[Mode, Template]
) -> str:
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    save(draft)
    processor.save_pretrained(draft)
    keep_templates(draft, templates)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return str(folder)


def _note(text: str) -> None:
    if PartialState().is_main_process:
        sys.stderr.write(f"{text}\n")


def load_sources(
    texts: Sequence[str], images: Path | None = None, split: str = "train"
) -> tuple[list[RecordTable], list[LoadReport]]:
    """The tables of "SCHEMA:PATH_OR_ID" texts; rows left out are told with their reason on standard error."""
    tables, reports = [], []
    for schema, ref in [parse_source(text) for text in texts]:
        table, report = load_records(schema, ref, images, split)
        tables.append(table)
        reports.append(report)
        _note(f"{ref}: {report.kept} records from {report.rows} rows")
        for reason, count in report.reasons.items():
            first = next(fault.row for fault in report.bad if fault.reason == reason)
            _note(f"  left out {count}: {reason} (first in row {first})")
    return tables, reports


def refuse_pictures(model: Any, records: Sequence[Record]) -> None:
    """Raises UserFacing where a text-only model would have to look at pictures: said before hours of work."""
    if has_vision(model.config):
        return
    shown = sum(record.image is not None for record in records)
    if shown:
        raise UserFacing(
            f"This model reads text only, and {shown:,} of {len(records):,} training rows have a picture.",
            "Give rows without pictures (--data medssr:FILE), or a model that takes images.",
        )


def _reporter(out: Path) -> Callable[[Progress], None]:
    log = JsonLines(out / "log.jsonl")

    def report(progress: Progress) -> None:
        log.append([{"step": progress.step, "loss": progress.loss}], allow_nan=True)
        if progress.step % 10 == 0 or progress.step in (1, progress.of):
            _note(progress.line())

    return report


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status. Raises UserFacing for what the person can set right."""
    args = parser().parse_args(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    plan, lora = plan_of(args), parse_lora(args.lora) if args.lora else None
    if args.merge and lora is None:
        raise UserFacing("--merge folds an adapter in, and there is none.", "Add --lora r=8.")
    state = PartialState(cpu=not torch.cuda.is_available())
    args.out.mkdir(parents=True, exist_ok=True)
    tables, reports = load_sources(args.data, args.images, args.split)
    origin = find_model(args.model, read_settings(environ={}))
    model, processor = load_trainable(origin, lora, args.seed)
    records = ConcatDataset(tables)
    refuse_pictures(model, records)
    collator = Collator(processor, origin.card.templates)
    trainer = Trainer(model, collator, records, plan, args.out, _reporter(args.out))
    place = trainer.run()
    outcome: dict[str, Any] = {"steps": place.step, "seconds": round(place.seconds), "records": len(records)}
    outcome["left_out"] = sum(len(report.bad) for report in reports)
    if state.is_main_process:
        templates = origin.card.templates
        outcome |= save_result(trainer.plain, processor, args.out, origin.dtype, templates, merge=args.merge)
        lines = (f"{key}: {value}" for key, value in outcome.items())
        print(json.dumps(outcome) if args.json else "\n".join(lines))
    state.wait_for_everyone()
    # Left to the interpreter's exit, the group's threads sometimes abort the process after all is done.
    state.destroy_process_group()
    return 0
