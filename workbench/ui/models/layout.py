"""The Models tab: the catalogue with its buttons, a model of one's own, the shipped pair's cards, limits."""

from dataclasses import dataclass

import gradio as gr

from workbench.ui import texts
from workbench.ui.html import components
from workbench.ui.models.desk import ModelsDesk
from workbench.ui.models.view import card_text
from workbench.ui.services import ROLES

OWN_MODEL = (
    "A folder with a checkpoint or an adapter, or a hub id such as `owner/name` or `owner/name@revision`. "
    "Or a model on an OpenAI-compatible server, `http://host:8000/v1#model`, which gets pictures and "
    "questions. Only safetensors weights are read, and no code that comes with a model is run."
)


@dataclass(frozen=True)
class ModelsComponents:
    """What events need of the tab."""

    tab: gr.Tab
    notice: gr.HTML
    cards: gr.HTML
    own: gr.Textbox
    key: gr.Textbox
    role: gr.Radio
    load: gr.Button
    cancel: gr.Button


def lay_out_models(desk: ModelsDesk, tab: gr.Tab) -> ModelsComponents:
    """Lay the tab out; call it inside `tab`."""
    settings = desk.services.settings
    notice = components.notice("models-notice")
    with gr.Row(visible=not settings.public):
        own = gr.Textbox(
            label="A model of your own: folder, hub id or server",
            info=OWN_MODEL,
            elem_id="models-own",
            max_length=500,
        )
        key = gr.Textbox(label="Key of the server, if it asks for one", type="password", elem_id="models-key")
        role = gr.Radio(list(ROLES), value="tuned", label="Load as", elem_id="models-role")
        load = gr.Button("Load", elem_id="models-load", min_width=60, scale=0)
    cancel = gr.Button("Cancel loading", elem_id="models-cancel", size="sm", min_width=160)
    cards = components.panel("models-catalogue", None, "Catalogue of models")
    for shipped in ROLES:
        with gr.Accordion(f"Model card of the shipped pair: {shipped}", open=False):
            gr.Markdown(card_text(settings.models_dir / shipped) or "This model has no card on this machine.")
    gr.Markdown(texts.ABOUT)
    return ModelsComponents(tab, notice, cards, own, key, role, load, cancel)
