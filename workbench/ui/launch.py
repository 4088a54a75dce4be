"""Start the page on this machine: what `python app.py` and `workbench page` both do."""

import os

# Read by the libraries when they are imported, so it has to come before them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.app import build
from workbench.ui.lanes import QUEUE
from workbench.ui.services import Services
from workbench.ui.theme import CSS_FILES, HEAD, theme


def serve(settings: Settings) -> None:
    """Build the page and serve it until interrupted. Raises UserFacing when it could not start."""
    page = build(Services(settings)).queue(**QUEUE)
    try:
        page.launch(
            server_name=settings.host,
            server_port=settings.port or None,
            share=False,
            run_history=False,
            enable_monitoring=False,
            show_error=False,
            allowed_paths=[],
            max_file_size="64mb",
            state_session_capacity=64,
            footer_links=["settings"],
            theme=theme(),
            css_paths=list(CSS_FILES),
            head=HEAD,
            _frontend=False,  # else Gradio asks itself for the page, and gives up after 3 s
        )
    except OSError as fault:
        raise UserFacing(
            f"The page could not start ({fault}).", "Choose another port with --port."
        ) from fault
