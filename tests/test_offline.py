"""The main job needs no network: it is run with every way out of the machine blocked."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.network_guard import NetworkBlocked, is_local
from tests.waiting import HANG_SECONDS

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_GUARD = """
import os
from tests.network_guard import install

def _record(host):
    with open(os.environ["NETWORK_LOG"], "a") as log:
        log.write(host + chr(10))

install(_record)
with open(os.environ["NETWORK_LOG"], "a") as log:
    log.write("guard on" + chr(10))
"""


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        (None, True),
        ("10.0.0.1", False),
        ("example.org", False),
        ("0.0.0.0", False),
        ("localhost.example.org", False),
    ],
)
def test_guard_knows_what_is_outside(host: str | None, local: bool) -> None:
    assert is_local(host) is local


def test_guard_blocks_and_names_the_host_but_not_loopback(no_network: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with pytest.raises(NetworkBlocked, match="example.org"):
        socket.create_connection(("example.org", 443))
    with socket.socket() as sock, pytest.raises(NetworkBlocked, match="192.0.2.1"):
        sock.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(NetworkBlocked):
        sock.sendto(b"x", ("192.0.2.2", 53))
    assert no_network == ["example.org", "192.0.2.1", "192.0.2.2"]


@pytest.fixture
def guarded_run(tmp_path: Path):
    """Run Python with the guard on from its first line; returns (finished process, hosts asked for)."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(_GUARD)
    env = {name: value for name, value in os.environ.items() if not name.endswith("_OFFLINE")}
    env |= {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "guard"), str(PROJECT_ROOT)]),
        "NETWORK_LOG": str(tmp_path / "network.log"),
        "HF_HOME": str(tmp_path / "hub"),
    }

    def run(*arguments: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=env,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
        )
        return done, (tmp_path / "network.log").read_text().splitlines()

    return run


def test_guard_is_on_in_the_child(guarded_run) -> None:
    done, log = guarded_run("-c", "import urllib.request as r; r.urlopen('http://192.0.2.1/')")
    assert done.returncode != 0 and "network access blocked" in done.stderr
    assert log == ["guard on", "192.0.2.1"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ask", "explain"])
def test_the_main_job_asks_for_no_network(command: str, guarded_run, tmp_path: Path) -> None:
    if not (PROJECT_ROOT / "assets" / "models" / "tuned" / "config.json").is_file():
        pytest.skip("assets/models/tuned is not there yet: train the shipped pair first")
    rows, columns = np.mgrid[0:150, 0:200]
    disc = 230.0 * ((columns - 130) ** 2 + (rows - 60) ** 2 < 25**2)
    picture = np.clip(40 + disc, 0, 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "disc.png")
    done, log = guarded_run(
        "-m",
        "workbench",
        command,
        str(tmp_path / "disc.png"),
        "What is shown?",
        "--max-new-tokens",
        "40",
        "--json",
        *(["--span", "all"] if command == "explain" else []),  # 40 tokens need not hold a final answer
    )
    assert done.returncode == 0, done.stderr
    assert set(log) == {"guard on"}
    record = json.loads(done.stdout)
    if command == "ask":
        assert record["image"] == {"width": 200, "height": 150}
        assert record["tokens"]
    else:
        assert record["refused"] is None
        assert len(record["values"]) == len(record["boxes"]) > 0
