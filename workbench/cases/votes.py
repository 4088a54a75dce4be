"""Votes: the same question answered several times, what the answers say, and how sure that makes one.

Self-consistency as MedSSR measures it (arXiv 2604.11547): n answers drawn at temperature 0.6, top-p 0.95,
top-k 20; the share of the most frequent one is the confidence, answers that can't be read count against it.
"""

import string
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from workbench.cases.answered import AnsweredCase
from workbench.cases.recovery import is_wanted, recovered_answer
from workbench.errors import UserFacing
from workbench.models.answer import Answer, Decoding
from workbench.models.served.elsewhere import weights_elsewhere
from workbench.traces.voting import Vote, majority_vote, voted

VOTES, MOST_VOTES = 4, 64
SAMPLING = Decoding(temperature=0.6, top_p=0.95, top_k=20)


@dataclass(frozen=True)
class Bar:
    """One answer of the histogram: its letter where there are options, its text, its votes and their share of
    all samples."""

    letter: str | None
    text: str
    count: int
    share: float


@dataclass(frozen=True)
class Votes:
    """The answers drawn so far, of `planned` ones; `samples` are cases like any other."""

    planned: int
    samples: tuple[AnsweredCase, ...] = ()

    @cached_property
    def vote(self) -> Vote:
        """What the samples say together. Raises ValueError before the first one."""
        return majority_vote([voted(case.trace, case.question.options) for case in self.samples])

    @property
    def recovered(self) -> int:
        """How many samples were asked again for a letter."""
        return sum(case.answer.recovered for case in self.samples)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Every option in its order, those without a vote too; without options, the answers given."""
        counts, options = dict(self.vote.histogram), self.samples[0].question.options
        named = (
            [(letter, option) for letter, option in zip(string.ascii_uppercase, options, strict=False)]
            if options
            else [(None, text) for text in counts]
        )
        drawn = len(self.samples)
        return tuple(
            Bar(letter, text, counts.get(text, 0), counts.get(text, 0) / drawn) for letter, text in named
        )

    def record(self) -> dict[str, Any]:
        """The votes as JSON-ready data. Raises ValueError before the first sample."""
        vote = self.vote
        return {
            "n": len(self.samples),
            "decoding": self.samples[0].answer.decoding.record(),
            "histogram": [vars(bar) for bar in self.bars],
            "answer": vote.label,
            "confidence": vote.confidence,
            "agreement": vote.agreement,
            "invalid": vote.invalid,
            "recovered": self.recovered,
            "samples": [
                {
                    "text": case.answer.text,
                    "answer": case.final_answer,
                    "answer_letter": case.trace.answer_letter,
                    "status": case.trace.status,
                    "recovered": case.answer.recovered,
                    "seed": case.answer.decoding.seed,
                }
                for case in self.samples
            ],
        }

    def __str__(self) -> str:
        if not self.samples:
            return "No votes yet."
        lines = [f"Votes of {len(self.samples)} answers:"]
        for bar in self.bars:
            name = f"{bar.letter}. {bar.text}" if bar.letter else bar.text
            lines.append(f"  {name}: {bar.count} ({bar.share:.0%})")
        vote = self.vote
        said = f"majority {vote.label!r}, confidence {vote.confidence:.0%}" if vote.label else "no majority"
        rest = f"; {vote.invalid} could not be read" if vote.invalid else ""
        again = f"; {self.recovered} asked again for a letter" if self.recovered else ""
        return "\n".join([*lines, f"  {said}{rest}{again}"])

    __repr__ = __str__


def draw_votes(
    case: AnsweredCase,
    count: int = VOTES,
    sampling: Decoding | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Votes]:
    """Draw `count` answers to the question of a case, one after the other; yields after each one.

    Sample k is drawn with the seed of `sampling` (SAMPLING, without top-k where a server answers; as long as
    the case's answer might be) plus k. An answer that `stop` cut short does not count. Raises UserFacing for
    a number that can't be drawn, for temperature 0, and for top-k of a server, which is not told of it.
    """
    if not 1 <= count <= MOST_VOTES:
        raise UserFacing(f"{count} answers can't be drawn.", f"Use a whole number from 1 to {MOST_VOTES}.")
    asked = case.answer.decoding
    served = weights_elsewhere(case.model) is not None
    if sampling is None:
        sampling = replace(SAMPLING, max_new_tokens=asked.max_new_tokens, recover=asked.recover)
        sampling = replace(sampling, top_k=0) if served else sampling
    if served and sampling.top_k:
        raise UserFacing(f"The server of {case.model.name!r} is not told of top-k.", "Use top-k 0.")
    if not sampling.temperature > 0:
        raise UserFacing("At temperature 0 every answer is the same.", "Use a temperature above 0.")
    votes = Votes(count)
    for number in range(count):
        decoding = replace(sampling, seed=sampling.seed + number)
        last = deque(case.model.stream(case.prompt, decoding, stop), maxlen=1)
        if not last or last[0].finish == "cancelled" or (stop is not None and stop.is_set()):
            return
        votes = replace(votes, samples=(*votes.samples, _sample(case, last[0])))
        yield votes


def _sample(case: AnsweredCase, answer: Answer) -> AnsweredCase:
    model, prompt = case.model, case.prompt
    if is_wanted(model, answer.decoding):
        answer = recovered_answer(model, prompt, answer, case.question.options) or answer
    return AnsweredCase.of(model, prompt, case.images, answer)
