"""The explanation nouns: what a map explains, the map itself, and the honest alternative to it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench import explain

if TYPE_CHECKING:
    from workbench.imaging.medical_image import MedicalImage

SpanKind = Literal["token", "word", "step", "answer", "all"]


@dataclass(frozen=True)
class Span:
    """A non-empty set of answer token indices with a label; special tokens are never members.

    `key` names the span within its answer: `answer`, `all`, `step:K` (K is `Step.index`), `word:K` (the K-th
    display word) or `token:K`, all counted from 0. Left out, it is the kind and, but for answer and all, the
    first token.
    """

    kind: SpanKind
    label: str
    tokens: tuple[int, ...]
    key: str = ""

    def __post_init__(self) -> None:
        if not self.tokens:
            raise ValueError(f"span {self.label!r} holds no tokens")
        if not self.key:
            whole = self.kind in ("answer", "all")
            object.__setattr__(self, "key", self.kind if whole else f"{self.kind}:{self.tokens[0]}")


@dataclass(frozen=True)
class HeatMap:
    """Evidence per image patch.

    `values` float32 `[P]`, finite, in the method's own unit (never min-max scaled here);
    `boxes` float32 `[P, 4]` x0, y0, x1, y1 in original image pixels;
    `image_share` is the fraction of the evidence that came from the image at all; `span` is what the map
    explains (None for a map that no answer stands behind, such as a prior), `image` what it lies over.
    """

    values: np.ndarray
    boxes: np.ndarray
    signed: bool
    unit: str
    image_share: float
    meta: dict[str, Any] = field(default_factory=dict)
    span: Span | None = None
    image: "MedicalImage | None" = None

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.boxes.shape != (self.values.shape[0], 4):
            raise ValueError(
                f"values {self.values.shape} do not match boxes {self.boxes.shape}; want [P] and [P, 4]"
            )
        if not np.isfinite(self.values).all():
            raise ValueError("heat map holds a value that is not finite")

    def __repr__(self) -> str:
        return explain.map_text(self)

    def _repr_png_(self) -> bytes | None:
        return explain.map_png(self)

    def _repr_html_(self) -> str:
        return explain.map_html(self)


@dataclass(frozen=True)
class Refusal:
    """Returned instead of a map that can't be computed; there is no fallback map."""

    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"No map: {self.reason} {self.hint}".strip()
