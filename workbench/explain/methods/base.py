"""What an attribution method declares. One file a method family; register it in `methods/__init__.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.explain.evidence import Evidence
from workbench.explain.heatmap import Refusal
from workbench.explain.methods.params import Param, Params

ATTENTION_SHARE = "attention that the word's row gives to the image, mean over layers and heads"


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
