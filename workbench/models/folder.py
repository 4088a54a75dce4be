"""What a transformers checkpoint folder must hold; needs neither torch nor transformers."""

import json
from pathlib import Path

MODEL_FILES = (
    ("config.json",),
    ("tokenizer.json",),
    ("tokenizer_config.json",),
    ("preprocessor_config.json", "processor_config.json"),
)


def missing_files(folder: Path) -> list[str]:
    """What a model folder lacks to be loaded, alternatives joined by "or"; empty when it is complete."""
    missing = [
        " or ".join(names) for names in MODEL_FILES if not any((folder / name).is_file() for name in names)
    ]
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
