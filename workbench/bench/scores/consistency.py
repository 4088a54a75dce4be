"""Self-consistency over several samples of the same items (MedSSR, arXiv 2604.11547: n = 4)."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.bench.scores.effects import comparable_answer
from workbench.bench.scores.numbers import Number, number
from workbench.bench.store.results import Result

RECOVERED = "share of samples that were read from a broken form, or asked again for a letter"


@dataclass(frozen=True)
class Sample:
    """One sampled answer: what it says (a letter or normalised text), None when it says nothing usable.

    `recovered`: the answer was only got by asking again for one of the options.
    """

    answer: str | None
    correct: bool
    recovered: bool = False


@dataclass(frozen=True)
class ItemVotes:
    """The votes on one item. `votes` answer → count, most frequent first; invalid samples cast no vote.

    `majority` is the most frequent answer (the first of the alphabet in a tie, then `tied`), None without
    votes. `agreement` is its votes over all samples, invalid ones included: MedSSR's pseudo-label confidence.
    """

    votes: dict[str, int]
    majority: str | None
    tied: bool
    agreement: float
    majority_correct: bool
    n_samples: int
    n_invalid: int
    n_recovered: int


@dataclass(frozen=True)
class Consistency:
    """Over `n_items` items with `n_samples` samples each; rates in 0..1.

    `passes[k]` is the accuracy of the k-th samples, an invalid one counting as wrong; `mean` and `sd` are
    theirs, `sd` with n - 1 below (None for one pass). `accuracy_without_recovered` counts recovered answers
    as wrong. `unanimous` is the share of items on which all samples agree.
    """

    n_items: int
    n_samples: int
    passes: tuple[float, ...]
    mean: float
    sd: float | None
    majority_accuracy: float
    agreement: float
    unanimous: float
    recovery_rate: float
    invalid_rate: float
    accuracy_without_recovered: float


def item_votes(samples: Sequence[Sample]) -> ItemVotes:
    """The votes of one item's samples. Raises ValueError without samples."""
    if not samples:
        raise ValueError("an item without samples")
    counts = Counter(sample.answer for sample in samples if sample.answer is not None)
    votes = dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
    majority = next(iter(votes), None)
    top = votes[majority] if majority is not None else 0
    return ItemVotes(
        votes=votes,
        majority=majority,
        tied=list(votes.values()).count(top) > 1,
        agreement=top / len(samples),
        majority_correct=any(s.correct for s in samples if majority is not None and s.answer == majority),
        n_samples=len(samples),
        n_invalid=sum(sample.answer is None for sample in samples),
        n_recovered=sum(sample.recovered for sample in samples),
    )


def consistency(items: Mapping[str, Sequence[Sample]]) -> Consistency | None:
    """Self-consistency of items with the same number of samples, in sample order; None without items.

    Raises ValueError where the numbers of samples differ: the passes would be of different items.
    """
    if not items:
        return None
    if len({len(samples) for samples in items.values()}) > 1:
        raise ValueError("the items have different numbers of samples")
    votes = [item_votes(samples) for samples in items.values()]
    everything = [sample for samples in items.values() for sample in samples]
    passes = tuple(
        _mean([float(_right(sample)) for sample in drawn]) for drawn in zip(*items.values(), strict=True)
    )
    mean = _mean(passes)
    spread = math.fsum((accuracy - mean) ** 2 for accuracy in passes)
    return Consistency(
        n_items=len(items),
        n_samples=len(passes),
        passes=passes,
        mean=mean,
        sd=math.sqrt(spread / (len(passes) - 1)) if len(passes) > 1 else None,
        majority_accuracy=_mean([float(vote.majority_correct) for vote in votes]),
        agreement=_mean([vote.agreement for vote in votes]),
        unanimous=_mean([float(vote.agreement == 1) for vote in votes]),
        recovery_rate=_mean([float(sample.recovered) for sample in everything]),
        invalid_rate=_mean([float(sample.answer is None) for sample in everything]),
        accuracy_without_recovered=_mean([float(_right(s) and not s.recovered) for s in everything]),
    )


def _right(sample: Sample) -> bool:
    return sample.correct and sample.answer is not None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


@dataclass(frozen=True)
class Majority:
    """How many items (`n`) have a majority of so many `votes`, and on how many of those it is right."""

    votes: int
    n: int
    right: int


@dataclass(frozen=True)
class SelfConsistency:
    """Self-consistency of one model, as a report states it; a number's n is items or, for rates, samples.

    `mean` is the accuracy of one sample, `passes` those of the first, second … samples, `sd` the spread over
    them; `n_tied` items have no single majority; `left_out` items lack a sample or have a failed one.
    "Recovered" is an answer read from a broken form, or one that was asked again for a letter, as in MedSSR.
    """

    n_items: int
    n_samples: int
    left_out: int
    passes: tuple[float, ...]
    sd: float | None
    n_tied: int
    histogram: tuple[Majority, ...]
    mean: Number
    majority_accuracy: Number
    agreement: Number
    unanimous: Number
    recovery_rate: Number
    invalid_rate: Number


def self_consistency(items: Mapping[str, Sequence[Result]], protocol: str) -> SelfConsistency | None:
    """Self-consistency of one model from its sampled lines by item; None where no item has all its samples.

    Items with fewer samples than the others, or with a failed one, are left out.
    """
    most = max((len(drawn) for drawn in items.values()), default=0)
    whole = {
        item: drawn
        for item, drawn in items.items()
        if len(drawn) == most and not any(line.error for line in drawn)
    }
    found = consistency({item: [_sample(line) for line in drawn] for item, drawn in whole.items()})
    if found is None:
        return None
    votes = [item_votes([_sample(line) for line in drawn]) for drawn in whole.values()]
    return SelfConsistency(
        n_items=found.n_items,
        n_samples=found.n_samples,
        left_out=len(items) - len(whole),
        passes=found.passes,
        sd=found.sd,
        n_tied=sum(vote.tied for vote in votes if vote.votes),
        histogram=_histogram(votes, most),
        **_numbers(whole, votes, protocol),
    )


def _numbers(
    items: Mapping[str, Sequence[Result]], votes: Sequence[ItemVotes], protocol: str
) -> dict[str, Number]:
    groups = [drawn[0].image_group for drawn in items.values()]
    samples = [line for drawn in items.values() for line in drawn]
    images = [line.image_group for line in samples]
    right = [_mean([float(_right(_sample(line))) for line in drawn]) for drawn in items.values()]
    recovered = [_sample(line).recovered for line in samples]
    return {
        "mean": number(right, groups, f"{protocol}; mean over samples"),
        "majority_accuracy": number(
            [v.majority_correct for v in votes], groups, f"{protocol}; majority vote"
        ),
        "agreement": number([v.agreement for v in votes], groups, f"{protocol}; votes of the majority"),
        "unanimous": number([v.agreement == 1 for v in votes], groups, f"{protocol}; all samples agree"),
        "recovery_rate": number(recovered, images, f"{protocol}; {RECOVERED}"),
        "invalid_rate": number([line.invalid for line in samples], images, f"{protocol}; no usable answer"),
    }


def _histogram(votes: Sequence[ItemVotes], most: int) -> tuple[Majority, ...]:
    """Every size of majority, from all samples down to none."""
    sizes = [(next(iter(vote.votes.values()), 0), vote.majority_correct) for vote in votes]
    return tuple(
        Majority(
            votes=size,
            n=sum(found == size for found, _ in sizes),
            right=sum(found == size and right for found, right in sizes),
        )
        for size in range(most, -1, -1)
    )


def _sample(line: Result) -> Sample:
    recovered = line.recovered or line.parse_status == "recovered"
    return Sample(None if line.invalid else comparable_answer(line), bool(line.correct), recovered)
