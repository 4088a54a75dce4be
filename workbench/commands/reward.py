"""`python -m workbench bench reward`: the composite reward of stored answers, by a judge and embedder."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.commands.outcome import Outcome, as_json
from workbench.commands.servers import add_server_arguments
from workbench.errors import UserFacing
from workbench.settings import Settings

Leaf = Callable[[Any, str, str], argparse.ArgumentParser]
PROGRESS_EVERY = 64


def add_arguments(actions: Any, leaf: Leaf) -> None:
    """The leaf of this command under `bench`; `leaf` is the maker of leaves in `workbench.cli`."""
    made = leaf(actions, "reward", "the composite reward of stored answers, by a judge and an embedder")
    made.add_argument("out", metavar="DIR", help="folder that `bench run` wrote")
    made.add_argument("--model", action="append", default=[], metavar="MODEL", help="default: every model")
    made.add_argument(
        "--condition", action="append", default=[], metavar="NAME", help="default: every condition"
    )
    add_marking_arguments(made)
    add_server_arguments(made)
    made.add_argument(
        "--at-once",
        type=int,
        default=8,
        metavar="N",
        help="questions under way together (default: %(default)s)",
    )
    made.set_defaults(module="reward")


def add_marking_arguments(leaf: argparse.ArgumentParser) -> None:
    """Who marks an answer: a judge and an embedder."""
    leaf.add_argument(
        "--judge", metavar="URL[#MODEL]",
        help="a model on an OpenAI-compatible server says yes or no (default: an offline stand-in)",
    )  # fmt: skip
    leaf.add_argument(
        "--embedder", metavar="REF",
        help="a sentence embedding model, a folder or a hub id (default: an offline stand-in)",
    )  # fmt: skip


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Mark the stored answers and print the means. Raises UserFacing."""
    from workbench import bench
    from workbench.bench import store
    from workbench.bench.scores.numbers import percent_text
    from workbench.commands.ask import open_marking

    folder = Path(args.out)
    if not store.has_results(folder):
        raise UserFacing(f"There are no results in {args.out!r}.", "Make them with `bench run --out DIR`.")
    if args.at_once < 1:
        raise UserFacing(f"--at-once can't be {args.at_once}.", "Use a whole number from 1 up.")
    lines = (
        line
        for line in store.current_lines(folder)
        if (not args.model or line.model in args.model)
        and (not args.condition or line.condition in args.condition)
    )

    def tell(done: int) -> None:
        if not args.json and done % PROGRESS_EVERY == 0:
            sys.stderr.write(f"{done} answers marked\n")

    marking = open_marking(args, settings)
    found = bench.reward_run(folder, lines, **marking, concurrency=args.at_once, progress=tell)
    if not found.n:
        raise UserFacing("There are no such answers to mark.", "Check --model and --condition.")
    if args.json:
        return Outcome(as_json(store.to_json(found)))
    text = [f"Judge: {found.judge}", f"Embedder: {found.embedder}"]
    for model, conditions in found.numbers.items():
        for condition, means in conditions.items():
            parts = ", ".join(f"{name} {percent_text(mean)}" for name, mean in means.items())
            text.append(f"{model}, {condition}, per cent: {parts}; n {means['total'].n}")
    text.append(f"{found.n} answers, {found.new} marked now, {found.known} before, {found.refused} refused")
    return Outcome("\n".join(text))
