"""Figures of an answer's text against the gold answer: one declaration each, in one registry.

Adding one: an `AnswerMetric`, registered here, by `ANSWER_METRICS.register`, or by an installed package under
the entry point group `workbench.answer_metrics`. Every report then holds it under `text_scores`; a `headline`
has a column in the table as well.

BLEU-1 as used here (`scoring.bleu1`, `scoring.corpus_bleu1`): lower case, punctuation dropped, unigram counts
clipped at the reference's, times the brevity penalty exp(1 - r/c) for c < r; no smoothing. Of several gold
answers a mean over answers takes the best one's figure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workbench.bench.scores.numbers import Number, number
from workbench.bench.scores.scoring import (
    bleu1,
    corpus_bleu1,
    exact_match,
    token_f1,
    token_precision,
    token_recall,
)
from workbench.bench.scores.text_scores import Pair, class_scores, macro_f1
from workbench.bench.store.results import Result
from workbench.bench.store.run_lines import chosen
from workbench.registry import Registry

Compute = Callable[[Sequence[Result], str], Number]


@dataclass(frozen=True)
class AnswerMetric:
    """A figure's name, label, meaning, better `direction`, and range from `low` to `high` in `unit`.

    `category` is what it compares: the words of the answers (overlap) or which answer they are (class);
    `cost` says what computing it takes. `compute` makes the number from the lines of one model under one
    condition, none of which failed and at least one, and the protocol in words that the number is to state.
    """

    name: str
    label: str
    meaning: str
    compute: Compute
    direction: Literal["higher", "lower"] = "higher"
    category: Literal["overlap", "class"] = "overlap"
    cost: str = "no run of a model"
    unit: str = "share"
    low: float = 0.0
    high: float = 1.0
    headline: bool = True


OVERLAP_CAVEAT = (
    'Word overlap is not meaning: "no" against the gold answer "no fracture" means the same, but is no exact '
    'match and scores BLEU-1 0.37; "a fracture" against it means the opposite, and scores BLEU-1 0.50.'
)


def answer_scores(lines: Sequence[Result], protocol: str) -> dict[str, Number]:
    """Every registered figure of answered lines by name; {} without any."""
    return {name: metric.compute(lines, protocol) for name, metric in ANSWER_METRICS.items()} if lines else {}


def mean_over_answers(score: Callable[[str, str], float], note: str = "") -> Compute:
    """`compute` of a figure that is a mean: `score(given, gold)` of each answer, intervals by image.

    Where a question has several gold answers, the best score counts.
    """

    def compute(lines: Sequence[Result], protocol: str) -> Number:
        images = [line.image_group for line in lines]
        values = [max(score(pair_of(line)[0], gold) for gold in line.golds) for line in lines]
        return number(values, images, "; ".join(filter(None, (protocol, note))))

    return compute


def pair_of(line: Result) -> Pair:
    """(given, gold): of a question with options the text of the option chosen; no answer is ""."""
    return (chosen(line) if line.options else line.answer) or "", line.gold


def _macro_f1(lines: Sequence[Result], protocol: str) -> Number:
    closed = [line for line in lines if line.answer_type == "closed"]
    classes = class_scores([pair_of(line) for line in closed])
    note = f"{protocol}; closed questions, {len(classes)} answers as classes"
    return _without_interval(macro_f1(classes), closed, note)


def _corpus_bleu1(lines: Sequence[Result], protocol: str) -> Number:
    value = corpus_bleu1([(pair_of(line)[0], line.golds) for line in lines])
    return _without_interval(value, lines, f"{protocol}; counts of all answers summed")


def _without_interval(value: float | None, lines: Sequence[Result], protocol: str) -> Number:
    n_images = len({line.image_group for line in lines})
    return replace(
        number([], [], protocol), value=value, n=len(lines), n_clusters=n_images, method="no interval"
    )


ANSWER_METRICS: Registry[AnswerMetric] = Registry(
    "answer metric",
    "workbench.answer_metrics",
    (
        AnswerMetric(
            "token_f1",
            "token F1",
            "F1 of the words of the answer and of the gold answer, in any order, as a mean over answers",
            mean_over_answers(token_f1),
        ),
        AnswerMetric(
            "bleu1",
            "BLEU-1",
            "how many of the answer's words the gold answer has, short answers punished; a mean over answers",
            mean_over_answers(bleu1, "mean over answers"),
        ),
        AnswerMetric(
            "macro_f1",
            "macro-F1, closed",
            "F1 of every gold answer of the closed questions as a class of its own, all counting the same",
            _macro_f1,
            category="class",
        ),
        AnswerMetric(
            "bleu1_corpus",
            "BLEU-1 of all answers",
            "BLEU-1 with the counts of all answers summed before dividing",
            _corpus_bleu1,
            headline=False,
        ),
        AnswerMetric(
            "exact_match",
            "exact match",
            "the same answer after normalising case, punctuation, articles and number words",
            mean_over_answers(exact_match),
            headline=False,
        ),
        AnswerMetric(
            "token_precision",
            "word precision",
            "how many of the answer's words the gold answer has; a mean over answers",
            mean_over_answers(token_precision),
            headline=False,
        ),
        AnswerMetric(
            "token_recall",
            "word recall",
            "how many of the gold answer's words were given; a mean over answers",
            mean_over_answers(token_recall),
            headline=False,
        ),
    ),
)
