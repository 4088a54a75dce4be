"""A family, a method, a metric, a judge and an importer from outside: one file each, found everywhere.

The files of `tests/extensions/` are installed as a package with entry points, as a third party would, and the
program is run in a process of its own that knows nothing else of them.
"""

import json
import os
import shutil
import sys
from pathlib import Path

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


def python(installed: Path, repo_root: Path, *arguments: str) -> str:
    """What the program prints in a process of its own; fails with its errors."""
    path = os.pathsep.join((str(installed), str(repo_root)))
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = finished([sys.executable, *arguments], env=environ, cwd=installed)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_methods_and_metrics_on_the_command_line(installed: Path, material: Path, repo_root: Path) -> None:
    case = [str(material / "a.png"), "Where is it bright?", "--model", str(material / "model")]
    asked = ["-m", "workbench", "explain", *case, "--span", "all", "--max-new-tokens", "6", "--json"]
    found = json.loads(
        python(installed, repo_root, *asked, "--method", "outside_brightness", "--param", "power=2")
    )
    assert found["refused"] is None and found["meta"]["params"] == {"power": 2}
    x0, y0, x1, y1 = found["boxes"][int(np.argmax(found["values"]))]
    assert x0 < 10 and y0 < 10  # the bright corner of a picture that is not square
    rows = json.loads(
        python(
            installed, repo_root, *asked, "--method", "outside_brightness",
            "--metrics", "outside_peak_share,focus",
        )
    )  # fmt: skip
    share = rows["methods"][0]["metrics"]["outside_peak_share"]
    assert 1 / len(found["values"]) < share < 1 and "one patch" in rows["metrics"]["outside_peak_share"]


def test_menus_of_the_screens(installed: Path, repo_root: Path) -> None:
    code = (
        "from workbench.ui.methods.desk import further_metrics, registry\n"
        "from workbench.ui.services import trace_methods\n"
        "print('outside_brightness' in registry(), 'outside_brightness' in trace_methods(),"
        " 'outside_peak_share' in further_metrics())"
    )
    assert python(installed, repo_root, "-c", code).split() == ["True", "True", "True"]


def test_the_family_is_asked_first(installed: Path, material: Path, repo_root: Path) -> None:
    code = (
        "import sys, workbench as wb\n"
        "print(wb.load_model(sys.argv[1], settings=wb.Settings(device='cpu')).family.name)"
    )
    assert python(installed, repo_root, "-c", code, str(material / "model")).strip() == "outside-llava"


def test_judge_and_importer_in_a_run(
    installed: Path, material: Path, repo_root: Path, tmp_path: Path
) -> None:
    ran = python(
        installed, repo_root, "-m", "workbench", "bench", "run", "--items", str(material / "a.jsonl"),
        "--format", "outside-lines", "--model", str(material / "model"), "--judge", "outside-words-1",
        "--out", str(tmp_path / "out"), "--max-new-tokens", "6", "--json",
    )  # fmt: skip
    report = json.loads(ran)
    assert report["items"]["n"] == 1
    (line,) = [json.loads(text) for text in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert line["item_id"] == "outside-1"
    assert "outside-words-1" in (tmp_path / "out" / "run.json").read_text()


def test_the_method_in_grounding(installed: Path, material: Path, repo_root: Path, tmp_path: Path) -> None:
    ran = python(
        installed, repo_root, "-m", "workbench", "bench", "grounding", "--model", "tuned", "--methods",
        "outside_brightness", "--limit", "2", "--out", str(tmp_path / "out"), "--json",
    )  # fmt: skip
    assert "outside_brightness" in ran
