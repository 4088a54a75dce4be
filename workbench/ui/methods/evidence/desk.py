"""What the shared pass tells beside maps: sources of each word, all heads, both models on the same words.

Takes and returns plain data. Importing this module loads no model code; calling it does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import explain
from workbench.errors import UserFacing
from workbench.ui.methods.compute import shared_pass
from workbench.ui.methods.desk import Comparison, Entry, MethodsDesk

if TYPE_CHECKING:
    from workbench.cases.words import Word
    from workbench.explain import HeatMap

NOT_YET = UserFacing("There is no shared pass yet.", "Compute an attention or a logit method first.")


@dataclass(frozen=True)
class WordSource:
    """A word of the answer and where its rows read from: `shares` `[4]` over `timeline.GROUPS`, sum 1."""

    text: str
    shares: np.ndarray


@dataclass(frozen=True)
class WordChange:
    """Log probability in nats, summed over the word's tokens, that each model gives the same word."""

    text: str
    base: float
    tuned: float

    @property
    def delta(self) -> float:
        """Tuned − base, nats."""
        return self.tuned - self.base


@dataclass(frozen=True)
class BothModels:
    """Both models forced onto one answer: its words, and each model's map by `entry`'s method.

    `change` is tuned − base in the same unit; `same_prompt` tells whether both read the same prompt tokens.
    """

    entry: Entry
    words: tuple[WordChange, ...]
    base: "HeatMap"
    tuned: "HeatMap"
    change: "HeatMap"
    same_prompt: bool


def word_sources(running: Comparison) -> list[WordSource]:
    """Attention of every word's rows by group, mean over layers, heads and the word's tokens.

    Empty while no method has read the shared pass; words of special tokens alone are left out.
    """
    if running.evidence is None:
        return []
    attention = explain.timeline(running.evidence).attention
    return [
        WordSource(word.text, attention[word.token_start : word.token_end].mean(0))
        for word in running.case.words
        if word.token_end > word.token_start
    ]


def word_changes(words: "Sequence[Word]", base: np.ndarray, tuned: np.ndarray) -> tuple[WordChange, ...]:
    """Two models' log probabilities `[T]` of the same tokens, summed by word, largest change first."""
    found = [
        WordChange(
            word.text, *(float(side[word.token_start : word.token_end].sum()) for side in (base, tuned))
        )
        for word in words
        if word.token_end > word.token_start
    ]
    return tuple(sorted(found, key=lambda word: -abs(word.delta)))


def shared_entry(running: Comparison | None) -> Entry | None:
    """The first method of the comparison that has a map from the shared pass."""
    maps = [] if running is None else running.maps
    return next((entry for entry in maps if explain.METHODS[entry.name].is_shared), None)


def compare_both(methods: MethodsDesk, session_id: str) -> Comparison:
    """Fill in `both` by the first shared-pass method on the page. Call it in the model lane.

    Raises UserFacing without such a map, and when the models can't be compared on the same words.
    """
    running, entry = _ready(methods, session_id)
    page = methods.sessions.of(session_id)
    if running.both is None and page.run is not None:
        running.both = _both(running, entry, methods.services.pair(page.run.replaced))
    return running


def _both(running: Comparison, entry: Entry, pair: Mapping[str, Any]) -> BothModels:
    if len(pair) < 2:
        raise UserFacing("Only one model is loaded.", "Load the other one on the Models tab to compare both.")
    params = entry.heat.meta["params"]
    found = explain.compare(running.case, pair["base"], pair["tuned"], [running.span], entry.name, params)
    if isinstance(found, explain.Refusal):
        raise UserFacing(found.reason, found.hint)
    words = word_changes(running.case.words, found.base_logprobs, found.tuned_logprobs)
    maps = (found.base_maps[0], found.tuned_maps[0], found.maps[0])
    shown = (heat.on_sheet(running.case.sheet) for heat in maps)
    return BothModels(entry, words, *shown, found.same_prompt)


def show_heads(methods: MethodsDesk, session_id: str) -> Comparison:
    """Fill in `heads`, every head's map of the span. Raises UserFacing without a shared pass."""
    running, _ = _ready(methods, session_id)
    if running.heads is None:
        heads, case = explain.head_grid(shared_pass(running), running.span), running.case
        boxes = case.sheet.boxes(heads.boxes, case.prompt.picture_of)
        running.heads = replace(heads, boxes=boxes)
    return running


def _ready(methods: MethodsDesk, session_id: str) -> tuple[Comparison, Entry]:
    running = methods.sessions.of(session_id).comparison
    entry = shared_entry(running)
    if running is None or entry is None:
        raise NOT_YET
    return running, entry
