"""`python -m workbench bench run|report`: answer a benchmark with several models, and read the scores."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.bench.runner import Progress

PROGRESS_STEPS = 20


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
    """Answer the items with all models; cheap checks come before the models are loaded."""
    if args.limit is not None and args.limit < 1:
        raise UserFacing(f"--limit can't be {args.limit}.", "Use a whole number from 1 up.")
    for ref in args.model:
        settings.require_allowed(ref)
    from workbench.bench.items import load_items
    from workbench.bench.runner import run_bench
    from workbench.models.answer import Decoding
    from workbench.models.loading import load_model

    items = load_items(args.items, args.limit)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserFacing(
            f"The folder {args.out!r} can't be made.", "Choose a folder you may write to."
        ) from error
    run_bench(
        items,
        [load_model(ref, settings=settings) for ref in dict.fromkeys(args.model)],
        out,
        conditions=tuple(dict.fromkeys(args.condition)) or ("image",),
        mode=args.mode,
        decoding=Decoding(settings.max_new_tokens),
        progress=None if args.json else progress_lines(sys.stderr.write),
        retry_failed=args.retry_failed,
    )


def progress_lines(write: Callable[[str], object]) -> Callable[["Progress"], None]:
    """A listener that writes a line each time another twentieth of the answers is there."""
    written = -1

    def tell(progress: "Progress") -> None:
        nonlocal written
        step = PROGRESS_STEPS * progress.done // progress.total
        if step > written:
            written = step
            write(f"{progress.done} of {progress.total} answers ({progress.model!r}, {progress.condition})\n")

    return tell
