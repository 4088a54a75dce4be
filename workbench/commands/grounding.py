"""`python -m workbench bench grounding`: how well every method's maps point at what is known to matter."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import explain, models
from workbench.bench import grounding
from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.bench.grounding import GroundingProgress

DEFAULT_MODELS = ("base", "tuned")
DEFAULT_LIMIT = 40
DEFAULT_STEPS = 8


def add_arguments(leaf: argparse.ArgumentParser) -> None:
    """The flags of this command, for the parser in `workbench.cli`."""
    leaf.add_argument("--out", required=True, metavar="DIR", help="folder for lines, JSON and CSV; resumes")
    leaf.add_argument("--model", action="append", default=[], metavar="MODEL", help="default: base and tuned")
    leaf.add_argument(
        "--methods", metavar="NAMES", help="comma-separated (default: every one that needs no foil)"
    )
    leaf.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N",
        help="pictures of each origin (default: %(default)s)",
    )  # fmt: skip
    leaf.add_argument(
        "--steps", type=int, default=DEFAULT_STEPS, metavar="N",
        help="points of the deletion and insertion curves (default: %(default)s)",
    )  # fmt: skip
    leaf.add_argument("--real", metavar="DIR", help="also pictures with regions, from DIR/manifest.jsonl")
    leaf.add_argument("--no-phantoms", action="store_true", help="leave out the drawn pictures")


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Measure, write the report, and print its table. Raises UserFacing."""
    if args.limit < 1:
        raise UserFacing(f"--limit can't be {args.limit}.", "Use a whole number from 1 up.")
    if args.steps < 2:
        raise UserFacing(f"--steps can't be {args.steps}.", "Use a whole number from 2 up.")
    refs = tuple(dict.fromkeys(args.model)) or DEFAULT_MODELS
    for ref in refs:
        settings.require_allowed(ref)
    items = [] if args.no_phantoms else list(grounding.phantom_items(args.limit))
    if args.real:
        items += grounding.real_items(Path(args.real), args.limit)
    named = [name.strip() for name in (args.methods or "").split(",") if name.strip()]
    out = Path(args.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserFacing(
            f"The folder {args.out!r} can't be made.", "Choose a folder you may write to."
        ) from error
    grounding.run_grounding(
        items,
        models.load_models(tuple(refs), settings),
        named or tuple(name for name, method in explain.METHODS.items() if "foil" not in method.needs),
        out,
        protocol=grounding.Protocol(steps=args.steps),
        progress=None if args.json else progress_lines(sys.stderr.write),
    )
    report = grounding.write_grounding(out)
    return Outcome(as_json(report) if args.json else grounding.as_text(report))


def progress_lines(write: Callable[[str], object]) -> Callable[["GroundingProgress"], None]:
    """A listener that writes a line an item and model."""

    def tell(progress: "GroundingProgress") -> None:
        write(f"{progress.done} of {progress.total} ({progress.model!r}, {progress.item})\n")

    return tell
