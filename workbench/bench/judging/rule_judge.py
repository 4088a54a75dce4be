"""Judges of rubric units: does a trace state a unit's topic, and is what it states right?"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from workbench.bench.judging import lexicon
from workbench.bench.judging.sentences import Reading, joined, read_sentence
from workbench.bench.questions.units import Unit, UnitScore
from workbench.registry import Registry
from workbench.traces import Trace

CLEAR, PARTLY = 2 / 3, 1 / 3
CLAIM_STATED, CLAIM_FOLLOWED = 0.8, 0.5


class Judge(Protocol):
    """Adding a judge: an object with these, registered in JUDGES, by `JUDGES.register`, or by an installed
    package under the entry point group `workbench.judges`. Its `id` is its name on the command line."""

    @property
    def id(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    def score(self, unit: Unit, trace: Trace) -> tuple[int, int]:
        """(presence 0..2, correctness -1..1) of a unit in a trace; presence 0 comes with correctness 0."""
        ...


class RubricRuleJudge:
    """Word rules, the same verdict every time, no model.

    Steps of the unit's own axis are looked at first; other steps only when none of those touches the topic.
    A general fact is no statement about this picture, so knowledge steps count for knowledge units only.
    Presence: 2 when at least two thirds of the topic's words (or four fifths of the claim's) stand in one
    step, 1 from one third, else 0; a topic such as "finding" or "side" is met by any value of that kind.
    Correctness, over the steps of highest presence together: -1 when a value of the claim is denied, or
    another value of its kind stands in its place (left for right, 2 for 3, another finding), or a word is
    denied in one and affirmed in the other, or a conclusion says that the topic is something else; 1 when all
    its values are stated (and, but for conclusions, half of its other words); else 0. A trace that states a
    value and its rival is 0: undecided.
    """

    id = "rubric-rules-2"
    protocol = (
        "Deterministic rule judge: matches topic words, sides, levels, findings, numbers and negation in the "
        "steps of the same axis first. It reads words, not meaning, and is not comparable with published "
        "scores that a language model judged."
    )

    def score(self, unit: Unit, trace: Trace) -> tuple[int, int]:
        """(presence, correctness) of a unit in a trace."""
        claim, topic = read_sentence(unit.claim), read_sentence(unit.topic)
        own = [read_sentence(step.text) for step in trace.steps if step.axis == unit.axis]
        other = [
            read_sentence(step.text) for step in trace.steps if step.axis not in (unit.axis, "knowledge")
        ]
        for steps in (own, other):
            graded = [(_presence(topic, claim, step), step) for step in steps]
            presence = max((grade for grade, _ in graded), default=0)
            if presence:
                stated = joined(step for grade, step in graded if grade == presence)
                if unit.axis == "rationale":
                    return presence, _correctness(claim, stated, about=frozenset(_words(topic)))
                return presence, _correctness(claim, stated)
        return 0, 0


JUDGES: Registry[Judge] = Registry("judge", "workbench.judges", (RubricRuleJudge(),), name=attrgetter("id"))
DEFAULT_JUDGE = RubricRuleJudge.id


def judge_units(judge: Judge, units: Sequence[Unit], trace: Trace) -> tuple[UnitScore, ...]:
    """A judge's verdicts on all units of an item."""
    return tuple(UnitScore(unit.unit_id, unit.axis, *judge.score(unit, trace)) for unit in units)


def _presence(topic: Reading, claim: Reading, step: Reading) -> int:
    met = [_meets(term, step) for term in topic.terms]
    share = sum(met) / len(met) if met else 0.0
    if share >= CLEAR or _coverage(claim.terms, step) >= CLAIM_STATED:
        return 2
    return 1 if share >= PARTLY else 0


def _meets(term: str, step: Reading) -> bool:
    """Whether a step speaks of a topic word; naming a kind ("side"), or a state, asks for any value of it."""
    if term.startswith("state="):
        return bool(step.values.get("state"))
    kinds = lexicon.KIND_TOPICS.get(term, ())
    return term in step.terms or any(step.states(kind) for kind in kinds if kind != "state" or _says(step))


def _says(step: Reading) -> bool:
    return bool(step.values.get("state"))


def _coverage(terms: set[str], step: Reading) -> float:
    return len(terms & step.terms) / len(terms) if terms else 0.0


def _words(reading: Reading) -> set[str]:
    return {stem for stem, _ in reading.stems}


def _correctness(claim: Reading, stated: Reading, about: frozenset[str] | None = None) -> int:
    """Correctness of a claim; `about` is given for conclusions: the words of the topic."""
    wanted = claim.said_of(about) if about else set()
    found = stated.said_of(about) if about else set()
    if _contradicted(claim, stated) or (wanted and found and not wanted & found):
        return -1
    firm = [kind for kind in claim.values if kind not in lexicon.SOFT_KINDS]
    required = firm or list(claim.values)
    if not all(_agrees(kind, claim, stated) for kind in required):
        return 0
    if about is not None and required:
        return 1
    rest = wanted or _words(claim)
    return int(not rest or _coverage(rest, stated) >= CLAIM_FOLLOWED)


def _agrees(kind: str, claim: Reading, stated: Reading) -> bool:
    wanted, found = claim.affirmed(kind), stated.affirmed(kind)
    same = wanted == found if kind in lexicon.SINGLE_KINDS else wanted <= found
    return same and claim.denied(kind) <= stated.denied(kind)


def _contradicted(claim: Reading, stated: Reading) -> bool:
    for kind in {*claim.values, *claim.implied}:
        wanted, found = claim.affirmed(kind), stated.affirmed(kind)
        if wanted & stated.denied(kind) - found or claim.denied(kind) & found - stated.denied(kind):
            return True
        # Replaced, not merely added to or left out.
        if wanted - found and found - wanted and not (kind in lexicon.SOFT_KINDS and wanted & found):
            return True
    return _looks_otherwise(claim, stated) or bool(_flipped(claim.stems, stated.stems))


def _looks_otherwise(claim: Reading, stated: Reading) -> bool:
    """Whether a thing named in both has another appearance: a dark ring for a bright one."""
    found = stated.looks_of()
    return any(place in found and not values & found[place] for place, values in claim.looks_of().items())


def _flipped(claim: frozenset[tuple[str, bool]], stated: frozenset[tuple[str, bool]]) -> set[str]:
    """Words that one side only denies and the other only affirms."""

    def only(stems: frozenset[tuple[str, bool]], denied: bool) -> set[str]:
        return {stem for stem, mark in stems if mark is denied} - {
            stem for stem, mark in stems if mark is not denied
        }

    return (only(claim, True) & only(stated, False)) | (only(claim, False) & only(stated, True))
