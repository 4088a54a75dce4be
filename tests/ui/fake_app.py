"""The whole page with stand-in models, for the browser tests."""

import threading
from pathlib import Path

import gradio as gr

from tests.ui.fakes import fake_engine
from workbench.settings import Settings
from workbench.ui.app import build
from workbench.ui.benchmark.tables import RESULTS_FOLDER
from workbench.ui.services import Services

HOSTILE = (
    "<think>The image shows <img src='http://evil.invalid/x.png' onerror=\"document.title='pwned'\"> text. "
    "Then ${document.title='pwned'} and `${alert(1)}` {{constructor}} follow. "
    "<form action='http://evil.invalid'><button>Therefore</button></form> press.</think>"
    "<answer><b>nodule</b></answer>"
)
KINDS = {
    "plain": lambda: fake_engine(pause=0.01),
    "stuck": lambda: fake_engine(holds={5: threading.Event()}),
    "broken": lambda: fake_engine(broken=True),
    "hostile": lambda: fake_engine({"base": HOSTILE, "tuned": HOSTILE}),
}


def fake_app(kind: str, runs: Path, results: Path = RESULTS_FOLDER) -> gr.Blocks:
    """The page whose models behave as KINDS says; its own runs go to `runs`, it shows those of `results`."""
    return build(Services(Settings(runs_dir=runs), KINDS[kind]), results)
