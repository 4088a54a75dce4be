"""What `pip install` gets: dependencies read from the requirements files, and every file that is needed."""

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="the build backend is not installed: requirements-dev.txt")

from packaging.requirements import Requirement

# The repository's own build hook, which is no part of the package.
from hatch_build import FILES, library_range, read_requirements

# Imported only where they are: pyarrow comes with datasets, spaces is there on a Space.
OPTIONAL = {"bitsandbytes", "pyarrow", "spaces", "torchvision"}


@pytest.mark.parametrize(
    ("pinned", "asked"),
    [
        ("numpy==2.4.6", "numpy~=2.4"),
        ("opencv-python==5.0.0.93", "opencv-python~=5.0"),
        ("accelerate[test]==1.15.0", "accelerate[test]~=1.15"),
        ("torch>=2.11,<=2.13.0", "torch>=2.11,<=2.13.0"),
        ("numpy==2", "numpy==2"),
    ],
)
def test_a_pin_becomes_a_range(pinned: str, asked: str) -> None:
    assert library_range(pinned) == asked


def test_requirements_are_followed_into_other_files(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("peft==0.21.2\n")
    (tmp_path / "all.txt").write_text("# why\n-r more.txt\n\nruff==0.17.5  # lint\n")
    assert read_requirements(tmp_path / "all.txt") == ["peft~=0.21", "ruff~=0.17"]


def test_dependencies_are_written_down_once(repo_root: Path) -> None:
    project = tomllib.loads((repo_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"dependencies", "optional-dependencies"} <= set(project["dynamic"])
    assert not {"dependencies", "optional-dependencies"} & set(project)
    for name in ("requirements.txt", *FILES.values()):
        for line in read_requirements(repo_root / name):
            assert "==" not in line, f"{line}: a library that asks for one version can't live beside others"


def test_every_package_that_is_imported_is_asked_for(repo_root: Path) -> None:
    listed = {Requirement(line).name for name in ("requirements.txt", *FILES.values())
              for line in read_requirements(repo_root / name)}  # fmt: skip
    modules: dict[str, Path] = {}
    for file in (repo_root / "workbench").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0]: file for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules[node.module.partition(".")[0]] = file
    owners = importlib.metadata.packages_distributions()
    for module in sorted(modules.keys() - sys.stdlib_module_names - {"workbench"} - OPTIONAL):
        names = {name.lower().replace("_", "-") for name in owners.get(module, [module])}
        assert names & listed, f"{modules[module]} imports {module}, which no requirements file names"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(repo_root), "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--quiet", "--wheel-dir", str(out)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as opened:
        yield opened


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_its_assets(
    wheel: zipfile.ZipFile, repo_root: Path
) -> None:
    held = set(wheel.namelist())
    files = [file for file in (repo_root / "workbench").rglob("*") if "__pycache__" not in file.parts]
    wanted = {file.relative_to(repo_root).as_posix() for file in files if file.is_file()}
    for beside in (repo_root / "assets", repo_root / "space.yaml", repo_root / "requirements.txt"):
        inside = beside.rglob("*") if beside.is_dir() else [beside]
        wanted |= {f"workbench/{file.relative_to(repo_root).as_posix()}" for file in inside if file.is_file()}
    wanted = {name for name in wanted if not name.endswith(".DS_Store")}
    assert wanted - held == set()
    others = {name for name in held - wanted if ".dist-info/" not in name}
    assert others == set(), "the wheel brings files that are no part of the package"


@pytest.mark.slow
def test_the_wheel_names_its_command_and_what_it_needs(wheel: zipfile.ZipFile, repo_root: Path) -> None:
    record = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "workbench = workbench.cli:main" in wheel.read(record["entry_points.txt"]).decode()
    metadata = Parser().parsestr(wheel.read(record["METADATA"]).decode())
    needed = metadata.get_all("Requires-Dist")
    plain = {Requirement(line) for line in needed if "extra ==" not in line}
    assert plain == {Requirement(line) for line in read_requirements(repo_root / "requirements.txt")}
    assert any(line.startswith("datasets") and "extra == 'train'" in line for line in needed)
    assert any(line.startswith("ruff") and "extra == 'dev'" in line for line in needed)


@pytest.mark.slow
def test_outside_the_checkout_the_installed_package_finds_its_files(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path / "site")
    asked = (
        "from workbench import places; from workbench.bench.questions.items import bundled_names;"
        "from workbench.space.card import enabled_models; from workbench.doctor import required_packages;"
        "from workbench.models.catalogue import load_catalogue;"
        "assert places.INSTALLED and places.ROOT.name == 'workbench', places.ROOT;"
        "assert places.ROOT not in [places.KEPT, *places.KEPT.parents], places.KEPT;"
        "print(*bundled_names(), *enabled_models(), 'torch' in required_packages(),"
        "len(load_catalogue(places.ASSETS / 'models')) > 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", asked],
        capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site"), "HOME": "/"},
    )  # fmt: skip
    assert ran.stdout.split() == ["phantoms", "base", "tuned", "True", "True"], ran.stderr
