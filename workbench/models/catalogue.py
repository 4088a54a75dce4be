"""Model cards: what each known model is, as data.

`assets/models/catalogue.json` holds the shipped pair, `assets/catalogue.json` the systems that others made.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from workbench.errors import UserFacing
from workbench.models.answer import Mode
from workbench.models.templates import DEFAULT_TEMPLATES, Template, templates_of
from workbench.places import ASSETS

SYSTEMS = ASSETS / "catalogue.json"
LONGEST_ANSWER = 1024  # tokens, where nobody says how long the traces of a model are
LONGEST_ANSWER_OF_OURS = 256  # models trained by the recipes of this project write short traces
Kind = Literal["checkpoint", "adapter", "published"]
Access = Literal["open", "gated", "unavailable"]
Ability = Literal[
    "image", "several images", "text only", "trace", "modality tag", "options", "open answers", "multi-turn"
]


@dataclass(frozen=True)
class Sampling:
    """How several answers to one question are drawn: how many, and how; `top_k` 0 keeps every token."""

    answers: int = 4
    temperature: float = 0.7
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0


@dataclass(frozen=True)
class ModelCard:
    """One catalogue entry. `location` is a folder under the models folder or a hub id.

    `kind` "adapter" stands on the weights of the entry `base`, "published" has figures but no weights. `base`
    also names the untuned model that a checkpoint is compared with. `parameters` counts them all,
    `active_parameters` those that one token uses; None where nobody says. `max_new_tokens` is the longest
    answer, `max_pixels` the largest picture that the model is shown, None for the checkpoint's own budget.
    `figures` names the system of the published figures. `note` is a sentence that whoever reads this model's
    answers must know, empty as a rule.
    """

    name: str
    title: str
    location: str
    revision: str | None = None
    role: str = ""
    licence: str = "see the model's own page"
    summary: str = ""
    templates: dict[Mode, Template] = field(default_factory=lambda: dict(DEFAULT_TEMPLATES))
    takes_image: bool = True
    bundled: bool = False
    note: str = ""
    system: str = ""
    kind: Kind = "checkpoint"
    access: Access = "open"
    base: str = ""
    family: str = ""
    paper: str = ""
    page: str = ""
    parameters: int | None = None
    active_parameters: int | None = None
    abilities: tuple[Ability, ...] = ()
    grammar: str = ""
    explains: str = ""
    figures: str = ""
    max_new_tokens: int = LONGEST_ANSWER
    max_pixels: int | None = None
    sampling: Sampling = field(default_factory=Sampling)

    @classmethod
    def of(cls, name: str, entry: Mapping[str, Any]) -> "ModelCard":
        """A card from the object of a catalogue file. Raises ValueError or TypeError for what it can't be."""
        values = dict(entry)
        if "templates" in values:
            values["templates"] = templates_of(values["templates"])
        if "sampling" in values:
            values["sampling"] = Sampling(**values["sampling"])
        values["abilities"] = tuple(values.get("abilities", ()))
        card = cls(name=name, **values)
        known = set(get_args(Ability))
        if card.kind not in get_args(Kind) or card.access not in get_args(Access):
            raise ValueError(f"{name}: no such kind {card.kind!r} or access {card.access!r}")
        if unknown := set(card.abilities) - known:
            raise ValueError(f"{name}: no such ability {', '.join(sorted(unknown))}")
        return card

    def longest_answer(self, wanted: int | None) -> int:
        """Tokens of an answer: what a person wants, else what this model needs for a whole trace."""
        return wanted or self.max_new_tokens

    def asked_with(self, templates: Mapping[Mode, Template]) -> "ModelCard":
        """The same model, asked in other words."""
        return replace(self, templates=dict(templates))


def load_catalogue(models_folder: Path) -> dict[str, ModelCard]:
    """Name → card: those of the models folder, then the systems of others.

    Raises UserFacing when a catalogue file is missing or broken.
    """
    return _cards(models_folder / "catalogue.json") | _cards(SYSTEMS)


def _cards(path: Path) -> dict[str, ModelCard]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        for entry in entries.values():
            if isinstance(same := entry.get("templates"), str):  # asked in the words of another entry
                entry["templates"] = entries[same]["templates"]
        return {name: ModelCard.of(name, entry) for name, entry in entries.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserFacing(
            f"The model catalogue {path} cannot be read.", "Restore the file from the project."
        ) from error


def is_hub_id(ref: str) -> bool:
    """Whether a reference looks like owner/name rather than a path."""
    return ref.count("/") == 1 and not ref.startswith((".", "~", "/"))


def card_for(ref: str, catalogue: Mapping[str, ModelCard]) -> ModelCard | None:
    """The card of a catalogue name or of the location that an entry names, if any."""
    placed = (card for card in catalogue.values() if card.location and card.location == ref)
    return catalogue.get(ref) or next(placed, None)
