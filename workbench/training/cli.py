"""`python -m workbench train`: the stages that make the shipped pair, in order.

tokenizer → vision → base → tuned, each resuming from its own folder under `--out`; then benchmark draws the
bundled phantom items and evaluate measures the pair and writes the model cards.

On any checkpoint, with their own --help: `train sft` (supervised, whole or LoRA), `train reinforce`
(composite reward), `train rare` (self-labelled rare conditions); `train export` writes our data for them.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from torch.utils.data import DataLoader, IterableDataset
from transformers import AutoTokenizer, LlavaForConditionalGeneration, PreTrainedTokenizerFast

from workbench.errors import UserFacing
from workbench.models.answer import Question
from workbench.models.prompts import render_question
from workbench.models.templates import keep_templates
from workbench.phantoms import draw_phantom
from workbench.phantoms.questions import ask, caption
from workbench.places import KEPT
from workbench.training.card.benchmark import write_benchmark
from workbench.training.pair.architecture import (
    TEMPLATES,
    Size,
    build_model,
    build_processor,
    train_tokenizer,
)
from workbench.training.pair.corpus import CorpusImage, load_corpus
from workbench.training.pair.loop import Plan, Position, train
from workbench.training.pair.stream import CAPTION_QUESTION, MIXTURES, BatchStream, Stage
from workbench.training.pair.targets import class_names
from workbench.training.pair.vision_start import Joint, PatchReader, VisionStream, heads_of, take_heads

STAGES = ("tokenizer", "vision", "base", "tuned", "benchmark", "evaluate")
PLANS = {
    "vision": Plan(steps=1_500, peak_rate=1.5e-3),
    "base": Plan(steps=3_000, peak_rate=1e-3),
    "tuned": Plan(steps=6_000, peak_rate=1e-3),
}
BENCH_FOLDER = KEPT / "assets" / "bench"
SEEDS = {"vision": 11, "base": 12, "tuned": 13}


def parser() -> argparse.ArgumentParser:
    """Arguments of the train command."""
    out = argparse.ArgumentParser(prog="python -m workbench train", description=__doc__)
    out.add_argument("stage", choices=STAGES)
    out.add_argument("--corpus", type=Path, help="folder with manifest.jsonl of real training images")
    out.add_argument("--held-out", type=Path, help="folder with manifest.jsonl never trained on (evaluate)")
    out.add_argument("--out", type=Path, default=Path("runs/pair"), help="working folder (default runs/pair)")
    out.add_argument("--models", type=Path, default=Path("assets/models"), help="where finished weights go")
    out.add_argument(
        "--from-weights", type=Path, help="start from these weights (.pt) instead of the stage before"
    )
    out.add_argument(
        "--after", action="append", default=[], metavar="LABEL=FOLDER", type=_labelled,
        help="weights after a stage, for the table of what each one changed (evaluate; repeat in order)",
    )  # fmt: skip
    out.add_argument(
        "--history", action="append", default=[], metavar="LABEL=LOG", type=_labelled,
        help="log.jsonl of a training, for the loss curves in the cards (evaluate; repeat in order)",
    )  # fmt: skip
    out.add_argument("--steps", type=int, help="length of the stage in steps")
    out.add_argument(
        "--max-minutes", type=float, default=1e9, help="stop earlier, with the schedule shrunk to fit"
    )
    out.add_argument("--threads", type=int, default=1, help="torch threads of each process")
    out.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return out


def _labelled(text: str) -> tuple[str, Path]:
    label, _, folder = text.partition("=")
    if not folder:
        raise argparse.ArgumentTypeError(f"{text!r} is not LABEL=PATH")
    return label, Path(folder)


def _plan(stage: str, args: argparse.Namespace) -> Plan:
    plan = PLANS[stage]
    return Plan(args.steps or plan.steps, plan.peak_rate, max_minutes=args.max_minutes)


def _corpus(folder: Path | None) -> list[CorpusImage]:
    return load_corpus(folder / "manifest.jsonl") if folder else []


def _stage_tokenizer(args: argparse.Namespace, images: list[CorpusImage]) -> None:
    rng = np.random.default_rng(5)
    texts = [CAPTION_QUESTION]
    samples = [sample for image in images for sample in image.samples]
    for seed in range(600):
        phantom = draw_phantom(seed, size=96)
        samples += ask(rng, phantom)
        texts.append(caption(phantom))
    for sample in samples:
        for mode in ("trace", "short"):
            texts.append(render_question(Question(sample.question, sample.options), TEMPLATES[mode]))
        texts += [sample.reasoned(), sample.answer]
    tokenizer = train_tokenizer(texts, Size().vocabulary)
    build_processor(tokenizer, Size()).save_pretrained(args.out / "processor")


def _tokenizer(args: argparse.Namespace) -> PreTrainedTokenizerFast:
    folder = args.out / "processor"
    if not folder.is_dir():
        raise UserFacing(f"There is no tokenizer in {folder} yet.", "Run the stage `tokenizer` first.")
    return AutoTokenizer.from_pretrained(folder)


def _loader(make: Callable[[int], IterableDataset]) -> Callable[[int], Iterable[Any]]:
    return lambda first: DataLoader(make(first), batch_size=None, num_workers=1, prefetch_factor=4)


def _load_previous(model: LlavaForConditionalGeneration, args: argparse.Namespace, name: str) -> None:
    path = args.from_weights or args.out / f"{name}.pt"
    if args.from_weights and not path.is_file():
        raise UserFacing(f"There are no weights at {path}.", "Give a .pt file that a stage has written.")
    if not path.is_file():
        raise UserFacing(f"The stage `{name}` has not been run yet.", f"Run `train {name}` first.")
    model.load_state_dict(torch.load(path, weights_only=True))


def _stage_vision(args: argparse.Namespace, images: list[CorpusImage]) -> Position:
    model = build_model(_tokenizer(args), Size())
    rank = PartialState(cpu=True).process_index

    def stream(first: int) -> VisionStream:
        return VisionStream(images, Size(), seed=SEEDS["vision"] * 100 + rank, first=first)

    names = stream(0)
    reader = PatchReader(model, len(names.structures), len(names.scenes))
    position = train(reader, _loader(stream), reader.loss, _plan("vision", args), args.out / "vision")
    _finish(args, model, "vision")
    if PartialState().is_main_process:
        torch.save(heads_of(reader, names.structures, names.scenes), args.out / "reader.pt")
    return position


def _stage_language(args: argparse.Namespace, images: list[CorpusImage], stage: Stage) -> Position:
    tokenizer = _tokenizer(args)
    model = build_model(tokenizer, Size())
    _load_previous(model, args, "vision" if stage == "base" else "base")
    rank = PartialState(cpu=True).process_index

    def stream(first: int) -> BatchStream:
        seed = SEEDS[stage] * 100 + rank
        return BatchStream(images, tokenizer, Size(), MIXTURES[stage], seed=seed, first=first)

    structures, scenes = class_names(images)
    reader = PatchReader(model, len(structures), len(scenes))
    take_heads(reader, torch.load(args.out / "reader.pt", weights_only=True), structures, scenes)
    joint = Joint(model, reader)
    position = train(joint, _loader(stream), joint.loss, _plan(stage, args), args.out / stage)
    _finish(args, model, stage)
    if PartialState().is_main_process:
        torch.save(heads_of(reader, structures, scenes), args.out / "reader.pt")
        export(model, args, stage)
    return position


def _finish(args: argparse.Namespace, model: LlavaForConditionalGeneration, name: str) -> None:
    if PartialState().is_main_process:
        torch.save(model.state_dict(), args.out / f"{name}.pt")


def export(model: LlavaForConditionalGeneration, args: argparse.Namespace, stage: Stage) -> None:
    """Half precision safetensors with the processor files, ready for `load_model`."""
    folder = args.models / stage
    model.half().save_pretrained(folder, safe_serialization=True)
    build_processor(_tokenizer(args), Size()).save_pretrained(folder)
    keep_templates(folder, TEMPLATES)


def _other_stage(name: str) -> Callable[[list[str]], int] | None:
    """The stages that run on any checkpoint have their own arguments; imported when asked for."""
    known = {"sft": "sft.cli", "reinforce": "rl.cli", "rare": "rare.cli", "export": "sft.export"}
    module = known.get(name)
    return import_module(f"workbench.training.{module}").main if module else None


def main(argv: list[str] | None = None) -> int:
    """Run one stage; returns the exit status."""
    given = sys.argv[1:] if argv is None else argv
    other = _other_stage(given[0]) if given else None
    if other:
        return other(given[1:])
    args = parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    args.out.mkdir(parents=True, exist_ok=True)
    if args.stage == "evaluate":
        from workbench.training.card.evaluate import evaluate_pair

        outcome = evaluate_pair(
            args.models,
            args.held_out,
            args.out / "evaluation",
            BENCH_FOLDER / "results",
            args.after,
            args.history,
        )
    elif args.stage == "benchmark":
        outcome = {"stage": "benchmark", "items": write_benchmark(BENCH_FOLDER / "phantoms")}
    elif args.stage == "tokenizer":
        _stage_tokenizer(args, _corpus(args.corpus))
        outcome = {"stage": "tokenizer", "folder": str(args.out / "processor")}
    else:
        images = _corpus(args.corpus)
        position = (
            _stage_vision(args, images)
            if args.stage == "vision"
            else _stage_language(args, images, args.stage)
        )
        outcome = {"stage": args.stage, "steps": position.step, "seconds": round(position.seconds)}
    if PartialState(cpu=True).is_main_process:
        print(
            json.dumps(outcome)
            if args.json
            else "\n".join(f"{key}: {value}" for key, value in outcome.items())
        )
    return 0
