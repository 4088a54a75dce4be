"""What the Models tab says: the catalogue as a table, the cards of the shipped pair. Plain data."""

import re
from pathlib import Path
from typing import Any

from workbench.errors import UserFacing
from workbench.models.catalogue import load_catalogue
from workbench.settings import Settings

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
COLUMNS = ("Model", "Role", "Where", "Revision", "Licence", "Shipped here", "What it is")


def catalogue_table(settings: Settings) -> dict[str, Any]:
    """Rows of the catalogue for `components.table`; the reason instead of rows when it can't be read."""
    try:
        cards = load_catalogue(settings.models_dir).values()
    except UserFacing as fault:
        return {"caption": str(fault), "columns": [], "rows": []}
    rows = [
        [
            card.title, card.role, card.location, card.revision or "", card.licence,
            "yes" if card.bundled else "no", card.summary,
        ]
        for card in cards
    ]  # fmt: skip
    return {
        "caption": "What each system is, and where its weights are.",
        "columns": list(COLUMNS),
        "rows": rows,
    }


def card_text(folder: Path) -> str | None:
    """The card of a shipped model without its metadata block; None when there is none."""
    file = folder / "README.md"
    return FRONT_MATTER.sub("", file.read_text(encoding="utf-8")) if file.is_file() else None
