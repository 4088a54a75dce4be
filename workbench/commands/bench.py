"""`python -m workbench bench run|report`: answer a benchmark with several models, and read the scores."""

import argparse
from pathlib import Path

from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Run the benchmark when asked to, then report on its folder. Raises UserFacing."""
    from workbench.bench.report import bench_table_text, build_report

    out = Path(args.out)
    if args.action == "run":
        _answer(args, settings, out)
    elif not out.is_dir():
        raise UserFacing(f"There is no results folder {args.out!r}.", "Make one with `bench run --out DIR`.")
    report = build_report(out)
    return Outcome(as_json(report) if args.json else bench_table_text(report))


def _answer(args: argparse.Namespace, settings: Settings, out: Path) -> None:
    if args.limit is not None and args.limit < 1:
        raise UserFacing(f"--limit can't be {args.limit}.", "Use a whole number from 1 up.")
    for ref in args.model:
        settings.require_allowed(ref)
    from workbench.bench.items import load_items
    from workbench.bench.runner import run_bench
    from workbench.models.answer import Decoding
    from workbench.models.loading import load_model

    items = load_items(args.items)[: args.limit]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserFacing(
            f"The folder {args.out!r} can't be made.", "Choose a folder you may write to."
        ) from error
    for ref in dict.fromkeys(args.model):
        run_bench(load_model(ref, settings=settings), items, out, Decoding(settings.max_new_tokens))
