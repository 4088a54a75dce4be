"""From what a person calls a model to where it lies: names of the pair or catalogue, folders, hub ids."""

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UserFacing
from workbench.models.catalogue import ModelCard, card_for, folder_templates, is_hub_id, load_catalogue
from workbench.models.folder import missing_files, prompts_note
from workbench.settings import Settings


@dataclass(frozen=True)
class Source:
    """A model's card and its folder; without a folder it is on the hub, under `card.location`."""

    card: ModelCard
    folder: Path | None

    @property
    def place(self) -> str | Path:
        """What transformers loads from."""
        return self.folder or self.card.location


def find_source(ref: str, settings: Settings) -> Source:
    """Resolve base, tuned, a catalogue name, a folder or a hub id; nothing is loaded or fetched.

    Raises UserFacing when there is no such model, or its folder lacks files (safetensors weights included).
    """
    ref = {"base": settings.base, "tuned": settings.tuned}.get(ref, ref)
    known = card_for(ref, load_catalogue(settings.models_dir))
    location = known.location if known else ref
    places = (settings.models_dir / location, Path(location))
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        if (known and known.bundled) or not is_hub_id(location):
            raise UserFacing(
                f"There is no model named {ref!r} here.",
                "Use tuned, base, a folder with a transformers checkpoint, or a hub id such as owner/name.",
            )
        return Source(known or ModelCard(Path(ref).name, ref, ref), None)
    if missing := missing_files(folder):
        raise UserFacing(
            f"The model folder {folder} lacks {', '.join(missing)}.",
            "Copy the whole checkpoint again; weights must be safetensors files.",
        )
    return Source(known or _card_of(folder, ref, settings.models_dir), folder)


def _card_of(folder: Path, ref: str, models_dir: Path) -> ModelCard:
    name = Path(ref).name or ref
    title = ref if is_hub_id(ref) else name
    templates, note = folder_templates(folder), prompts_note(folder, models_dir)
    return ModelCard(name, title, ref, templates=templates, note=note)
