"""Majority vote over several sampled answers to one question (self-consistency, MedSSR's confidence).

Pure functions. A sample without an answer that can be read counts against the confidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from workbench.traces.normalise import answers_match, normalise_words
from workbench.traces.parser import parse_trace
from workbench.traces.trace import Trace


@dataclass(frozen=True)
class Vote:
    """`histogram`: (answer, votes), most votes first; `winners` are the samples that gave the top answer.

    `label` is the top answer, None when nothing could be read or two answers lead together.
    """

    label: str | None
    histogram: tuple[tuple[str, int], ...]
    samples: int
    invalid: int
    winners: tuple[int, ...] = ()

    @property
    def confidence(self) -> float:
        """Votes for the top answer over all samples, those that can't be read included."""
        return self.histogram[0][1] / self.samples if self.histogram else 0.0

    @property
    def agreement(self) -> float:
        """Votes for the top answer over the samples that can be read; 0 when there are none."""
        return self.histogram[0][1] / (self.samples - self.invalid) if self.histogram else 0.0

    @property
    def invalid_rate(self) -> float:
        """Share of samples that can't be read."""
        return self.invalid / self.samples

    def kept(self, threshold: float) -> str | None:
        """The label when its confidence reaches `threshold` (0..1), else None."""
        return self.label if self.confidence >= threshold else None


def read_answer(text: str, options: Sequence[str] = ()) -> str | None:
    """The answer of one generated text: with options the option's own text; None when it can't be read."""
    return voted(parse_trace(text, options), options)


def voted(trace: Trace, options: Sequence[str] = ()) -> str | None:
    """What a trace votes for: with options the option's own text; None when its answer can't be read."""
    if trace.status in ("truncated", "no_answer", "empty"):
        return None
    if options:
        return options[ascii_uppercase.index(trace.answer_letter)] if trace.answer_letter else None
    return trace.answer_text if trace.answer_text and normalise_words(trace.answer_text) else None


def majority_vote(answers: Sequence[str | None]) -> Vote:
    """Count answers that mean the same (`answers_match`) as one; None is an invalid sample.

    The outcome does not depend on the order of the samples. Raises ValueError without samples.
    """
    if not answers:
        raise ValueError("a vote needs at least one sample")
    groups: dict[str, list[int]] = {}
    valid = [(answer, place) for place, answer in enumerate(answers) if answer is not None]
    # Short answers first: "yes" then gathers "yes, on the left", in whatever order they were sampled.
    for answer, place in sorted(valid, key=lambda pair: (len(normalise_words(pair[0])), pair[0])):
        name = next((known for known in groups if answers_match(answer, known)), answer)
        groups.setdefault(name, []).append(place)
    ranked = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    histogram = tuple((name, len(places)) for name, places in ranked)
    tied = len(histogram) > 1 and histogram[0][1] == histogram[1][1]
    invalid = len(answers) - len(valid)
    if not ranked or tied:
        return Vote(None, histogram, len(answers), invalid)
    label, places = ranked[0]
    return Vote(label, histogram, len(answers), invalid, tuple(sorted(places)))
