"""The page as data: what is on it, what it may load, what is switched off."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.fakes import fake_engine
from workbench.settings import Settings
from workbench.ui import texts
from workbench.ui.app import build, header_value
from workbench.ui.html.components import SCRIPTS
from workbench.ui.services import PairState, Services
from workbench.ui.theme import CONTENT_POLICY


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory):
    settings = Settings(runs_dir=tmp_path_factory.mktemp("runs"))
    return build(Services(settings, lambda: fake_engine()))


def test_the_tabs(page) -> None:
    tabs = [block.label for block in page.blocks.values() if type(block).__name__ == "Tab"]
    assert tabs == ["Case", "Trace", "Probe", "Methods", "Benchmark", "Models"]


def test_everything_that_uses_the_models_waits_in_one_lane(page) -> None:
    lanes = {fn.name: (fn.concurrency_id, fn.concurrency_limit) for fn in page.fns.values()}
    for name in ("answer", "explain", "measure"):
        assert lanes[name] == ("model", 1)
    for name in ("ask", "stop", "clear", "pick", "rewindow", "handler", "begin", "look"):
        assert lanes[name][1] is None and lanes[name][0] != "model"


def test_no_handler_is_offered_as_an_api(page) -> None:
    assert {fn.api_visibility for fn in page.fns.values() if fn.name != "left"} == {"private"}


def test_no_template_lets_untrusted_text_run(page) -> None:
    """A filled-in Gradio template is evaluated as JavaScript, so none may have a placeholder."""
    html = [block for block in page.blocks.values() if type(block).__name__ == "HTML"]
    assert len(html) >= 8
    for block in html:
        assert "${" not in block.html_template and "{{" not in block.html_template


def test_scripts_never_set_markup_from_text() -> None:
    files = sorted(SCRIPTS.glob("*.js"))
    assert len(files) > 10
    for file in files:
        text = file.read_text()
        assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "eval(" not in text, file


def test_the_header_names_the_pair_and_warns() -> None:
    class Model:
        label, revision, device, dtype, memory_bytes = "Mini", "3f2a", "cpu", "torch.float32", 9_000_000
        note = ""

    class Unprompted(Model):
        note = "It lacks its prompts."

    detail = header_value(PairState("ready", "", {"tuned": Unprompted()}))["models"][0]["detail"]
    assert detail == "revision 3f2a · cpu · float32 · 9 MB · It lacks its prompts."
    value = header_value(PairState("ready", "", {"tuned": Model(), "base": Model()}))
    assert [model["role"] for model in value["models"]] == ["base", "tuned"]
    assert value["models"][0]["detail"] == "revision 3f2a · cpu · float32 · 9 MB"
    for promise in ("Not a medical device", "diagnosis, treatment or triage", "identify a person"):
        assert promise in value["notice"]
    assert header_value(PairState("failed", "Why."))["message"] == "Why."


def test_the_content_policy_keeps_everything_on_this_server() -> None:
    rules = dict(rule.split(" ", 1) for rule in CONTENT_POLICY.split("; "))
    for name, sources in rules.items():
        for source in sources.split():
            local = source in ("'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:")
            assert local, f"{name} allows {source}"
    assert rules["default-src"] == "'self'" and rules["form-action"] == "'self'"
    assert "data:" not in rules["script-src"]


def test_all_promises_of_privacy_are_on_the_page() -> None:
    for promise in (
        "deleted at once",
        "half an hour",
        "in memory alone",
        "not logged",
        "asks no other server",
    ):
        assert promise in texts.ABOUT


def test_the_page_starts_without_model_code() -> None:
    code = "import sys, workbench.ui.app; print(*{'torch', 'transformers'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "", ran.stdout


def test_only_components_and_their_wiring_know_gradio(repo_root: Path) -> None:
    """What happens on a screen, and what it shows, is plain data that other front ends can take."""
    rooms = {"layout.py", "events.py", "component.py", "components.py", "app.py", "theme.py"}
    for file in sorted((repo_root / "workbench" / "ui").rglob("*.py")):
        assert file.name in rooms or "import gradio" not in file.read_text(), file


def test_layouts_wire_nothing(repo_root: Path) -> None:
    for file in sorted((repo_root / "workbench" / "ui").rglob("layout.py")):
        assert "lanes" not in file.read_text(), file


def test_every_queue_setting_is_a_lane(repo_root: Path) -> None:
    settings = ("concurrency_", "trigger_mode", "api_visibility", "queue=", "preprocess=", "max_size")
    for file in sorted((repo_root / "workbench" / "ui").rglob("*.py")):
        if file.name != "lanes.py":
            assert not any(setting in file.read_text() for setting in settings), file


def test_core_rooms_do_not_import_gradio(repo_root: Path) -> None:
    for file in sorted((repo_root / "workbench").rglob("*.py")):
        if "ui" not in file.relative_to(repo_root).parts:
            assert "import gradio" not in file.read_text(), file
