"""How good labels are that a model made itself, by majority vote over its own samples (MedSSR's own labels).

Pure functions. MedSSR (arXiv 2604.11547) does not publish its number of samples or its threshold: both are
parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.traces import answers_match
from workbench.traces.voting import Vote


@dataclass(frozen=True)
class LabelQuality:
    """How good self-made labels are against the gold; rates are None where their denominator is 0.

    `label_precision`: right labels among those kept. `recovery_rate`: right kept labels among all questions.
    `raw_accuracy`: right samples among all samples, which is what training on single samples would get.
    (MedSSR's evaluation code counts something else as recovered: answers asked for a second time.)
    """

    questions: int
    kept: int
    label_precision: float | None
    recovery_rate: float | None
    raw_accuracy: float | None
    mean_agreement: float | None
    invalid_rate: float | None


def label_quality(votes: Sequence[Vote], golds: Sequence[str], threshold: float) -> LabelQuality:
    """Measure the labels kept at `threshold`. Raises ValueError when the lengths differ."""
    labels = [vote.kept(threshold) for vote in votes]
    right = sum(
        label is not None and answers_match(label, gold) for label, gold in zip(labels, golds, strict=True)
    )
    hits = sum(
        count
        for vote, gold in zip(votes, golds, strict=True)
        for answer, count in vote.histogram
        if answers_match(answer, gold)
    )
    samples = sum(vote.samples for vote in votes)
    kept = sum(label is not None for label in labels)
    return LabelQuality(
        len(votes),
        kept,
        _share(right, kept),
        _share(right, len(votes)),
        _share(hits, samples),
        _share(sum(vote.agreement for vote in votes), len(votes)),
        _share(sum(vote.invalid for vote in votes), samples),
    )


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None
