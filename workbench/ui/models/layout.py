"""The Models tab: which models there are, the cards of the shipped pair, limits, privacy, sources.

Nothing happens on it, so it has no `events` and no `desk`.
"""

import gradio as gr

from workbench.settings import Settings
from workbench.ui import texts
from workbench.ui.html import components
from workbench.ui.models.view import card_text, catalogue_table
from workbench.ui.services import ROLES

OWN_MODEL = (
    "To look at other models, start the page with their folder or hub id: "
    "`python app.py --base OWNER/NAME --tuned FOLDER`. Only safetensors weights are read, and no code that "
    "comes with a model is run."
)


def lay_out_models(settings: Settings) -> None:
    """Lay the tab out; call it inside a `gr.Tab`."""
    gr.Markdown("### Catalogue")
    components.table("models-catalogue", catalogue_table(settings))
    gr.Markdown(OWN_MODEL)
    for role in ROLES:
        card = card_text(settings.models_dir / role)
        with gr.Accordion(f"Model card: {role}", open=False):
            gr.Markdown(card or "This model has no card on this machine.")
    gr.Markdown(texts.ABOUT)
