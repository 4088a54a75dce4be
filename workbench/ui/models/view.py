"""What the Models tab says: the catalogue as cards, the model cards of the shipped pair. Plain data."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.models.offers import Offer
from workbench.ui.html.nodes import Node, action, node
from workbench.ui.services import ROLES

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
GATED = "Accept the terms on the model's page first, and start the workbench with your HF_TOKEN."


def catalogue_nodes(offers: Sequence[Offer], loaded: Mapping[str, str]) -> list[Node]:
    """A card for each entry, grouped by system; `loaded` is role → the name of the card in memory."""
    systems = dict.fromkeys(offer.card.system for offer in offers)
    return [
        node(
            "section",
            node("h4", system),
            *(_card(offer, loaded) for offer in offers if offer.card.system == system),
        )
        for system in systems
    ]


def _card(offer: Offer, loaded: Mapping[str, str]) -> Node:
    card = offer.card
    here = [role for role, name in loaded.items() if name == card.name]
    head = node(
        "p",
        node("strong", card.title),
        " ",
        node("span", offer.verdict, cls="wb-verdict", data_verdict=offer.verdict),
        *(node("span", f"loaded as {role}", cls=f"wb-role wb-{role}") for role in here),
    )
    about = node("details", node("summary", "Memory, licence, abilities"), node("dl", *_facts(offer)))
    buttons = node("div", *_buttons(offer, here), cls="wb-chips")
    return node("div", head, node("p", card.summary), about, buttons, cls="wb-offer", data_model=card.name)


def _facts(offer: Offer) -> list[Node]:
    card = offer.card
    facts = {
        "On this machine": offer.fit.sentence if offer.fit else offer.why_not or "Its size is not known.",
        "Memory at 16 / 8 / 4 bit": offer.sizes() if offer.fit else "",
        "Licence": card.licence,
        "Access": GATED if card.access == "gated" else "",
        "Where": card.location + (f" at {card.revision}" if card.revision else ""),
        "Can": ", ".join(card.abilities),
        "Writes": card.grammar,
        "Longest answer": f"{card.max_new_tokens:,} tokens",
        "Explained by": card.explains,
        "Published figures": f"On the Benchmark tab, under {card.figures}." if card.figures else "",
        "Paper": card.paper,
        "Page": card.page,
    }
    kept = [(name, text) for name, text in facts.items() if text]
    return [part for name, text in kept for part in (node("dt", name), node("dd", text))]


def _buttons(offer: Offer, here: Sequence[str]) -> list[Node]:
    name, title = offer.card.name, offer.card.title
    buttons = [
        action(f"Unload {role}", {"unload": role}, aria_label=f"Unload {title}, loaded as {role}")
        for role in here
    ]
    if offer.why_not:
        return [*buttons, node("span", offer.why_not, cls="wb-small")]
    free = [role for role in ROLES if role not in here]
    return buttons + [
        action(f"Load as {role}", {"load": name, "role": role}, aria_label=f"Load {title} as {role}")
        for role in free
    ]


def card_text(folder: Path) -> str | None:
    """The card of a shipped model without its metadata block; None when there is none."""
    file = folder / "README.md"
    return FRONT_MATTER.sub("", file.read_text(encoding="utf-8")) if file.is_file() else None
