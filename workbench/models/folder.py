"""What a transformers checkpoint folder must hold; needs neither torch nor transformers."""

import json
from pathlib import Path

MODEL_FILES = (("config.json",), ("tokenizer.json",), ("tokenizer_config.json",))
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
PROMPTS_FILE = "workbench.json"  # how a model that was trained here is asked
CHAT_FILE = "chat_template.jinja"


def text_only(folder: Path) -> bool:
    """Whether a folder's config says that its model takes no pictures; such a model has no processor."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return "model_type" in config and not config.get("vision_config")
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def missing_files(folder: Path) -> list[str]:
    """What a model folder lacks to be loaded, alternatives joined by "or"; empty when it is complete."""
    wanted = MODEL_FILES if text_only(folder) else (*MODEL_FILES, PROCESSOR_FILES)
    missing = [" or ".join(names) for names in wanted if not any((folder / name).is_file() for name in names)]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError):
            return [*missing, f"a readable {index.name}"]
        missing += sorted(name for name in shards if not (folder / name).is_file())
    elif not (folder / "model.safetensors").is_file():
        missing.append("model.safetensors")
    return missing


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
