"""From an answered case and a method to how much each word of the question and each step carried."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import Refusal, Span, weights_refusal
from workbench.explain.methods.attribution import Cost
from workbench.explain.methods.passes import Stopped
from workbench.explain.spans import case_spans
from workbench.explain.text.methods import TEXT_METHODS, TextAttribution, TextMethod
from workbench.explain.text.units import TextUnit, reach_table, text_units
from workbench.models.forced import placeholder_in

SHOWN = 5  # units that a map in words names


@dataclass(frozen=True)
class TextMap:
    """How much each unit carried a span: `values` float32 `[U]` in `unit`, above 0 for it.

    `reach` bool `[U]`: False for a unit that stands after the span, or in it, and so can't have carried it;
    its value is 0.
    """

    method: str
    label: str
    unit: str
    caveat: str
    span: Span
    units: tuple[TextUnit, ...]
    values: np.ndarray
    reach: np.ndarray
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, ...]:
        """The units that can have carried the span, what carried it most first."""
        order = np.argsort(-self.values, kind="stable")
        return tuple(int(unit) for unit in order if self.reach[unit])

    def __str__(self) -> str:
        lines = [f"{self.label} for {self.span.label!r} ({self.unit}):"]
        shown = sorted(self.order, key=lambda unit: -abs(self.values[unit]))[:SHOWN]
        for at in shown:
            unit = self.units[at]
            place = "question" if unit.step is None else f"step {unit.step + 1}"
            lines.append(f"  {self.values[at]:+.3f}  {unit.text!r} ({place})")
        return "\n".join(lines)

    __repr__ = __str__


@dataclass(frozen=True)
class TextMaps:
    """Text maps of many spans at once: `values` float32 and `reach` bool `[S, U]`; or why there are none."""

    method: str
    label: str
    unit: str
    caveat: str
    spans: tuple[Span, ...]
    units: tuple[TextUnit, ...]
    values: np.ndarray
    reach: np.ndarray
    refused: Refusal | None
    seconds: float
    spent: Cost = Cost(0)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each span by its key."""
        return {span.key: row for row, span in enumerate(self.spans)}


def explain_text(
    case: AnsweredCase,
    span: Span,
    method: str = "text_occlusion",
    stop: threading.Event | None = None,
) -> TextMap | Refusal:
    """How much each word of the question and each earlier step carried one span of the answer.

    Works with and without a picture. Raises UserFacing for an unknown method.
    """
    maps = _computed(case, TEXT_METHODS.get_or_raise(method), (span,), stop)
    if maps.refused is not None:
        return maps.refused
    meta = {
        "method": maps.method, "label": maps.label, "unit": maps.unit, "caveat": maps.caveat, "signed": True,
        "seconds": round(maps.seconds, 4), "forwards": maps.spent.forwards,
        "backwards": maps.spent.backwards, "model": case.model.name, "revision": case.model.revision,
    }  # fmt: skip
    return TextMap(
        maps.method, maps.label, maps.unit, maps.caveat, span, maps.units, maps.values[0], maps.reach[0], meta
    )


def text_maps(case: AnsweredCase, method: str, stop: threading.Event | None = None) -> TextMaps:
    """Text maps of every part of an answer; raises UserFacing for an unknown method.

    Single words have one only where that costs nothing more (`TextMethod.words`).
    """
    chosen, spans = TEXT_METHODS.get_or_raise(method), case_spans(case)
    wanted = tuple(span for span in spans if chosen.words or span.kind != "word")
    return _computed(case, chosen, wanted, stop)


def _computed(
    case: AnsweredCase, method: TextMethod, spans: Sequence[Span], stop: threading.Event | None
) -> TextMaps:
    began, spans = time.monotonic(), tuple(spans)
    units = text_units(case) if case.answer.ids else ()
    about = (method.name, method.label, method.unit, method.caveat, spans, units)
    refused = _refusal(case, method, units, spans)
    values, spent = np.zeros((len(spans), len(units)), np.float32), Cost(0)
    reach = values.astype(bool)
    if refused is None:
        reach = reach_table(case, units, spans).any(-1)
        try:
            values, spent = method.compute(TextAttribution(case, units, spans, stop))
            if not np.isfinite(values).all():
                refused = Refusal("The model's numbers overflowed on this answer.", "Try float32.")
        except Stopped:
            refused = Refusal("Stopped.", f"Ask again for {method.label} to start anew.")
        except torch.OutOfMemoryError:
            refused = Refusal(f"There is too little memory for {method.label}.", "Try a smaller model.")
    return TextMaps(*about, values.astype(np.float32), reach, refused, time.monotonic() - began, spent)


def _refusal(
    case: AnsweredCase, method: TextMethod, units: Sequence[TextUnit], spans: Sequence[Span]
) -> Refusal | None:
    if (gone := weights_refusal(case.model)) is not None:
        return gone
    if not case.answer.ids or not spans:
        return Refusal("The model wrote nothing that could be explained.", "Ask again.")
    if placeholder_in(case.prompt, case.answer.ids) is not None:
        return Refusal("The answer holds the sign that stands for a picture.", "Ask in other words.")
    if not units:
        return Refusal("This model's tokens don't spell the question as it was asked.", "Use another model.")
    if method.gradients and not case.model.can_backpropagate:
        return Refusal(
            f"{method.label} needs gradients, which {case.model.label} can't give as it is loaded.",
            "Use text_occlusion, which needs none.",
        )
    return None
