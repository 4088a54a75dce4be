"""From what a person calls a model to where it lies: names of the pair or catalogue, folders, hub ids."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import UserFacing
from workbench.models.catalogue import (
    LONGEST_ANSWER,
    LONGEST_ANSWER_OF_OURS,
    ModelCard,
    card_for,
    is_hub_id,
    load_catalogue,
)
from workbench.models.folder import missing_files, prompts_note, text_only
from workbench.models.templates import DEFAULT_TEMPLATES, TEXT_TEMPLATES, folder_templates, given_templates
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
    catalogue = load_catalogue(settings.models_dir)
    found = _found(ref, settings, catalogue)
    if not settings.template:
        return found
    known = {name: card.templates for name, card in catalogue.items()}
    templates = given_templates(settings.template, found.card.templates, known)
    return replace(found, card=found.card.asked_with(templates))


def _found(ref: str, settings: Settings, catalogue: Mapping[str, ModelCard]) -> Source:
    ref = {"base": settings.base, "tuned": settings.tuned}.get(ref, ref)
    known = card_for(ref, catalogue)
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
    general = TEXT_TEMPLATES if text_only(folder) else DEFAULT_TEMPLATES
    own, note = folder_templates(folder), prompts_note(folder, models_dir)
    longest = LONGEST_ANSWER_OF_OURS if own or note else LONGEST_ANSWER
    return ModelCard(name, title, ref, templates=dict(own or general), note=note, max_new_tokens=longest)
