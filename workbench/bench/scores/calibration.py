"""Calibration: does a model that says 80 % turn out right 80 times in 100? Pure.

Two confidences are kept apart. "answer" is the probability of the answer's words after the reasoning that
the model wrote: reasoning that has settled on something makes it nearly 1, right or wrong. "text" is the
probability of everything the model wrote, reasoning and answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.bench.scores.numbers import Number
from workbench.bench.store.results import Result
from workbench.models.answer import Answer
from workbench.traces import token_span
from workbench.traces.trace import Trace

BINS = 10
RESAMPLES = 500
CONFIDENCES = ("answer", "text")


@dataclass(frozen=True)
class Bin:
    """The `n` answers with a probability in (low, high]: the mean of what was said, and the share right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Calibration(Number):
    """Expected calibration error as a number (0 is perfect), and the reliability curve behind it."""

    curve: tuple[Bin, ...]


def confidences(answer: Answer, trace: Trace) -> dict[str, float]:
    """Probability of the answer's words given what stands before, and of the whole text; without an answer
    only that of the text, and nothing for an empty one."""
    logprobs = np.array(answer.logprobs, np.float64)
    if not len(logprobs):
        return {}
    found = {"text": float(np.exp(logprobs.sum()))}
    if trace.answer_start is not None:
        where = token_span(answer.offsets, trace.answer_start, trace.answer_end)
        if where is not None:
            found["answer"] = float(np.exp(logprobs[where[0] : where[1]].sum()))
    return found


def _bin_of(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Bins (low, high] of equal width; 0 belongs to the first."""
    return np.clip(np.ceil(probabilities * bins).astype(int) - 1, 0, bins - 1)


def calibration_error(probabilities: Sequence[float], correct: Sequence[bool], bins: int = BINS) -> float:
    """ECE = Σ_b n_b / N · |accuracy_b − mean probability_b| over equally wide bins (Guo et al. 2017, eq. 3).

    0 is perfect, lower is better. Raises ValueError without answers, or for lists of unlike length.
    """
    if len(probabilities) != len(correct) or not len(correct):
        raise ValueError("one probability for each answer is needed, and at least one")
    p, hit = np.array(probabilities, np.float64), np.array(correct, np.float64)
    where = _bin_of(p, bins)
    gaps = np.bincount(where, weights=hit - p, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def reliability(probabilities: Sequence[float], correct: Sequence[bool], bins: int = BINS) -> tuple[Bin, ...]:
    """The reliability curve: every bin that holds answers."""
    p, hit = np.array(probabilities, np.float64), np.array(correct, np.float64)
    where = _bin_of(p, bins)
    return tuple(
        Bin(
            low=b / bins,
            high=(b + 1) / bins,
            n=int((where == b).sum()),
            confidence=float(p[where == b].mean()),
            accuracy=float(hit[where == b].mean()),
        )
        for b in range(bins)
        if (where == b).any()
    )


def _bootstrap(p: np.ndarray, hit: np.ndarray, clusters: Sequence[str]) -> tuple[float, float]:
    """95 % percentile interval of the ECE, whole images resampled; seeded.

    Each image is boiled down to its sum of gaps in every bin: a resample is then one small product.
    """
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    which = np.array([names[cluster] for cluster in clusters])
    gaps, sizes = np.zeros((len(names), BINS)), np.bincount(which)
    np.add.at(gaps, (which, _bin_of(p, BINS)), hit - p)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        found.append(np.abs(times @ gaps).sum() / (times @ sizes))
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def calibration_of(lines: Sequence[Result], protocol: str) -> dict[str, Calibration]:
    """One of CONFIDENCES → calibration of it; {} without records."""
    out: dict[str, Calibration] = {}
    for name in CONFIDENCES:
        used = [line for line in lines if line.correct is not None and name in line.probability]
        if not used:
            continue
        p, hit = [line.probability[name] for line in used], [bool(line.correct) for line in used]
        groups = [line.image_group for line in used]
        several = len(set(groups)) > 1
        low, high = _bootstrap(np.array(p), np.array(hit), groups) if several else (None, None)
        out[name] = Calibration(
            value=calibration_error(p, hit),
            low=low,
            high=high,
            n=len(used),
            n_clusters=len(set(groups)),
            method=f"ECE, {BINS} bins of equal width; bootstrap by image",
            origin="measured",
            protocol=protocol,
            curve=reliability(p, hit),
        )
    return out
