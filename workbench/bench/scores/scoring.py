"""Scores of answers and of rubric verdicts. Every function is pure; fractions, not percentages."""

import functools
import math
import operator
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from workbench.bench.questions.units import UnitScore
from workbench.traces import AXES, Axis, answers_match, normalise_answer

Aggregation = Literal["macro", "pooled"]


@dataclass(frozen=True)
class AxisScore:
    """Presence, correctness and their product on one axis, each in 0..1, over `n_units` units."""

    presence: float
    correctness: float
    score: float
    n_units: int


@dataclass(frozen=True)
class Baseline:
    """A guess that needs no image: its hits on `n` questions, and what was guessed where it is one thing."""

    hits: tuple[bool, ...]
    guess: str | None = None

    @property
    def n(self) -> int:
        return len(self.hits)


def axis_score(units: Sequence[UnitScore]) -> AxisScore | None:
    """Score of the units of one axis; None without units.

    Presence is the mean of p/2; correctness the share of c = 1 among units with p ≥ 1 (0 when none is
    engaged); the score is their product (OpenMedReason, arXiv 2606.12169).
    """
    if not units:
        return None
    presence = sum(unit.presence for unit in units) / (2 * len(units))
    engaged = [unit for unit in units if unit.presence >= 1]
    right = sum(unit.correctness == 1 for unit in engaged)
    correctness = right / len(engaged) if engaged else 0.0
    return AxisScore(presence, correctness, presence * correctness, len(units))


def axis_scores(units: Iterable[UnitScore]) -> dict[Axis, AxisScore]:
    """`axis_score` of every axis that has units, in the order perception, knowledge, rationale."""
    units = list(units)
    scored = {axis: axis_score([unit for unit in units if unit.axis == axis]) for axis in AXES}
    return {axis: score for axis, score in scored.items() if score is not None}


def trace_score(axes: dict[Axis, AxisScore]) -> float | None:
    """Mean of the axis scores over the axes that have units; None when none has.

    The project page of OpenMedReason prints ½·Σ instead; its own table is the mean, and so is this.
    """
    return sum(score.score for score in axes.values()) / len(axes) if axes else None


def aggregate(traces: Sequence[Sequence[UnitScore]], how: Aggregation = "macro") -> dict[Axis, AxisScore]:
    """Axis scores of several traces.

    "macro": presence, correctness and score are each the mean over the traces that have units on the axis, so
    the mean score is not the product of the two means. "pooled": all units count as if of one trace.
    """
    if how == "pooled":
        return axis_scores(unit for trace in traces for unit in trace)
    each = [axis_scores(trace) for trace in traces]
    found: dict[Axis, AxisScore] = {}
    for axis in AXES:
        scores = [scored[axis] for scored in each if axis in scored]
        if scores:
            parts = (math.fsum(getattr(s, part) for s in scores) / len(scores) for part in _PARTS)
            found[axis] = AxisScore(*parts, sum(s.n_units for s in scores))
    return found


_PARTS = ("presence", "correctness", "score")


def aggregate_trace_score(traces: Sequence[Sequence[UnitScore]], how: Aggregation = "macro") -> float | None:
    """Trace score of several traces: the mean of theirs ("macro") or that of all units at once ("pooled")."""
    if how == "pooled":
        return trace_score(aggregate(traces, "pooled"))
    scores = [score for trace in traces if (score := trace_score(axis_scores(trace))) is not None]
    return math.fsum(scores) / len(scores) if scores else None


def accuracy(correct: Iterable[bool | None]) -> float | None:
    """Share of right answers; failed ones (None) are left out; None when nothing is left."""
    known = [value for value in correct if value is not None]
    return sum(known) / len(known) if known else None


def exact_match(given: str, gold: str) -> bool:
    """Same answer after normalising case, punctuation, articles and number words."""
    return answers_match(given, gold)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation, the tokens of `token_f1` and `bleu1`; any script."""
    return re.findall(r"\w+", text.lower())


def token_precision(given: str, gold: str) -> float:
    """Share of the given words that the gold answer has, as multisets; 1 if both are empty, 0 if one is."""
    left, right = Counter(words(given)), Counter(words(gold))
    return (left & right).total() / left.total() if left and right else float(left == right)


def token_recall(given: str, gold: str) -> float:
    """Share of the gold answer's words that were given, as multisets; 1 if both are empty, 0 if one is."""
    return token_precision(gold, given)


def token_f1(given: str, gold: str) -> float:
    """F1 of the two multisets of words; 1 when both are empty, 0 when one is."""
    precision, recall = token_precision(given, gold), token_recall(given, gold)
    return 2 * precision * recall / (precision + recall) if precision else 0.0


def bleu1(given: str, gold: str) -> float:
    """Sentence BLEU-1: clipped unigram precision × brevity penalty, one reference, no smoothing."""
    return corpus_bleu1([(given, gold)])


def corpus_bleu1(pairs: Iterable[tuple[str, str | Sequence[str]]]) -> float:
    """Corpus BLEU-1 of (given, gold) pairs: counts summed before dividing; 0 when nothing was given.

    Lower-cased, punctuation stripped. Of several gold answers a word counts as often as in the one that has
    it most, and the length is the nearest one's (the shorter of equals), as in BLEU (Papineni et al., 2002).
    It measures surface overlap only: "no" against "no fracture" scores.
    """
    matched = length = reference = 0
    for given, gold in pairs:
        left = Counter(words(given))
        golds = [Counter(words(text)) for text in ([gold] if isinstance(gold, str) else gold)]
        size = left.total()
        matched += (left & functools.reduce(operator.or_, golds)).total()
        length += size
        reference += min((right.total() for right in golds), key=lambda total: (abs(total - size), total))
    if length == 0:
        return 0.0
    penalty = 1.0 if length >= reference else math.exp(1 - reference / length)
    return penalty * matched / length


def majority_letter(letters: Sequence[str]) -> Baseline:
    """Always the most frequent gold letter (the first of the alphabet among equals)."""
    if not letters:
        return Baseline(())
    guess = _most_frequent(letters)
    return Baseline(tuple(letter == guess for letter in letters), guess)


def majority_answer(golds: Sequence[str]) -> Baseline:
    """Always the most frequent gold answer, after normalising."""
    return majority_letter([plain(gold) for gold in golds])


@lru_cache(maxsize=65536)  # the same few answers and questions come back a hundred thousand times
def plain(text: str) -> str:
    """`normalise_answer`, remembered."""
    return normalise_answer(text)


def question_majority(pairs: Sequence[tuple[str, str]]) -> Baseline:
    """For each (question, gold): the most frequent gold of that same normalised question.

    Nothing is left out: the guess has seen the golds it is scored on, so a question asked once is always
    right, and the baseline is generous to the guess. It says how much the questions alone give away.
    """
    golds: dict[str, list[str]] = {}
    asked = [(plain(question), plain(gold)) for question, gold in pairs]
    for question, gold in asked:
        golds.setdefault(question, []).append(gold)
    guesses = {question: _most_frequent(found) for question, found in golds.items()}
    return Baseline(tuple(gold == guesses[question] for question, gold in asked))


def _most_frequent(values: Sequence[str]) -> str:
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))
