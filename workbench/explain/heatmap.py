"""The explanation nouns: what a map explains, the map itself, and the honest alternative to it."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench import explain
from workbench.models.served.elsewhere import weights_elsewhere

if TYPE_CHECKING:
    from workbench.explain.sheet import Sheet
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
    `boxes` float32 `[P, 4]` x0, y0, x1, y1 in pixels of the patch's own original image;
    `image_share` is the fraction of the evidence that came from the images at all; `span` is what the map
    explains (None for a map that no answer stands behind, such as a prior). `images` is what it lies over,
    `image` the first of them; `picture_of` int64 `[P]` is the picture of each patch. Left out, there is one.
    """

    values: np.ndarray
    boxes: np.ndarray
    signed: bool
    unit: str
    image_share: float
    meta: dict[str, Any] = field(default_factory=dict)
    span: Span | None = None
    image: "MedicalImage | None" = None
    picture_of: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    images: "tuple[MedicalImage, ...]" = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.boxes.shape != (self.values.shape[0], 4):
            raise ValueError(
                f"values {self.values.shape} do not match boxes {self.boxes.shape}; want [P] and [P, 4]"
            )
        if not np.isfinite(self.values).all():
            raise ValueError("heat map holds a value that is not finite")
        if len(self.picture_of) != len(self.values):
            object.__setattr__(self, "picture_of", np.zeros(len(self.values), np.int64))
        if not self.images and self.image is not None:
            object.__setattr__(self, "images", (self.image,))

    @property
    def pictures(self) -> int:
        """How many pictures the map lies over."""
        return max(len(self.images), int(self.picture_of.max(initial=0)) + 1)

    @property
    def picture_shares(self) -> tuple[float, ...]:
        """Each picture's part of the map, Σ|values| of its patches over that of all; 0 for an empty map."""
        size = np.abs(self.values.astype(np.float64))
        parts = np.bincount(self.picture_of, size, self.pictures)
        return tuple((parts / size.sum()).tolist()) if size.sum() > 0 else (0.0,) * self.pictures

    def of_picture(self, number: int) -> "HeatMap":
        """The map over one picture, counted from 0; its image share is that picture's part.

        Raises IndexError for a picture that the map doesn't lie over.
        """
        if not 0 <= number < self.pictures:
            raise IndexError(f"the map lies over {self.pictures} pictures, so there is no number {number}")
        if self.pictures == 1:
            return self
        inside = self.picture_of == number
        return replace(
            self,
            values=self.values[inside],
            boxes=self.boxes[inside],
            image_share=self.image_share * self.picture_shares[number],
            meta=self.meta | {"picture": number},
            image=self.images[number] if self.images else None,
            picture_of=np.zeros(int(inside.sum()), np.int64),
            images=self.images[number : number + 1],
        )

    def on_sheet(self, sheet: "Sheet") -> "HeatMap":
        """The same map over one picture, the sheet of all its pictures; a map over one picture is its own."""
        if self.pictures == 1:
            return self
        boxes, image = sheet.boxes(self.boxes, self.picture_of), sheet.image
        none = np.zeros(len(boxes), np.int64)
        parts = (f"picture {number} {share:.0%}" for number, share in enumerate(self.picture_shares, 1))
        note = f"All pictures on one sheet, the first on top; of the map lie on {', '.join(parts)}."
        meta = self.meta | {"note": f"{note} {self.meta.get('note', '')}".strip()}
        return replace(self, boxes=boxes, meta=meta, image=image, picture_of=none, images=(image,))

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


def weights_refusal(model: Any) -> Refusal | None:
    """Why nothing can be mapped or measured that needs the model's weights; None where they are here."""
    gone = weights_elsewhere(model)
    return None if gone is None else Refusal(gone.message, gone.hint)
