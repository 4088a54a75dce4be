"""Maps of every word and step of a case by one method: what the viewer holds at once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.evidence import Evidence
from workbench.explain.explanations import Given, cost_of, explain_spans
from workbench.explain.heatmap import HeatMap, Refusal, Span, weights_refusal
from workbench.explain.methods.registry import METHODS
from workbench.explain.spans import case_spans

WORD_PASSES = 250  # beyond this, a method that runs the model makes one map a step and not one a word


@dataclass(frozen=True)
class MapSet:
    """Maps of `spans` by one method; a part of the answer that has no map has no span here.

    `values` float32 `[S, P]`; `image_share` float32 `[S]`; `picture_of` int64 `[P]` is the picture of each
    patch (left out: there is one); `refused` says why when there is no map at all.
    """

    method: str
    label: str
    unit: str
    signed: bool
    caveat: str
    spans: tuple[Span, ...]
    values: np.ndarray
    image_share: np.ndarray
    boxes: np.ndarray
    refused: Refusal | None
    seconds: float
    note: str = ""
    picture_of: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if len(self.picture_of) != len(self.boxes):
            object.__setattr__(self, "picture_of", np.zeros(len(self.boxes), np.int64))

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each span by its key."""
        return {span.key: row for row, span in enumerate(self.spans)}

    def map(self, key: str) -> HeatMap | None:
        """The map of the span called `key`; None when it has none."""
        row = self.rows.get(key)
        if row is None:
            return None
        meta = {"method": self.method, "label": self.label, "caveat": self.caveat, "note": self.note}
        share = float(self.image_share[row])
        about = (self.signed, self.unit, share, meta, self.spans[row])
        return HeatMap(self.values[row], self.boxes, *about, picture_of=self.picture_of)


def case_maps(
    case: AnsweredCase,
    method: str,
    params: Given | None = None,
    *,
    evidence: Evidence | None = None,
) -> MapSet:
    """Maps of every word and step of a case; raises UserFacing for an unknown method.

    A method that would take more than WORD_PASSES passes makes one map a step, which its words share.
    """
    began = time.monotonic()
    chosen = METHODS.get_or_raise(method)
    spans = case_spans(case)
    maps = _maps(case, method, spans, params, evidence)
    boxes = case.prompt.boxes
    about = (method, chosen.label, chosen.unit, chosen.signed, chosen.caveat)
    if isinstance(maps, Refusal) or not maps:
        refused = maps if isinstance(maps, Refusal) else Refusal("There is nothing to explain.", "Ask again.")
        none = np.zeros((0, len(boxes)), np.float32)
        shares = np.zeros(0, np.float32)
        seconds = time.monotonic() - began
        return MapSet(*about, (), none, shares, boxes, refused, seconds, picture_of=case.prompt.picture_of)
    return MapSet(
        *about, spans,
        np.stack([heat.values for heat in maps]),
        np.array([heat.image_share for heat in maps], np.float32),
        maps[0].boxes, None, time.monotonic() - began, str(maps[0].meta["note"]),
        case.prompt.picture_of,
    )  # fmt: skip


def _maps(
    case: AnsweredCase, method: str, spans: tuple[Span, ...], params: Given | None, evidence: Evidence | None
) -> list[HeatMap] | Refusal:
    if refused := weights_refusal(case.model):
        return refused
    cost = cost_of(case.prompt, len(spans), method, params)
    if isinstance(cost, Refusal) or cost.forwards + cost.backwards <= WORD_PASSES:
        return explain_spans(case, spans, method, params, evidence=evidence)
    words = sum(span.kind == "word" for span in spans)
    maps = explain_spans(case, spans[words:], method, params, evidence=evidence)
    if isinstance(maps, Refusal):
        return maps
    note = "One map a step: the words of a step share it."
    shared = [
        replace(heat, meta=heat.meta | {"note": f"{note} {heat.meta['note']}".strip()}) for heat in maps
    ]
    return [*(shared[_step_row(span, spans[words:])] for span in spans[:words]), *shared]


def _step_row(word: Span, others: tuple[Span, ...]) -> int:
    """The row of the step that a word stands in; a word outside every step gets the last row, the whole."""
    inside = (n for n, row in enumerate(others) if row.kind == "step" and set(word.tokens) & set(row.tokens))
    return next(inside, len(others) - 1)
