"""`python -m workbench bench run|report`: answer a benchmark with several models, and read the scores."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import models
from workbench.bench.asking.conditions import longest_answer
from workbench.bench.asking.naming import tell_apart
from workbench.bench.asking.progress import Progress, duration
from workbench.bench.asking.runner import SAMPLES, TEMPERATURE, run_bench
from workbench.bench.asking.sharding import Shard, join_processes, wait_for_all
from workbench.bench.judging.rule_judge import Judge
from workbench.bench.judging.served_judge import LLMJudge, open_judge
from workbench.bench.questions.importers import remarks
from workbench.bench.questions.items import ItemSet, load_items
from workbench.bench.reports.stored import open_report
from workbench.bench.reports.text import bench_table_text
from workbench.bench.store import current_lines, has_results
from workbench.commands.fetching import fetch_lines
from workbench.commands.outcome import Outcome, as_json
from workbench.commands.servers import teller, with_servers
from workbench.errors import UserFacing
from workbench.models.answer import Decoding
from workbench.models.loading import served_model
from workbench.models.served.address import is_address
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.bench.asking.conditions import Answerer
    from workbench.bench.reports.model import Report
    from workbench.models.checkpoints.hub import Listener

PROGRESS_STEPS = 20
EXIT_FAULT = 1  # as workbench.cli names it


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Run the benchmark when asked to, then report on its folder; of several processes only the main one
    reports. Raises UserFacing."""
    out = Path(args.out)
    if args.action == "run":
        if not _answer(args, settings, out):
            return Outcome("")
    elif not out.is_dir():
        raise UserFacing(f"There is no results folder {args.out!r}.", "Make one with `bench run --out DIR`.")
    report = open_report(out)
    text = as_json(report.to_json()) if args.json else bench_table_text(report)
    if args.action != "run":
        return Outcome(text)
    remarks = failures(out)
    return Outcome(text, remarks, EXIT_FAULT if remarks and not answered_any(report) else 0)


def _answer(args: argparse.Namespace, settings: Settings, out: Path) -> bool:
    """Answer the items with all models, cheap checks before the models are loaded; whether to report now."""
    _check(args, settings)
    shard = join_processes()
    items = _items(args)
    settings = with_servers(settings, _addresses(args))
    served, judge = _servers(args, settings, out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserFacing(
            f"The folder {args.out!r} can't be made.", "Choose a folder you may write to."
        ) from error
    loaded = models.load_models(tuple(dict.fromkeys(args.model)), settings, _listener(args))
    tell_apart(model for model in loaded if not getattr(model, "served_at", ""))
    answering = [*loaded, *served]
    decoding = Decoding(longest_answer(answering, settings.max_new_tokens), recover=args.recover)
    run_bench(
        items,
        answering,
        out,
        judge=judge,
        conditions=tuple(dict.fromkeys(args.condition)) or ("image",),
        mode=args.mode,
        decoding=decoding,
        progress=None if args.json else progress_lines(sys.stderr.write, shard),
        retry_failed=args.retry_failed,
        shard=shard,
        **_sampled(args, decoding),
        **({"batch_size": args.batch_size} if args.batch_size is not None else {}),
    )
    wait_for_all(shard)
    return shard.main


def _listener(args: argparse.Namespace) -> Callable[[str], "Listener | None"]:
    """Who hears how far fetching a model is: standard error, unless JSON was asked for."""
    return lambda ref: None if args.json else fetch_lines(ref, sys.stderr.write)


def _check(args: argparse.Namespace, settings: Settings) -> None:
    if args.limit is not None and args.limit < 1:
        raise UserFacing(f"--limit can't be {args.limit}.", "Use a whole number from 1 up.")
    if not args.model and not args.endpoint:
        raise UserFacing("No model was given.", "Use --model or --endpoint.")
    names = ("samples", "temperature", "top_p", "top_k", "seed")
    given = [name.replace("_", "-") for name in names if getattr(args, name) is not None]
    if given and "sampled" not in args.condition:
        raise UserFacing(f"--{given[0]} is about sampled answers.", "Add --condition sampled.")
    if args.top_p is not None and not 0 < args.top_p <= 1:
        raise UserFacing(f"--top-p can't be {args.top_p}.", "Use a number above 0 and up to 1.")
    if args.top_k is not None and args.top_k < 0:
        raise UserFacing(f"--top-k can't be {args.top_k}.", "Use a whole number from 0 (all tokens) up.")
    for ref in args.model:
        settings.require_allowed(ref)


def _addresses(args: argparse.Namespace) -> list[str]:
    """Every server that this run asks, as answering or judging model."""
    return [*filter(is_address, args.model), *args.endpoint, *filter(is_address, [args.judge])]


def _sampled(args: argparse.Namespace, decoding: Decoding) -> dict[str, Any]:
    """How many answers condition "sampled" draws, and how."""
    temperature = TEMPERATURE if args.temperature is None else args.temperature
    return {
        "samples": SAMPLES if args.samples is None else args.samples,
        "sampling": replace(
            decoding,
            temperature=temperature,
            top_p=1.0 if args.top_p is None else args.top_p,
            top_k=args.top_k or 0,
            seed=args.seed or 0,
        ),
    }


def _items(args: argparse.Namespace) -> ItemSet:
    """The items, with a line on standard error for every reason why rows of a foreign layout are left out."""
    if not args.format:
        return load_items(args.items, args.limit)
    images = Path(args.images) if args.images else None
    items = load_items(args.items, args.limit, args.format, images=images, split=args.split)
    if not args.json:
        sys.stderr.writelines(f"{line}\n" for line in remarks(items.bad))
    return items


def _servers(
    args: argparse.Namespace, settings: Settings, out: Path
) -> tuple[list["Answerer"], Judge | None]:
    """The served models and the judge; a model that would judge its own answers is refused."""
    tell = teller()
    served = [served_model(ref, settings, tell=tell) for ref in dict.fromkeys(args.endpoint)]
    for model in served:
        if sum(other.name == model.name for other in served) > 1:  # two servers that call it the same
            model.name = f"{model.server.model}@{model.served_at}"
    if not args.judge:
        return list(served), None
    judge = open_judge(
        args.judge, args.judge_protocol, key=settings.keys.key_for(args.judge), folder=out,
        timeout=settings.timeout, tries=settings.tries, tell=tell, again=args.retry_failed,
    )  # fmt: skip
    if isinstance(judge, LLMJudge) and judge.address in [model.server.address for model in served]:
        raise UserFacing("The judge is one of the models that it would judge.", "Choose another judge.")
    return list(served), judge


def failures(out: Path) -> tuple[str, ...]:
    """A sentence for each model and condition whose answers failed: how many, and why most of them did."""
    reasons: dict[tuple[str, str], Counter[str]] = {}
    for line in current_lines(out) if has_results(out) else ():
        if line.error is not None:
            reasons.setdefault((line.model, line.condition), Counter())[line.error] += 1
    return tuple(
        f"{model}, {condition}: {count.total()} failed. Most often: {count.most_common(1)[0][0]} "
        "Ask these again with --retry-failed."
        for (model, condition), count in reasons.items()
    )


def answered_any(report: "Report") -> bool:
    """Whether anything was answered at all."""
    return any(count.failed < count.n for found in report.counts.values() for count in found.values())


def progress_lines(write: Callable[[str], object], shard: Shard | None = None) -> Callable[[Progress], None]:
    """A listener that writes a line each time another twentieth of the answers is there.

    Each of several processes tells of its own share, and says which one it is.
    """
    written = -1
    who = f"process {shard.index + 1} of {shard.count}: " if shard is not None and shard.count > 1 else ""

    def tell(progress: Progress) -> None:
        nonlocal written
        step = PROGRESS_STEPS * progress.done // progress.total
        if step <= written:
            return
        written = step
        line = f"{who}{progress.done} of {progress.total} answers ({progress.model!r}, {progress.condition})"
        if progress.rate is not None and progress.seconds_left is not None:
            line += f", {progress.rate:.0f} a minute, {duration(progress.seconds_left)} left"
        write(f"{line}\n")

    return tell
