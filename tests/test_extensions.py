"""A family, a method, a metric, a judge and an importer from outside: one file each, found everywhere.

The files of `tests/extensions/` are installed as a package with entry points, as a third party would, and the
program is run in a process of its own that knows nothing else of them.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.tiny import save_tiny
from tests.waiting import finished

pytestmark = pytest.mark.slow

ENTRY_POINTS = """\
[workbench.families]
llava = outside.family:OUTSIDE
[workbench.methods]
brightness = outside.method:BRIGHTNESS
[workbench.metrics]
peak = outside.metric:PEAK_SHARE
[workbench.judges]
words = outside.judge:WORD_JUDGE
[workbench.importers]
lines = outside.importer:LAYOUT
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """A folder for PYTHONPATH that holds the package and what pip would have written of it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(
        repo_root / "tests" / "extensions", folder / "outside", ignore=shutil.ignore_patterns("__pycache__")
    )
    facts = folder / "outside-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, a picture with one bright corner, and a question in the outside layout."""
    folder = tmp_path_factory.mktemp("material")
    save_tiny(folder / "model")
    pixels = np.full((40, 60, 3), 30, np.uint8)
    pixels[:10, :10] = 250
    cv2.imwrite(str(folder / "a.png"), pixels)
    (folder / "a.jsonl").write_text(json.dumps({"picture": "a.png", "ask": "Bright?", "gold": "yes"}) + "\n")
    return folder


# Everything in one process, since starting one takes most of the time: what each command prints, by a name.
PROGRAM = """
import contextlib, io, json, sys
import workbench as wb
from workbench.cli import main
from workbench.ui.methods.desk import further_metrics, registry
from workbench.ui.services import trace_methods

def printed(arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(arguments)
    return out.getvalue() if status == 0 else f"status {status}: {out.getvalue()}"

commands = json.loads(sys.argv[2])
found = {name: printed(arguments) for name, arguments in commands.items()}
found["menus"] = ["outside_brightness" in registry(), "outside_brightness" in trace_methods(),
                  "outside_peak_share" in further_metrics()]
found["family"] = wb.load_model(sys.argv[1], settings=wb.Settings(device="cpu")).family.name
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(installed: Path, material: Path, repo_root: Path) -> dict[str, Any]:
    """What the program says in a process of its own, with the outside package on its path."""
    model, out = str(material / "model"), str(material / "run")
    asked = ["explain", str(material / "a.png"), "Where is it bright?", "--model", model, "--span", "all"]
    asked += ["--max-new-tokens", "6", "--json", "--method", "outside_brightness"]
    commands = {
        "map": [*asked, "--param", "power=2"],
        "metrics": [*asked, "--metrics", "outside_peak_share,focus"],
        "run": [
            "bench", "run", "--items", str(material / "a.jsonl"), "--format", "outside-lines",
            "--model", model,
            "--judge", "outside-words-1", "--out", out, "--max-new-tokens", "6", "--json",
        ],
        "grounding": [
            "bench", "grounding", "--model", "tuned", "--methods", "outside_brightness", "--limit", "2",
            "--out", str(material / "grounding"), "--json",
        ],
    }  # fmt: skip
    path = os.pathsep.join((str(installed), str(repo_root)))
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = finished([sys.executable, "-c", PROGRAM, model, json.dumps(commands)], env=environ, cwd=installed)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_method_makes_a_map_with_its_own_setting(found: dict[str, Any]) -> None:
    made = json.loads(found["map"])
    assert made["refused"] is None and made["meta"]["params"] == {"power": 2}
    x0, y0, _, _ = made["boxes"][int(np.argmax(made["values"]))]
    assert x0 < 10 and y0 < 10  # the bright corner of a picture that is not square


def test_the_metric_measures_it(found: dict[str, Any]) -> None:
    rows = json.loads(found["metrics"])
    share = rows["methods"][0]["metrics"]["outside_peak_share"]
    assert 1 / len(json.loads(found["map"])["values"]) < share < 1
    assert "one patch" in rows["metrics"]["outside_peak_share"]


def test_the_screens_offer_both(found: dict[str, Any]) -> None:
    assert found["menus"] == [True, True, True]


def test_the_family_is_asked_first(found: dict[str, Any]) -> None:
    assert found["family"] == "outside-llava"


def test_judge_and_importer_in_a_run(found: dict[str, Any], material: Path) -> None:
    assert json.loads(found["run"])["items"]["n"] == 1
    (line,) = [json.loads(text) for text in (material / "run" / "results.jsonl").read_text().splitlines()]
    assert line["item_id"] == "outside-1"
    assert "outside-words-1" in (material / "run" / "run.json").read_text()


def test_the_method_in_grounding(found: dict[str, Any]) -> None:
    assert "outside_brightness" in found["grounding"]
