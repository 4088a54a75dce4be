"""What a transformers checkpoint folder must hold; needs neither torch nor transformers."""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from workbench.errors import UserFacing

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
MODEL_FILES = (("config.json",), TOKENIZER_FILES, ("tokenizer_config.json",))
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
PROMPTS_FILE = "workbench.json"  # how a model that was trained here is asked
CHAT_FILE = "chat_template.jinja"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def text_only(folder: Path) -> bool:
    """Whether a folder's config says that its model takes no pictures; such a model has no processor."""
    config = _read_json(folder / "config.json")
    return "model_type" in config and not config.get("vision_config")


def adapter_base(folder: Path) -> str | None:
    """The base model that an adapter names ("" when it names none); None where the folder is no adapter.

    A folder that holds a whole model beside an adapter is that model.
    """
    if not (folder / ADAPTER_CONFIG).is_file() or any((folder / name).is_file() for name in (WEIGHTS, INDEX)):
        return None
    return str(_read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path") or "")


def missing_files(folder: Path) -> list[str]:
    """What a model or adapter folder lacks to be loaded, alternatives joined by "or"; empty when complete."""
    if adapter_base(folder) is not None:
        wanted: tuple[tuple[str, ...], ...] = ((ADAPTER_CONFIG,),)
    else:
        wanted = MODEL_FILES if text_only(folder) else (*MODEL_FILES, PROCESSOR_FILES)
    missing = [" or ".join(names) for names in wanted if not any((folder / name).is_file() for name in names)]
    try:
        return missing + [name for name in weight_files(folder) if not (folder / name).is_file()]
    except UserFacing:
        return [*missing, f"a readable {INDEX}"]


def weight_files(folder: Path, names: Collection[str] | None = None) -> list[str]:
    """The files that hold the weights, there or not: one, or the shards that the folder's index names.

    `names` are those of the whole repository where not all of it is in the folder yet. Raises UserFacing for
    an index that can't be read, that names a file which isn't safetensors, or one outside the folder.
    """
    found = {path.name for path in folder.iterdir()} if names is None else names
    if WEIGHTS in found:
        return [WEIGHTS]
    if INDEX in found:
        return _shards(folder / INDEX)
    return [ADAPTER_WEIGHTS if ADAPTER_CONFIG in found else WEIGHTS]


def _shards(index: Path) -> list[str]:
    try:
        shards = sorted({str(name) for name in json.loads(index.read_text("utf-8"))["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserFacing(
            f"The list of weights {index.name} in {str(index.parent)!r} can't be read.", "Copy it again."
        ) from error
    for name in shards:
        path = PurePosixPath(name)
        if path.suffix != ".safetensors" or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise UserFacing(
                f"The list of weights {index.name} in {str(index.parent)!r} names {name!r}, which is not "
                "loaded: weights must be safetensors files that lie in the model's own folder.",
                "Use a checkpoint that was saved as safetensors.",
            )
    return shards


def require_safetensors(names: Collection[str], what: str) -> None:
    """Raise UserFacing when files `names` of `what` are weights, but none that this app reads."""
    if any(name.endswith(".safetensors") for name in names):
        return
    if any(name.endswith(".gguf") for name in names):
        raise UserFacing(
            f"{what} holds GGUF files only, which are for llama.cpp.",
            "Serve it with `llama-server` and use --endpoint, or take the original with safetensors weights.",
        )
    pickles = sorted(name for name in names if name.endswith(PICKLES))
    if pickles:
        raise UserFacing(
            f"{what} has its weights as pickle files only ({pickles[0]}), which can run code when they are "
            "read and are never loaded; the weights must be safetensors files.",
            "Use a revision or a copy with safetensors weights, or convert it with transformers: "
            "`model.save_pretrained(folder)`.",
        )


def damaged_weights(folder: Path) -> str | None:
    """The first weight file that is cut off or is no safetensors file, by name; only headers are read."""
    from safetensors import SafetensorError, safe_open

    for name in weight_files(folder):
        try:
            with safe_open(folder / name, framework="np"):
                pass
        except (SafetensorError, OSError):
            return name
    return None


def damaged_settings(folder: Path) -> str | None:
    """The first JSON file of a model folder that isn't JSON, by name."""
    for path in sorted(folder.glob("*.json")):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return path.name
    return None


def quantisation(folder: Path) -> str | None:
    """How a checkpoint's weights are quantised ("awq", "bitsandbytes", …); None where they are not."""
    config = _read_json(folder / "config.json")
    found = config.get("quantization_config") or (config.get("text_config") or {}).get("quantization_config")
    return str(found.get("quant_method") or "an unnamed method") if isinstance(found, dict) else None


def folder_revision(folder: Path) -> str:
    """The first 12 hex digits of the SHA-256 of a folder's safetensors files."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()[:12]


def prompts_note(folder: Path, models_dir: Path) -> str:
    """A sentence for a folder that was trained like the shipped pair and has lost its prompts, else "".

    Such a folder has the chat template of a model in `models_dir`; any other checkpoint has prompts of its
    maker's, which the workbench doesn't know.
    """
    chat = folder / CHAT_FILE
    if (folder / PROMPTS_FILE).is_file() or not chat.is_file():
        return ""
    if chat.read_bytes() not in [path.read_bytes() for path in models_dir.glob(f"*/{CHAT_FILE}")]:
        return ""
    return (
        f"This folder has no {PROMPTS_FILE}, so the model is asked with general prompts that it was not "
        "trained on, and may answer worse."
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
