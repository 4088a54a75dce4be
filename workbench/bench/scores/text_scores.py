"""Scores of short free-text answers over a set: token F1, BLEU-1 and macro-F1.

BLEU-1 as used here (`scoring.bleu1`, `scoring.corpus_bleu1`): lower case, punctuation dropped, one reference,
unigram counts clipped at the reference's, times the brevity penalty exp(1 - r/c) for c < r; no smoothing.
"sentence" is the mean of the answers' own scores, "corpus" sums the counts of all answers before dividing.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.bench.scores.numbers import number
from workbench.bench.scores.scoring import bleu1, corpus_bleu1, plain, token_f1
from workbench.bench.store.results import Result
from workbench.bench.store.run_lines import answered, chosen

Pair = tuple[str, str]  # (given, gold)


@dataclass(frozen=True)
class ClassScore:
    """One gold answer as a class: precision, recall and F1 in 0..1, and how often it is the gold answer."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def text_scores_of(protocol: str, lines: Sequence[Result]) -> dict[str, Any]:
    """`{token_f1, bleu1, macro_f1, bleu1_corpus}` of lines as numbers of a report; {} without answers.

    `bleu1` is the mean of the answers' own scores. `macro_f1` is over the closed questions, a class each gold
    answer, all classes counting the same; no interval is stated for it nor for `bleu1_corpus`. Of a question
    with options the text of the option chosen is the answer; no answer is "".
    """
    used = answered(lines)
    if not used:
        return {}
    images = [line.image_group for line in used]
    pairs = [_pair(line) for line in used]
    closed = [line for line in used if line.answer_type == "closed"]
    classes = class_scores([_pair(line) for line in closed])
    told = f"{protocol}; closed questions, {len(classes)} answers as classes"
    return {
        "token_f1": number([token_f1(*pair) for pair in pairs], images, protocol),
        "bleu1": number([bleu1(*pair) for pair in pairs], images, f"{protocol}; mean over answers"),
        "macro_f1": _plain_number(macro_f1(classes), closed, told),
        "bleu1_corpus": _plain_number(corpus_bleu1(pairs), used, f"{protocol}; counts of all answers summed"),
    }


def _plain_number(value: float | None, lines: Sequence[Result], protocol: str) -> dict[str, Any]:
    empty = number([], [], protocol)
    n_images = len({line.image_group for line in lines})
    return empty | {"value": value, "n": len(lines), "n_clusters": n_images, "method": "no interval"}


def _pair(line: Result) -> Pair:
    return (chosen(line) if line.options else line.answer) or "", line.gold


def macro_f1(classes: Sequence[ClassScore]) -> float | None:
    """Mean F1 of the classes, each counting the same; None without any."""
    return math.fsum(score.f1 for score in classes) / len(classes) if classes else None


def class_scores(pairs: Sequence[Pair]) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of every normalised gold answer, sorted by name.

    Classes are the gold answers only: an answer that is nobody's gold costs the recall of its own item's
    class and makes no class of its own (scikit-learn's default counts such answers as classes with F1 0).
    A class that is never given has precision 0.
    """
    told = [(plain(given), plain(gold)) for given, gold in pairs]
    support = Counter(gold for _, gold in told)
    given_counts = Counter(given for given, _ in told)
    right = Counter(gold for given, gold in told if given == gold)
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
