"""What a transformers checkpoint folder must hold; needs neither torch nor transformers."""

import json
from pathlib import Path

MODEL_FILES = (("config.json",), ("tokenizer.json",), ("tokenizer_config.json",))
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")


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
