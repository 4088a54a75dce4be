"""What an attribution method declares. One file a method family; register it in `methods/__init__.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal

Params = Mapping[str, int]


@dataclass(frozen=True)
class Param:
    """An integer setting that the screen builds a control from; `limit` names the evidence size above it."""

    name: str
    label: str
    limit: Literal["layers", "heads"]
    default: int = 0


@dataclass(frozen=True)
class TokenMaps:
    """Maps of every answer token: `values` `[T, P]`, `share` `[T]` of the evidence that came from the image.

    `image_weight` and `whole_weight` `[T]` are what a span's share is pooled from: Σ image / Σ whole.
    """

    values: np.ndarray
    image_weight: np.ndarray
    whole_weight: np.ndarray
    note: str = ""

    @property
    def share(self) -> np.ndarray:
        return self.image_weight / np.maximum(self.whole_weight, 1e-12)


@dataclass(frozen=True)
class Method:
    """An attribution method over the shared pass.

    `pool` says how token maps make a span's map: "sum" for additive quantities, "mean" for attention.
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
