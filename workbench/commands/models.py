"""`python -m workbench models`: the catalogue, and what of it fits on this machine."""

import argparse
from collections.abc import Sequence

from workbench.commands.outcome import Outcome, as_json
from workbench.models.offers import Offer, offers
from workbench.settings import Settings


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Every entry with its facts, as JSON or in words. Raises UserFacing."""
    found = offers(settings)
    return Outcome(as_json([offer.to_json() for offer in found]) if args.json else as_text(found))


def as_text(found: Sequence[Offer]) -> str:
    """A paragraph an entry: title and verdict, then what it is, where it is, its licence and its memory."""
    return "\n\n".join("\n".join(_lines(offer)) for offer in found)


def _lines(offer: Offer) -> list[str]:
    card = offer.card
    lines = [f"{card.name}: {card.title} [{offer.verdict}]", f"  {card.summary}"]
    if card.location:
        lines.append(f"  Where: {card.location}" + (", terms to accept" if card.access == "gated" else ""))
    lines.append(f"  Licence: {card.licence}")
    if offer.fit is not None:
        lines.append(f"  Memory at 16 / 8 / 4 bit: {offer.sizes()}. {offer.fit.sentence}")
    elif offer.why_not:
        lines.append(f"  {offer.why_not}")
    return [*lines, f"  Can: {', '.join(card.abilities)}", f"  Explained: {card.explains}"]
