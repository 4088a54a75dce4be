"""Open the workbench page: `python app.py` on your machine, or this file as a Space."""

import os
import sys

# Read by the libraries when they are imported, so it has to come before them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from workbench.errors import UserFacing
from workbench.settings import Settings
from workbench.ui.app import build
from workbench.ui.lanes import QUEUE
from workbench.ui.services import Services
from workbench.ui.theme import CSS_FILES, HEAD, theme

if __name__ == "__main__":
    try:
        settings = Settings.from_env(sys.argv[1:])
        build(Services(settings)).queue(**QUEUE).launch(
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
        )
    except UserFacing as fault:
        sys.exit(str(fault))
    except OSError as fault:
        sys.exit(f"The page could not start ({fault}). Choose another port with --port.")
