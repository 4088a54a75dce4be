"""What is installed here, what is missing, and what would be used: `python -m workbench doctor`."""

import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.models.checkpoints.folder import missing_files, prompts_note
from workbench.models.checkpoints.hub import parse_hub_name
from workbench.models.checkpoints.memory import here
from workbench.places import INSTALLED, ROOT
from workbench.settings import Settings

REQUIREMENTS_FILE = ROOT / "requirements.txt"
OPTIONAL_PACKAGES = {
    "torchvision": "processors of Qwen-VL models",
    "bitsandbytes": "8- and 4-bit weights on a GPU (--quantise)",
    "playwright": "browser tests",
    "pytest": "tests",
}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def examine(settings: Settings) -> dict[str, Any]:
    """One JSON-ready record: versions, devices, memory, model folders, browser, packages, problems.

    `problems` lists in plain sentences what keeps the workbench from answering a question; empty is good.
    """
    packages = {name: _version(name) for name in required_packages()}
    models = {name: model_folder(settings, ref) for name, ref in _pair(settings).items()}
    devices = _devices()
    record: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "optional_packages": {name: _version(name) for name in OPTIONAL_PACKAGES},
        "opencv_loads": _opencv_problem() is None,
        "devices": devices,
        "memory": _memory(),
        "models_dir": _path_text(settings.models_dir),
        "models": models,
        "browser": find_browser(),
        "would_use": _would_use(settings, devices),
    }
    return record | {"problems": _problems(record)}


def required_packages() -> list[str]:
    """Names of the packages that `requirements.txt` asks for."""
    lines = REQUIREMENTS_FILE.read_text(encoding="utf-8").splitlines()
    return [re.split(r"[=<>~!]", line, maxsplit=1)[0] for line in lines if line and not line.startswith("#")]


def find_browser(environ: Mapping[str, str] | None = None) -> str | None:
    """Path of a Chromium for the browser tests: WORKBENCH_CHROMIUM, the system's, else playwright's own."""
    env = os.environ if environ is None else environ
    if named := env.get("WORKBENCH_CHROMIUM"):
        return named if os.access(named, os.X_OK) else None
    for name in _BROWSERS:
        if found := shutil.which(name, path=env.get("PATH")):
            return found
    return _playwright_browser()


def model_folder(settings: Settings, ref: str) -> dict[str, Any]:
    """Where `ref` would be loaded from.

    Keys: ref, kind ("folder" or "hub"), path, complete (None for the hub), missing (names), mb, and for a
    folder that is there `note`, a sentence about its prompts or "".
    """
    local = settings.models_dir / ref
    folder = local if local.is_dir() else Path(ref)
    if not folder.is_dir() and parse_hub_name(ref) and not local.exists():
        return {"ref": ref, "kind": "hub", "path": None, "complete": None, "missing": [], "mb": None}
    if not folder.is_dir():
        return {
            "ref": ref,
            "kind": "folder",
            "path": _path_text(local),
            "complete": False,
            "missing": ["the folder"],
            "mb": 0,
        }
    missing = missing_files(folder)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    megabytes = round(size / 1e6, 1)
    return {
        "ref": ref,
        "kind": "folder",
        "path": _path_text(folder),
        "complete": not missing,
        "missing": missing,
        "mb": megabytes,
        "note": "" if folder.parent == settings.models_dir else prompts_note(folder, settings.models_dir),
    }


def as_text(record: Mapping[str, Any]) -> str:
    """The record of `examine` as lines for a terminal."""
    memory, use = record["memory"], record["would_use"]
    lines = [f"Python {record['python']} on {record['platform']}"]
    lines += [f"  {name:<18} {version or 'MISSING'}" for name, version in record["packages"].items()]
    lines += ["Optional"]
    lines += [
        f"  {name:<18} {version or 'not installed':<14} {OPTIONAL_PACKAGES[name]}"
        for name, version in record["optional_packages"].items()
    ]
    lines += [f"Memory: {memory['available_gb']} GB free of {memory['total_gb']} GB"]
    lines += [
        f"Device: {device['name']}" + (f", {device['memory_gb']} GB" if device["memory_gb"] else "")
        for device in record["devices"]
    ]
    for name, model in record["models"].items():
        state = (
            "on the hub"
            if model["kind"] == "hub"
            else f"{model['mb']} MB"
            if model["complete"]
            else "INCOMPLETE"
        )
        lines.append(f"Model {name}: {model['path'] or model['ref']} ({state})")
        if model.get("note"):
            lines.append(f"  Note: {model['note']}")
    lines += [f"Browser for tests: {record['browser'] or 'none found'}"]
    lines += [f"Would use: {use['device']} in {use['dtype']}, {use['torch_threads'] or 'no'} torch threads"]
    problems = [f"Problem: {problem}" for problem in record["problems"]]
    return "\n".join(lines + (problems or ["Everything needed is here."]))


def _pair(settings: Settings) -> dict[str, str]:
    return {"base": settings.base, "tuned": settings.tuned}


def _path_text(path: Path) -> str:
    resolved = path.resolve()
    in_checkout = not INSTALLED and resolved.is_relative_to(ROOT)
    return str(resolved.relative_to(ROOT) if in_checkout else resolved)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _opencv_problem() -> str | None:
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        return str(error)
    return None


def _devices() -> list[dict[str, Any]]:
    cpu: dict[str, Any] = {
        "kind": "cpu",
        "name": f"{os.cpu_count()} CPU cores",
        "memory_gb": None,
        "torch_threads": None,
    }
    try:
        import torch
    except ImportError:
        return [cpu]
    cpu["torch_threads"] = torch.get_num_threads()
    if not torch.cuda.is_available():
        return [cpu]
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [cpu] + [
        {
            "kind": "cuda",
            "name": card.name,
            "memory_gb": round(card.total_memory / 1e9, 1),
            "torch_threads": None,
        }
        for card in cards
    ]


def _memory() -> dict[str, float | None]:
    try:
        import psutil
    except ImportError:
        return {"total_gb": None, "available_gb": None}
    memory = psutil.virtual_memory()
    return {"total_gb": round(memory.total / 1e9, 1), "available_gb": round(memory.available / 1e9, 1)}


def _would_use(settings: Settings, devices: list[dict[str, Any]]) -> dict[str, Any]:
    has_cuda = any(device["kind"] == "cuda" for device in devices)
    device = settings.device if settings.device != "auto" else "cuda" if has_cuda else "cpu"
    automatic = here(device, "auto").format if device == "cuda" and has_cuda else "float32"
    return {
        "device": device,
        "dtype": automatic if settings.dtype == "auto" else settings.dtype,
        "torch_threads": devices[0]["torch_threads"],
        "network": any(_pair_is_on_hub(settings)),
        "public": settings.public,
    }


def _pair_is_on_hub(settings: Settings) -> list[bool]:
    return [model_folder(settings, ref)["kind"] == "hub" for ref in _pair(settings).values()]


def _problems(record: Mapping[str, Any]) -> list[str]:
    problems = [
        f"The package {name} is not installed; run `make run`."
        for name, version in record["packages"].items()
        if version is None
    ]
    if not record["opencv_loads"] and record["packages"]["opencv-python"]:
        problems.append("OpenCV can't load; install the system libraries named in packages.txt.")
    for name, model in record["models"].items():
        if model["complete"] is False:
            problems.append(f"The {name} model at {model['path']} lacks {', '.join(model['missing'])}.")
    if record["would_use"]["device"] == "cuda" and not any(d["kind"] == "cuda" for d in record["devices"]):
        problems.append("The device cuda was asked for but torch finds none; use --device cpu.")
    return problems


def _playwright_browser() -> str | None:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return None
    try:
        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    except Error:
        return None
    return path if os.access(path, os.X_OK) else None
