"""`space.yaml`: read it, check it, and render the block that a Space reads at the top of README.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import UserFacing
from workbench.places import ROOT

SPACE_FILE = ROOT / "space.yaml"
README_FILE = ROOT / "README.md"
REQUIREMENTS_FILE = ROOT / "requirements.txt"

# Keys that the Hub accepts in a Space's front matter (its "Spaces configuration reference").
# fmt: off
CARD_KEYS = frozenset(
    {
        "title", "emoji", "colorFrom", "colorTo", "sdk", "python_version", "sdk_version",
        "suggested_hardware", "app_file", "app_build_command", "app_port", "base_path", "fullWidth",
        "header", "short_description", "models", "datasets", "tags", "thumbnail", "pinned", "hf_oauth",
        "hf_oauth_scopes", "hf_oauth_expiration_minutes", "hf_oauth_authorized_org", "disable_embedding",
        "startup_duration_timeout", "custom_headers", "preload_from_hub", "license"
    }
)
# fmt: on
_REQUIRED_CARD_KEYS = ("title", "sdk", "sdk_version", "python_version", "app_file", "license")
_COLOURS = frozenset({"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"})
_RUNTIME_KEYS = frozenset({"hardware", "sleep_time", "variables", "secrets", "volumes"})
_MODEL_KEYS = frozenset({"id", "role", "path", "revision", "licence", "safetensors", "enabled", "note"})
_ROLES = frozenset({"base", "tuned", "judge"})
_SHORT_DESCRIPTION_LIMIT = 60
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True)
class ModelPin:
    """One model of `space.yaml`; None means "not known", and then it is never enabled.

    `path` is the folder in this repository of a bundled model, None for a hub model.
    """

    id: str
    role: str
    path: str | None
    revision: str | None
    licence: str | None
    safetensors: bool | None
    enabled: bool
    note: str = ""


@dataclass(frozen=True)
class Space:
    """The checked content of `space.yaml`."""

    card: Mapping[str, Any]
    runtime: Mapping[str, Any]
    models: tuple[ModelPin, ...]


def load_space(path: Path = SPACE_FILE) -> Space:
    """Read and check `path`. Raises UserFacing that lists every problem found."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserFacing(f"{path.name} can't be read.", str(error).splitlines()[0]) from error
    problems = find_problems(raw)
    if problems:
        raise UserFacing(f"{path.name} is not valid: {'; '.join(problems)}.", "Correct it and try again.")
    models = tuple(ModelPin(**entry) for entry in raw["models"])
    return Space(card=raw["card"], runtime=raw["runtime"], models=models)


def find_problems(raw: Any) -> list[str]:
    """Every reason why the parsed YAML `raw` is not a usable space file; empty when it is."""
    if not isinstance(raw, dict) or set(raw) != {"card", "runtime", "models"}:
        return ["it must hold exactly card, runtime and models"]
    if not isinstance(raw["card"], dict) or not isinstance(raw["runtime"], dict):
        return ["card and runtime must be mappings"]
    if not isinstance(raw["models"], list) or not all(isinstance(entry, dict) for entry in raw["models"]):
        return ["models must be a list of mappings"]
    problems = _card_problems(raw["card"])
    problems += [f"runtime has the unknown key {key}" for key in sorted(set(raw["runtime"]) - _RUNTIME_KEYS)]
    for entry in raw["models"]:
        problems += _model_problems(entry)
    return problems


def gradio_pin(requirements: Path = REQUIREMENTS_FILE) -> str | None:
    """The exact gradio version of a requirements file, None when it pins none."""
    match = re.search(r"^gradio==(\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    return match.group(1) if match else None


def enabled_models(path: Path = SPACE_FILE) -> tuple[str, ...]:
    """Ids that a public page may load."""
    return tuple(model.id for model in load_space(path).models if model.enabled)


def pinned_models(path: Path = SPACE_FILE) -> dict[str, str]:
    """Hub ids with the full commit that is named for them, enabled or not; none without such a file."""
    if not path.is_file():
        return {}
    pins = {model.id: model.revision for model in load_space(path).models if model.path is None}
    return {name: revision for name, revision in pins.items() if revision is not None}


def render_front_matter(card: Mapping[str, Any]) -> str:
    """The block with its `---` fences, in the order of `card`, ending in a newline."""
    body = yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{body}---\n"


def front_matter_of(readme: str) -> str | None:
    """The block at the very top of a README text, fences included; None when there is none."""
    match = _FRONT_MATTER.match(readme)
    return match.group(0) if match else None


def with_front_matter(readme: str, card: Mapping[str, Any]) -> str:
    """`readme` with its block replaced by, or preceded by, the one rendered from `card`."""
    body = readme[len(front_matter_of(readme) or "") :].lstrip("\n")
    return f"{render_front_matter(card)}\n{body}"


def _card_problems(card: Mapping[str, Any]) -> list[str]:
    problems = [f"card has the unknown key {key}" for key in sorted(set(card) - CARD_KEYS)]
    problems += [f"card lacks {key}" for key in _REQUIRED_CARD_KEYS if key not in card]
    problems += [
        f"card {key} must be a text in quotes"
        for key in ("python_version", "sdk_version")
        if not isinstance(card.get(key, ""), str)
    ]
    problems += [
        f"card {key} is not one of the Hub's colours"
        for key in ("colorFrom", "colorTo")
        if card.get(key, "gray") not in _COLOURS
    ]
    if len(card.get("short_description", "")) > _SHORT_DESCRIPTION_LIMIT:
        problems.append(f"card short_description is longer than {_SHORT_DESCRIPTION_LIMIT} characters")
    return problems


def _model_problems(entry: Mapping[str, Any]) -> list[str]:
    name = entry.get("id", "(no id)")
    unknown, lacking = set(entry) - _MODEL_KEYS, _MODEL_KEYS - {"note"} - set(entry)
    if unknown or lacking:
        return [f"model {name} has unknown keys {sorted(unknown)} or lacks {sorted(lacking)}"]
    problems = [] if entry["role"] in _ROLES else [f"model {name} has the unknown role {entry['role']}"]
    if not isinstance(entry["enabled"], bool):
        problems.append(f"model {name} must be enabled: true or false")
    revision, bundled = entry["revision"], entry["path"] is not None
    pinned = revision == "bundled" if bundled else bool(_COMMIT.fullmatch(str(revision)))
    if revision is not None and not pinned:
        problems.append(f"model {name} needs a full commit id, or bundled with a path, as its revision")
    if entry["enabled"] and not (pinned and entry["safetensors"] is True and entry["licence"]):
        problems.append(f"model {name} is enabled without a pinned revision, a licence and safetensors: true")
    return problems
