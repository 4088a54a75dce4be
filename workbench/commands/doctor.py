"""`python -m workbench doctor`: what is installed and what would be used."""

import argparse

from workbench.commands.outcome import Outcome, as_json
from workbench.doctor import as_text, examine
from workbench.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """The examination as text or JSON; exit code 1 when something needed is missing."""
    record = examine(settings)
    return Outcome(as_json(record) if args.json else as_text(record), code=1 if record["problems"] else 0)
