"""The Models tab: which models there are, the cards of the shipped pair, limits, privacy, sources."""

import re
from pathlib import Path
from typing import Any

import gradio as gr

from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui import texts
from workbench.ui.html import components
from workbench.ui.services import ROLES

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
COLUMNS = ("Model", "Role", "Where", "Revision", "Licence", "Shipped here", "What it is")
OWN_MODEL = (
    "To look at other models, start the page with their folder or hub id: "
    "`python app.py --base OWNER/NAME --tuned FOLDER`. Only safetensors weights are read, and no code that "
    "comes with a model is run."
)


def build_models_screen(settings: Settings) -> None:
    """Lay the tab out; call it inside a `gr.Tab`."""
    gr.Markdown("### Catalogue")
    components.table("models-catalogue", catalogue_table(settings))
    gr.Markdown(OWN_MODEL)
    for role in ROLES:
        card = card_text(settings.models_dir / role)
        with gr.Accordion(f"Model card: {role}", open=False):
            gr.Markdown(card or "This model has no card on this machine.")
    gr.Markdown(texts.ABOUT)


def catalogue_table(settings: Settings) -> dict[str, Any]:
    """Rows of the catalogue for `components.table`; the reason instead of rows when it can't be read."""
    from workbench.models.catalogue import load_catalogue

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
