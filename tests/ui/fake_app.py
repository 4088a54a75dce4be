"""The page with stand-in models, for the browser tests: `python -m tests.ui.fake_app PORT KIND [RESULTS]`."""

import os
import sys
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from tests.ui.fakes import TRACE, Engine, fake_engine
from workbench.settings import Settings
from workbench.ui.app import build
from workbench.ui.benchmark.tables import RESULTS_FOLDER
from workbench.ui.lanes import QUEUE
from workbench.ui.services import Services
from workbench.ui.theme import CSS_FILES, HEAD, theme

HOSTILE = (
    "<think>The image shows <img src='http://evil.invalid/x.png' onerror=\"document.title='pwned'\"> text. "
    "Then ${document.title='pwned'} and `${alert(1)}` {{constructor}} follow. "
    "<form action='http://evil.invalid'><button>Therefore</button></form> press.</think>"
    "<answer><b>nodule</b></answer>"
)
KINDS = {
    "plain": lambda: fake_engine(pause=0.01),
    "crawling": lambda: fake_engine(pause=1.5),
    "broken": lambda: fake_engine(broken=True),
    "hostile": lambda: fake_engine({"base": HOSTILE, "tuned": HOSTILE}),
    "half": lambda: fake_engine({"base": "FAIL", "tuned": TRACE}),
}


def engine_of(kind: str) -> Engine:
    return KINDS[kind]()


def main(port: int, kind: str, results: Path) -> None:
    demo = build(Services(Settings(port=port), lambda: engine_of(kind)), results)
    demo.queue(**QUEUE).launch(
        server_name="127.0.0.1",
        server_port=port,
        share=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=["settings"],
        quiet=True,
        theme=theme(),
        css_paths=list(CSS_FILES),
        head=HEAD,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else RESULTS_FOLDER)
