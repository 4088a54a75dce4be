"""Scores of short free-text answers over a set: exact match, token F1, BLEU-1 and macro-F1, closed and open.

BLEU-1 as used here (`scoring.bleu1`, `scoring.corpus_bleu1`): lower case, punctuation dropped, one reference,
unigram counts clipped at the reference's, times the brevity penalty exp(1 - r/c) for c < r; no smoothing.
"sentence" is the mean of the answers' own scores, "corpus" sums the counts of all answers before dividing.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.bench.numbers import number
from workbench.bench.results import Result
from workbench.bench.run_lines import answered, chosen
from workbench.bench.scoring import bleu1, corpus_bleu1, exact_match, plain, token_f1

Pair = tuple[str, str]  # (given, gold)


@dataclass(frozen=True)
class ClassScore:
    """One gold answer as a class: precision, recall and F1 in 0..1, and how often it is the gold answer."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class TextScores:
    """Means over `n` answers, each in 0..1; `macro_f1` over `n_classes` different gold answers."""

    n: int
    exact_match: float
    token_f1: float
    bleu1_sentence: float
    bleu1_corpus: float
    macro_f1: float
    n_classes: int


def text_scores(pairs: Sequence[Pair]) -> TextScores | None:
    """All scores of (given, gold) pairs; an answer that is missing is given as ""; None without pairs."""
    if not pairs:
        return None
    classes = class_scores(pairs)
    return TextScores(
        n=len(pairs),
        exact_match=_mean([float(exact_match(given, gold)) for given, gold in pairs]),
        token_f1=_mean([token_f1(given, gold) for given, gold in pairs]),
        bleu1_sentence=_mean([bleu1(given, gold) for given, gold in pairs]),
        bleu1_corpus=corpus_bleu1(pairs),
        macro_f1=_mean([score.f1 for score in classes]),
        n_classes=len(classes),
    )


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
    macro = _mean([score.f1 for score in classes]) if classes else None
    told = f"{protocol}; closed questions, {len(classes)} answers as classes"
    return {
        "token_f1": number([token_f1(*pair) for pair in pairs], images, protocol),
        "bleu1": number([bleu1(*pair) for pair in pairs], images, f"{protocol}; mean over answers"),
        "macro_f1": _plain_number(macro, closed, told),
        "bleu1_corpus": _plain_number(corpus_bleu1(pairs), used, f"{protocol}; counts of all answers summed"),
    }


def _plain_number(value: float | None, lines: Sequence[Result], protocol: str) -> dict[str, Any]:
    empty = number([], [], protocol)
    n_images = len({line.image_group for line in lines})
    return empty | {"value": value, "n": len(lines), "n_clusters": n_images, "method": "no interval"}


def _pair(line: Result) -> Pair:
    return (chosen(line) if line.options else line.answer) or "", line.gold


def by_answer_type(rows: Sequence[tuple[str, str, str]]) -> dict[str, TextScores]:
    """`text_scores` of (answer type, given, gold) rows, for each type that occurs and for "all"."""
    kinds = sorted({kind for kind, _, _ in rows})
    parts = {kind: [(given, gold) for found, given, gold in rows if found == kind] for kind in kinds}
    parts["all"] = [(given, gold) for _, given, gold in rows]
    return {kind: scores for kind, pairs in parts.items() if (scores := text_scores(pairs)) is not None}


def macro_f1(pairs: Sequence[Pair]) -> float | None:
    """Mean F1 of the classes of `class_scores`, each class counting the same; None without pairs."""
    return _mean([score.f1 for score in class_scores(pairs)]) if pairs else None


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


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
