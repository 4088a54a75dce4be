"""What an attribution method declares. One file a method family; register it in `methods/__init__.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal

Params = Mapping[str, int]
ATTENTION_SHARE = "attention that the word's row gives to the image, mean over layers and heads"


@dataclass(frozen=True)
class Param:
    """A whole-number setting that the screen builds a control from.

    Allowed from `minimum` up, below the size that `limit` names, or else to `maximum`.
    """

    name: str
    label: str
    limit: Literal["layers", "heads", "vocabulary"] | None = None
    default: int = 0
    minimum: int = 0
    maximum: int = 0


@dataclass(frozen=True)
class TokenMaps:
    """Maps of every answer token: `values` `[T, P]`, `share` `[T]` of the evidence that came from the image.

    `image_weight` and `whole_weight` `[T]` are what a span's share is pooled from: Σ image / Σ whole.
    `void` are tokens about which the method can say nothing, for the reason `void_reason`; their rows are 0.
    """

    values: np.ndarray
    image_weight: np.ndarray
    whole_weight: np.ndarray
    note: str = ""
    void: frozenset[int] = frozenset()
    void_reason: str = ""

    @property
    def share(self) -> np.ndarray:
        return self.image_weight / np.maximum(self.whole_weight, 1e-12)


@dataclass(frozen=True)
class Method:
    """An attribution method over the shared pass.

    `pool` says how token maps make a span's map: "sum" for additive quantities, "mean" for the others.
    `description` is one sentence on what the map means, `caveat` on when it misleads, `share_meaning` on what
    the image share beside it counts. `compute` gets settings that `settled` has checked.
    """

    name: str
    label: str
    description: str
    caveat: str
    unit: str
    signed: bool
    pool: Literal["mean", "sum"]
    compute: Callable[[Evidence, Params], TokenMaps | Refusal]
    params: tuple[Param, ...] = ()
    share_meaning: str = ATTENTION_SHARE


def settled(method: Method, params: Params, evidence: Evidence) -> dict[str, int] | Refusal:
    """All settings of the method, defaults filled in; a Refusal in words for an unknown or outlying one."""
    known = {param.name: param for param in method.params}
    unknown = [name for name in params if name not in known]
    if unknown:
        have = ", ".join(known) or "none"
        return Refusal(f"{method.label} has no setting called {unknown[0]!r}.", f"Its settings: {have}.")
    out = {name: params.get(name, param.default) for name, param in known.items()}
    for name, value in out.items():
        low, high = known[name].minimum, highest(known[name], evidence)
        if not low <= value <= high:
            return Refusal(
                f"This model has no {known[name].label.lower()} {value}."
                if known[name].limit
                else f"{known[name].label} is {value}, which {method.label} can't use.",
                f"Choose a whole number from {low} to {high}.",
            )
    return out


def highest(param: Param, evidence: Evidence) -> int:
    """The highest value a setting may have for this evidence."""
    sizes = {
        "layers": evidence.attention.shape[0],
        "heads": evidence.attention.shape[1],
        "vocabulary": evidence.vocabulary,
    }
    return param.maximum if param.limit is None else sizes[param.limit] - 1
