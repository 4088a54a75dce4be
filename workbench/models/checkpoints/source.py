"""From what a person calls a model to where it lies: names of the pair or catalogue, folders, hub ids."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from workbench.errors import UserFacing
from workbench.models.answer import Mode
from workbench.models.catalogue import (
    LONGEST_ANSWER,
    LONGEST_ANSWER_OF_OURS,
    ModelCard,
    card_for,
    load_catalogue,
)
from workbench.models.checkpoints.folder import (
    folder_revision,
    missing_files,
    prompts_note,
    require_safetensors,
    text_only,
    weight_files,
)
from workbench.models.checkpoints.hub import HubName, Listener, fetch_snapshot, parse_hub_name
from workbench.models.checkpoints.load_errors import require_quantiser
from workbench.models.templates import (
    DEFAULT_TEMPLATES,
    TEXT_TEMPLATES,
    Template,
    folder_templates,
    given_templates,
)
from workbench.settings import Settings

Catalogue = Mapping[str, ModelCard]


@dataclass(frozen=True)
class Source:
    """A model's card and where it is: in a folder, on the hub (`hub`), or both once it has been fetched.

    `commit` is the full commit of a fetched hub model, None for a folder of one's own.
    """

    card: ModelCard
    folder: Path | None
    hub: HubName | None = None
    commit: str | None = None

    @cached_property
    def revision(self) -> str:
        """What the weights are: a hub model's full commit, else 12 hex digits of the files' SHA-256.

        Only for what is in a folder; of a folder of one's own, the first look reads all weights.
        """
        if self.folder is None:
            raise ValueError(f"{self.hub} has not been fetched")
        return self.commit or folder_revision(self.folder)


def find_source(ref: str, settings: Settings) -> Source:
    """Resolve base, tuned, a catalogue name, a folder or a hub id; nothing is loaded or fetched.

    A catalogue name or hub id may end in `@revision` (branch, tag or commit); without one it is at the commit
    that space.yaml or the catalogue pins, if any. Raises UserFacing when there is no such model, a public
    page may not load it, or its folder lacks files (safetensors weights included).
    """
    catalogue = load_catalogue(settings.models_dir)
    return _asked_as_set(_found(ref, settings, catalogue), settings, catalogue)


def fetch_source(
    ref: str,
    settings: Settings,
    *,
    progress: Listener | None = None,
    stop: threading.Event | None = None,
) -> Source:
    """`find_source`, with the files in a folder and its revision known: a hub model is fetched first.

    `progress` and `stop` are those of `fetch_snapshot`. Raises UserFacing as both do, and for quantised
    weights that nothing here can read.
    """
    catalogue = load_catalogue(settings.models_dir)
    found = _found(ref, settings, catalogue)
    if found.folder is None:
        assert found.hub is not None
        found = _fetched(found, found.hub, settings, progress, stop)
    assert found.folder is not None
    require_quantiser(found.folder, ref)
    return _asked_as_set(found, settings, catalogue)


def _asked_as_set(found: Source, settings: Settings, catalogue: Catalogue) -> Source:
    return replace(found, card=card_as_set(found.card, settings, catalogue))


def card_as_set(card: ModelCard, settings: Settings, catalogue: Catalogue) -> ModelCard:
    """The same card, asked in the template that the settings name, if any. Raises UserFacing."""
    if not settings.template:
        return card
    known = {name: entry.templates for name, entry in catalogue.items()}
    return card.asked_with(given_templates(settings.template, card.templates, known))


def _found(ref: str, settings: Settings, catalogue: Catalogue) -> Source:
    ref = {"base": settings.base, "tuned": settings.tuned}.get(ref, ref)
    known, location, revision = _named(ref, catalogue)
    if known is not None and known.kind == "published":
        raise UserFacing(
            f"{known.title} can't be loaded: its weights are not public.",
            "Its published figures are on the Benchmark screen.",
        )
    places = (settings.models_dir / location, Path(location))
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None and not revision:
        settings.require_allowed(location)
        _require_whole(folder)
        return Source(known or _folder_card(folder, ref, settings.models_dir), folder)
    hub = parse_hub_name(f"{location}@{revision}" if revision else location)
    if hub is None or (known and known.bundled):
        raise UserFacing(
            f"There is no model named {ref!r} here.",
            "Use tuned, base, a folder with a transformers checkpoint, or a hub id such as owner/name or "
            "owner/name@revision.",
        )
    settings.require_allowed(str(hub))
    pinned = settings.pins.get(location) or (known.revision if known else None)
    card = known or ModelCard(hub.repository.partition("/")[2], hub.repository, hub.repository)
    return Source(_at(card, revision), None, HubName(hub.repository, revision or pinned))


def _named(ref: str, catalogue: Catalogue) -> tuple[ModelCard | None, str, str]:
    """Card, if any, location, and the revision behind an @ ("" without one; a folder's name may hold one)."""
    if (known := card_for(ref, catalogue)) or Path(ref).is_dir() or "@" not in ref:
        return known, known.location if known else ref, ""
    name, _, revision = ref.partition("@")
    if not name or not revision:
        return None, ref, ""
    known = card_for(name, catalogue)
    return known, known.location if known else name, revision


def _fetched(
    found: Source, hub: HubName, settings: Settings, progress: Listener | None, stop: threading.Event | None
) -> Source:
    here = fetch_snapshot(hub, with_code=settings.allow_remote_code, progress=progress, stop=stop)
    if missing := missing_files(here.folder):
        raise UserFacing(
            f"The copy of {hub} on this machine (commit {here.commit[:12]}) lacks {', '.join(missing)}.",
            "Load it once with a network and without HF_HUB_OFFLINE; if it was, the repository itself lacks "
            "them, and another revision may not.",
        )
    card = found.card
    if own := folder_templates(here.folder):
        card = replace(card.asked_with(own), max_new_tokens=LONGEST_ANSWER_OF_OURS)
    elif card.templates == DEFAULT_TEMPLATES:
        card = card.asked_with(_general(here.folder))
    notes = (card.note, here.note, prompts_note(here.folder, settings.models_dir))
    card = replace(card, revision=here.commit, note=" ".join(note for note in notes if note))
    return Source(card, here.folder, hub, here.commit)


def _require_whole(folder: Path) -> None:
    missing = missing_files(folder)
    if not missing:
        return
    require_safetensors([path.name for path in folder.iterdir()], f"The model folder {folder}")
    weight_files(folder)
    raise UserFacing(
        f"The model folder {folder} lacks {', '.join(missing)}.",
        "Copy the whole checkpoint again; weights must be safetensors files.",
    )


def _folder_card(folder: Path, ref: str, models_dir: Path) -> ModelCard:
    name = Path(ref).name or ref
    title = ref if parse_hub_name(ref) else name
    own, note = folder_templates(folder), prompts_note(folder, models_dir)
    longest = LONGEST_ANSWER_OF_OURS if own or note else LONGEST_ANSWER
    templates = dict(own or _general(folder))
    return ModelCard(name, title, ref, templates=templates, note=note, max_new_tokens=longest)


def _general(folder: Path) -> dict[Mode, Template]:
    return dict(TEXT_TEMPLATES if text_only(folder) else DEFAULT_TEMPLATES)


def _at(card: ModelCard, revision: str) -> ModelCard:
    """The card of a revision that was asked for: two of one repository can be compared."""
    if not revision:
        return card
    short = revision[:12] if HubName("", revision).is_pinned else revision
    return replace(card, name=f"{card.name}@{short}", title=f"{card.title}@{short}", revision=revision)
