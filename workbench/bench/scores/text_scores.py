"""Short answers: the figures of one beside each other, and macro-F1 over a set."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.bench.scores.scoring import bleu1, exact_match, plain, token_f1, token_precision, token_recall

Pair = tuple[str, str]  # (given, gold)


@dataclass(frozen=True)
class ClassScore:
    """One gold answer as a class: precision, recall and F1 in 0..1, and how often it is the gold answer."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def macro_f1(classes: Sequence[ClassScore]) -> float | None:
    """Mean F1 of the classes, each counting the same; None without any."""
    return math.fsum(score.f1 for score in classes) / len(classes) if classes else None


def class_scores(pairs: Sequence[Pair]) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of every normalised gold answer, sorted by name.

    Classes are the gold answers only: an answer that is nobody's gold costs the recall of its own item's
    class and makes no class of its own (scikit-learn's default counts such answers as classes with F1 0).
    A class that is never given has precision 0.
    """
    normalised = [(plain(given), plain(gold)) for given, gold in pairs]
    support = Counter(gold for _, gold in normalised)
    given_counts = Counter(given for given, _ in normalised)
    right = Counter(gold for given, gold in normalised if given == gold)
    return tuple(
        ClassScore(
            name,
            right[name] / given_counts[name] if given_counts[name] else 0.0,
            right[name] / support[name],
            2 * right[name] / (given_counts[name] + support[name]),
            support[name],
        )
        for name in sorted(support)
    )


_FIGURES = {
    "exact_match": exact_match,
    "bleu1": bleu1,
    "token_f1": token_f1,
    "token_precision": token_precision,
    "token_recall": token_recall,
}


def short_answer_scores(given: str, golds: Sequence[str]) -> dict[str, float]:
    """The figures of one answer in 0..1, by the names of ANSWER_METRICS: each the best over `golds`.

    BLEU-1 is the sentence's. Raises ValueError without a gold answer.
    """
    if not golds:
        raise ValueError("give at least one gold answer")
    return {name: max(float(score(given, gold)) for gold in golds) for name, score in _FIGURES.items()}
