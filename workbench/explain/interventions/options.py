"""Shuffled options: the same question with the options in another order, mapped back to their texts."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, permutations
from math import factorial

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.interventions.regenerate import Regenerated, regenerate
from workbench.models.prompts import LETTERS
from workbench.traces import resolve_option
from workbench.traces.trace import Trace

SHUFFLES = 3


@dataclass(frozen=True)
class Shuffle:
    """One order of the options; `chosen` is the text of the option that the answer means, or None."""

    options: tuple[str, ...]
    regenerated: Regenerated
    chosen: str | None


@dataclass(frozen=True)
class ShuffleOutcome:
    """`original` is the option text that the original answer means; `shuffles` grows to `planned`."""

    original: str | None
    planned: int
    shuffles: tuple[Shuffle, ...] = ()

    @property
    def consistent(self) -> int:
        """How many orders led to the same option text; an answer that means none counts as another one."""
        return sum(s.chosen is not None and s.chosen == self.original for s in self.shuffles)


def shuffled_orders(count: int, wanted: int, seed: int) -> list[tuple[int, ...]]:
    """Up to `wanted` different orders of `count` options, seeded; never the given one."""
    if count <= 6:
        orders = list(islice(permutations(range(count)), 1, None))
        picked = np.random.default_rng(seed).permutation(len(orders))[:wanted]
        return [orders[i] for i in picked]
    rng, found = np.random.default_rng(seed), dict[tuple[int, ...], None]()
    while len(found) < min(wanted, factorial(count) - 1):
        order = tuple(int(i) for i in rng.permutation(count))
        if order != tuple(range(count)):
            found[order] = None
    return list(found)


def chosen_option(trace: Trace, options: tuple[str, ...]) -> str | None:
    """Text of the option that an answer means among options in the order shown; None when unclear."""
    letter = trace.answer_letter or resolve_option(trace.answer_text, options)
    place = LETTERS.find(letter) if letter else -1
    return options[place] if 0 <= place < len(options) else None


def probe_options(
    case: AnsweredCase, seed: int = 0, count: int = SHUFFLES, stop: threading.Event | None = None
) -> Iterator[ShuffleOutcome]:
    """Ask again with shuffled options; yields after every order. Raises UserFacing without two options."""
    question = case.prompt.question
    if len(question.options) < 2:
        raise UserFacing("The question has no options to shuffle.", "Give at least two, and ask again.")
    orders = shuffled_orders(len(question.options), count, seed)
    outcome = ShuffleOutcome(chosen_option(case.trace, question.options), len(orders))
    for order in orders:
        if stop is not None and stop.is_set():
            return
        options = tuple(question.options[i] for i in order)
        prompt = case.model.prepare(replace(question, options=options), case.images)
        asked = replace(case, prompt=replace(case.prompt, question=prompt.question))
        written = regenerate(asked, prompt, "Shuffled options", stop)
        chosen = chosen_option(written.trace, options)
        told = replace(written, same_answer=None if chosen is None else chosen == outcome.original)
        outcome = replace(outcome, shuffles=(*outcome.shuffles, Shuffle(options, told, chosen)))
        yield outcome
