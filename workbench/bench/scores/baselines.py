"""Guesses that need no picture: what an accuracy has to beat before it says anything about seeing."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.bench.scores.numbers import ByKind, Number, by_kind, number
from workbench.bench.scores.scoring import majority_answer, majority_letter, plain, question_majority
from workbench.bench.store.results import Result

BASELINE_PROTOCOLS = {
    "majority_letter": "always the most frequent gold letter of these questions; those with options only",
    "majority_answer": "always the most frequent gold answer of these questions",
    "question_majority": (
        "the most frequent gold answer to the same question on the other images; without one, "
        "their most frequent answer to a question of the same type"
    ),
    "question_majority_generous": (
        "the most frequent gold answer to the same question, this image included: "
        "a question asked once is always right"
    ),
}


class Baselines:
    """Four guesses without an image; the guess from the other images learns from `among`, all the items.

    That guess is worked out once, here: slices only pick theirs.
    """

    def __init__(self, among: Sequence[Result]) -> None:
        self._others = dict(zip((line.item_id for line in among), _other_images(among), strict=True))

    def on(self, items: Sequence[Result]) -> dict[str, ByKind]:
        """name -> its numbers on `items`, which must be some of those given at first."""

        def say(name: str) -> Callable[[list[Result]], Number]:
            return lambda part: number(*self._hits(name, part), BASELINE_PROTOCOLS[name])

        return {name: by_kind(items, say(name)) for name in BASELINE_PROTOCOLS}

    def _hits(self, name: str, items: list[Result]) -> tuple[list[bool], list[str]]:
        if name == "majority_letter":
            items = [line for line in items if line.options]
            hits = majority_letter([line.gold_letter or "" for line in items]).hits
        elif name == "majority_answer":
            hits = majority_answer([line.gold for line in items]).hits
        elif name == "question_majority":
            hits = tuple(self._others[line.item_id] for line in items)
        else:
            hits = question_majority([(line.question, line.gold) for line in items]).hits
        return [bool(hit) for hit in hits], [line.image_group for line in items]


@dataclass(frozen=True)
class Letters:
    """Over `n` questions with options: how often each letter is the right one (`counts`, questions), and how
    often it would be if the right one were drawn by lot (`expected`, a share)."""

    n: int
    counts: dict[str, int]
    expected: dict[str, float]


def letters(items: Sequence[Result]) -> Letters:
    """A letter is expected in one of k questions with k options, of those that have it."""
    asked = [line for line in items if line.options and line.gold_letter]
    counts = Counter(line.gold_letter for line in asked)
    expected: Counter[str] = Counter()
    for size, n in Counter(len(line.options) for line in asked).items():
        expected.update({chr(ord("A") + i): n / size / len(asked) for i in range(size)})
    return Letters(len(asked), dict(sorted(counts.items())), dict(sorted(expected.items())))


def _other_images(items: Sequence[Result]) -> list[bool]:
    """Hits of the guess from other images. Counting all and taking the image's own off keeps it linear."""
    by_question: dict[str, Counter[str]] = {}
    by_type: dict[str, Counter[str]] = {}
    own, own_type = {}, {}  # by image and question, by image and answer type
    for line in items:
        question, gold = plain(line.question), plain(line.gold)
        by_question.setdefault(question, Counter())[gold] += 1
        by_type.setdefault(line.answer_type, Counter())[gold] += 1
        own.setdefault((line.image_group, question), Counter())[gold] += 1
        own_type.setdefault((line.image_group, line.answer_type), Counter())[gold] += 1
    hits = []
    for line in items:
        question = plain(line.question)
        others = by_question[question] - own[line.image_group, question]
        if not others:
            others = by_type[line.answer_type] - own_type[line.image_group, line.answer_type]
        guess = min(others, key=lambda gold: (-others[gold], gold)) if others else None
        hits.append(guess == plain(line.gold))
    return hits
