"""The catalogue as it looks from this machine: what each model is, and whether it fits here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.models.catalogue import ModelCard, load_catalogue
from workbench.models.checkpoints.memory import Device, Fit, fits, gigabytes, here
from workbench.models.templates import records
from workbench.settings import Settings

FORMATS = ("bfloat16", "8bit", "4bit")


@dataclass(frozen=True)
class Offer:
    """One catalogue entry on this machine. `fit` is None where its size is not known; `why_not` says why it
    can't be loaded here, "" where it can be tried."""

    card: ModelCard
    fit: Fit | None
    why_not: str

    @property
    def verdict(self) -> str:
        """`fits`, `fits in 8 bit`, `fits in 4 bit`, `does not fit`, `no weights` or `size not known`."""
        if self.card.kind == "published":
            return "no weights"
        return self.fit.verdict if self.fit else "size not known"

    def to_json(self) -> dict[str, Any]:
        """Every fact of the card, with what this machine makes of it."""
        card = asdict(self.card) | {"templates": records(self.card.templates)}
        found = {"verdict": self.verdict, "loadable": not self.why_not, "why_not": self.why_not or None}
        if self.fit is not None:
            found |= {
                "sentence": self.fit.sentence,
                "needed_bytes": self.fit.needed,
                "available_bytes": self.fit.available,
                "needs": {name: self.fit.needs[name] for name in self.fit.needs},
            }
        return card | {"here": found}

    def sizes(self) -> str:
        """Memory in words at 16, 8 and 4 bit: "17.5 GB / 9.9 GB / 6.1 GB"."""
        if self.fit is None:
            return "not known"
        return " / ".join(gigabytes(self.fit.needs[name]) for name in FORMATS)


def offers(settings: Settings, device: Device | None = None) -> list[Offer]:
    """Every entry of the catalogue, in its order; `device` is the one that would be used, unless it is given.

    An adapter needs what its base needs. Raises UserFacing when the catalogue can't be read.
    """
    catalogue, device = load_catalogue(settings.models_dir), device or here(settings.device, settings.dtype)
    return [_offer(card, catalogue, settings, device) for card in catalogue.values()]


def _offer(card: ModelCard, catalogue: Mapping[str, ModelCard], settings: Settings, device: Device) -> Offer:
    weights = catalogue.get(card.base, card) if card.kind == "adapter" else card
    folder = settings.models_dir / card.location
    size = folder if card.bundled and folder.is_dir() else weights
    fit = None if card.kind == "published" else fits(size, device)
    return Offer(card, fit, _why_not(card, fit, settings))


def _why_not(card: ModelCard, fit: Fit | None, settings: Settings) -> str:
    if card.kind == "published":
        return "Its weights are not public; the published figures are on the Benchmark screen."
    if settings.public and not {card.name, card.location} & {*settings.public_models, *_pair(settings)}:
        return "The owner of this page has not enabled it."
    return fit.sentence if fit is not None and fit.verdict == "does not fit" else ""


def _pair(settings: Settings) -> tuple[str, str]:
    return settings.base, settings.tuned
