"""`python -m workbench space-card`: keep README.md's front matter in step with space.yaml."""

import argparse

from workbench.commands.outcome import Outcome, as_json
from workbench.errors import UserFacing
from workbench.places import INSTALLED
from workbench.settings import Settings
from workbench.space.card import README_FILE, load_space, render_front_matter, with_front_matter


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Print the block, or write it into the checkout's README.md.

    Raises UserFacing when space.yaml is not valid, and for an installed package, which has no README.md.
    """
    card = load_space().card
    if args.write and INSTALLED:
        raise UserFacing("Only a checkout has a README.md to write to.", "Run it in the checkout.")
    if args.write:
        readme = README_FILE.read_text(encoding="utf-8") if README_FILE.exists() else ""
        README_FILE.write_text(with_front_matter(readme, card), encoding="utf-8")
    if args.json:
        return Outcome(as_json({"card": card, "written": args.write}))
    return Outcome(
        "README.md is in step with space.yaml." if args.write else render_front_matter(card).rstrip()
    )
