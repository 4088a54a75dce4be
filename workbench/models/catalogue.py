"""Model cards: what each known model is, as data (`assets/models/catalogue.json`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import UserFacing
from workbench.models.answer import Mode
from workbench.models.folder import PROMPTS_FILE

DEFAULT_TEMPLATES: dict[Mode, str] = {
    "trace": (
        "{question}\nReason step by step inside <think> </think> tags: what the image shows, what is known, "
        "and what follows. Then give the final answer inside <answer> </answer> tags."
    ),
    "short": "{question}\nAnswer with a single word or short phrase.",
}


@dataclass(frozen=True)
class ModelCard:
    """One catalogue entry. `location` is a folder under the models folder or a hub id.

    `note` is a sentence that whoever reads this model's answers must know, empty as a rule.
    """

    name: str
    title: str
    location: str
    revision: str | None = None
    role: str = ""
    licence: str = "see the model's own page"
    summary: str = ""
    templates: dict[Mode, str] = field(default_factory=lambda: dict(DEFAULT_TEMPLATES))
    takes_image: bool = True
    bundled: bool = False
    note: str = ""


def load_catalogue(models_folder: Path) -> dict[str, ModelCard]:
    """Name → card. Raises UserFacing when the catalogue file is missing or broken."""
    path = models_folder / "catalogue.json"
    try:
        entries = json.loads(path.read_text())
        return {name: ModelCard(name=name, **entry) for name, entry in entries.items()}
    except (OSError, ValueError, TypeError) as error:
        raise UserFacing(
            f"The model catalogue {path} cannot be read.", "Restore the file from the project."
        ) from error


def is_hub_id(ref: str) -> bool:
    """Whether a reference looks like owner/name rather than a path."""
    return ref.count("/") == 1 and not ref.startswith((".", "~", "/"))


def card_for(ref: str, catalogue: Mapping[str, ModelCard]) -> ModelCard | None:
    """The card of a catalogue name or of the location that an entry names, if any."""
    return catalogue.get(ref) or next((card for card in catalogue.values() if card.location == ref), None)


def folder_templates(folder: Path) -> dict[Mode, str]:
    """The prompts that a folder's model was trained with (`workbench.json` in it), else the default ones.

    Raises UserFacing when that file is broken.
    """
    path = folder / PROMPTS_FILE
    if not path.is_file():
        return dict(DEFAULT_TEMPLATES)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["templates"]
        return {mode: str(found[mode]) for mode in DEFAULT_TEMPLATES}
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = f"{path} does not say how this model is asked."
        raise UserFacing(what, 'It needs {"templates": {"trace": …, "short": …}}; or remove it.') from error


def keep_templates(folder: Path, templates: Mapping[Mode, str]) -> None:
    """Write the prompts of a trained model beside its weights."""
    text = json.dumps({"templates": dict(templates)}, indent=1)
    (folder / PROMPTS_FILE).write_text(f"{text}\n", encoding="utf-8")
