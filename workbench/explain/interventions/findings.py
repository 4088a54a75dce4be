"""Verdicts in words: what the interventions made on one answer show, each with its rule and its numbers."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["yes", "no", "unclear", "not tested"]
FindingKind = Literal[
    "blank", "noise", "blur", "flip", "other", "remove", "keep", "block", "shuffle", "trace", "anchor"
]
HALVED = math.log(2)  # nats: the words became half as probable
BEYOND_CONTROL = 0.1  # nats by which a region has to outdo its strongest control
_SIDE = re.compile(r"\b(left|right)(?:-sided|wards?)?\b", re.IGNORECASE)
_OTHER_SIDE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Finding:
    """One intervention on one answer, reduced to what verdicts need.

    `delta` is the change of the original words' log probability, nats (all words for pictures, the final
    answer for traces); `controls` the same for the control regions. `before` and `after` are the texts in
    which sides are sought, answer first. For shuffles `consistent` of `asked` orders agreed.
    """

    kind: FindingKind
    label: str
    same_answer: bool | None = None
    delta: float | None = None
    controls: tuple[float, ...] = ()
    before: tuple[str, str] = ("", "")
    after: tuple[str, str] = ("", "")
    consistent: int = 0
    asked: int = 0


@dataclass(frozen=True)
class Verdict:
    """`state` with the sentence that gives the numbers, and the rule behind it."""

    name: str
    title: str
    state: State
    sentence: str
    rule: str


def verdicts(findings: Sequence[Finding]) -> tuple[Verdict, ...]:
    """All verdicts on one answer from everything that was tried on it, the newest finding of a kind last."""
    return (
        answer_changed(findings),
        image_dependent(findings),
        laterality(findings),
        region_causal(findings),
        trace_dependent(findings),
        order_sensitive(findings),
        anchored(findings),
    )


def answer_changed(findings: Sequence[Finding]) -> Verdict:
    """Whether anything that was tried changed the final answer."""
    rule = "Yes when the newly written final answer differs from the first one, by option or by words."
    told = [f for f in findings if f.same_answer is not None and f.kind != "shuffle"]
    changed = [f.label for f in told if not f.same_answer]
    if not told:
        return _untested("answer_changed", "Answer changed", "No changed answer was written yet.", rule)
    if changed:
        sentence = f"Changed by {len(changed)} of {_count(told)}: {', '.join(dict.fromkeys(changed))}."
        return Verdict("answer_changed", "Answer changed", "yes", sentence, rule)
    return Verdict("answer_changed", "Answer changed", "no", f"The same after {_count(told)}.", rule)


def image_dependent(findings: Sequence[Finding]) -> Verdict:
    """Whether the answer needs the picture: blank and noise."""
    name, title = "image_dependent", "Depends on the picture"
    rule = (
        "Yes when a blank or noise picture changes the final answer. No when it stays and the first words "
        "lose less than half of their probability. Unclear in between."
    )
    told = [f for f in findings if f.kind in ("blank", "noise") and f.same_answer is not None]
    return _by_answer(name, title, rule, told, "Try Blank or Noise.")


def trace_dependent(findings: Sequence[Finding]) -> Verdict:
    """Whether the answer follows from the reasoning: truncated and edited traces."""
    name, title = "trace_dependent", "Depends on the reasoning"
    rule = (
        "Yes when cut or edited reasoning changes the final answer. No when it stays and loses less than "
        "half of its probability. Unclear in between."
    )
    told = [f for f in findings if f.kind == "trace" and f.same_answer is not None]
    return _by_answer(name, title, rule, told, "Stop, delete or replace a step.")


def _by_answer(name: str, title: str, rule: str, told: Sequence[Finding], how: str) -> Verdict:
    if not told:
        return _untested(name, title, how, rule)
    changed = [f.label for f in told if not f.same_answer]
    moved = [f.delta for f in told if f.delta is not None]
    lowest = min(moved, default=0.0)
    shown = f" Strongest change of the original words: {signed(lowest)} nats." if moved else ""
    if changed:
        return Verdict(name, title, "yes", f"Changed by {', '.join(dict.fromkeys(changed))}.{shown}", rule)
    labels = ", ".join(dict.fromkeys(f.label for f in told))
    state: State = "no" if lowest > -HALVED else "unclear"
    return Verdict(name, title, state, f"The same answer after {labels}.{shown}", rule)


def sides(text: str) -> frozenset[str]:
    """The sides that a text names: "left", "right", both or none."""
    return frozenset(match[1].lower() for match in _SIDE.finditer(text))


def laterality(findings: Sequence[Finding]) -> Verdict:
    """Whether mirroring the picture swaps the side that the answer (else its reasoning) names."""
    name, title = "laterality", "Follows left and right"
    rule = (
        "Asked only when the answer, or else its reasoning, names one side. Yes when the mirrored picture "
        "makes it name the other side, no when it names the same one, unclear otherwise."
    )
    flips = [f for f in findings if f.kind == "flip" and f.same_answer is not None]
    if not flips:
        return _untested(name, title, "Try Flip left–right.", rule)
    last = flips[-1]
    where = next((i for i, text in enumerate(last.before) if sides(text)), None)
    if where is None or len(sides(last.before[where])) != 1:
        return _untested(name, title, "Neither the answer nor its reasoning names just one side.", rule)
    (first,), now = sides(last.before[where]), sides(last.after[where])
    place = ("answer", "reasoning")[where]
    if now == {_OTHER_SIDE[first]}:
        return Verdict(name, title, "yes", f"The {place} went from {first} to {_OTHER_SIDE[first]}.", rule)
    if now == {first}:
        return Verdict(name, title, "no", f"The {place} says {first} for the mirrored picture too.", rule)
    said = "both sides" if now else "no side"
    return Verdict(name, title, "unclear", f"The {place} said {first}, then {said}.", rule)


def region_causal(findings: Sequence[Finding]) -> Verdict:
    """Whether the drawn region matters beyond regions of the same area elsewhere."""
    name, title = "region_causal", "Region matters"
    rule = (
        f"Yes when taking the region away lowers the log probability of the words by {BEYOND_CONTROL:g} nats "
        "more than the strongest control of the same area. No when a control does as much or more. Unclear "
        "in between."
    )
    told = [f for f in findings if f.kind in ("remove", "block") and f.delta is not None]
    if not told:
        return _untested(name, title, "Draw a region and remove it.", rule)
    last = told[-1]
    if not last.controls:
        return _untested(name, title, "The region leaves no room for a control.", rule)
    strongest = min(last.controls)
    margin = strongest - (last.delta or 0.0)
    sentence = f"Region {signed(last.delta or 0.0)} nats, strongest control {signed(strongest)} nats."
    state: State = "yes" if margin >= BEYOND_CONTROL else "no" if margin <= 0 else "unclear"
    return Verdict(name, title, state, sentence, rule)


def order_sensitive(findings: Sequence[Finding]) -> Verdict:
    """Whether the order of the options decides."""
    name, title = "order_sensitive", "Depends on the order of options"
    rule = "Yes when another order of the options leads to another option text."
    told = [f for f in findings if f.kind == "shuffle" and f.asked]
    if not told:
        return _untested(name, title, "Give options, then shuffle them.", rule)
    last = told[-1]
    sentence = f"The same option in {last.consistent} of {last.asked} other orders."
    return Verdict(name, title, "no" if last.consistent == last.asked else "yes", sentence, rule)


def anchored(findings: Sequence[Finding]) -> Verdict:
    """Whether reasoning that is not the model's own draws its answer away."""
    name, title = "anchored", "Follows given reasoning"
    rule = (
        "Yes when the answer changes after the model was made to begin with the given reasoning. No when it "
        "stays and loses less than half of its probability. Unclear in between."
    )
    told = [f for f in findings if f.kind == "anchor" and f.same_answer is not None]
    return _by_answer(name, title, rule, told, "Begin with reasoning of your own.")


def signed(value: float) -> str:
    """A number with its sign and two decimals; a true minus."""
    shown = f"{value:+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown.replace("-", "−")


def _count(told: Sequence[Finding]) -> str:
    return "1 change" if len(told) == 1 else f"{len(told)} changes"


def _untested(name: str, title: str, sentence: str, rule: str) -> Verdict:
    return Verdict(name, title, "not tested", sentence, rule)
