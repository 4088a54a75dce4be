"""What a sentence states, as far as rules can tell: values by kind and content words, affirmed or denied."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from workbench.bench.judging import lexicon

Marked = frozenset[tuple[str, bool]]  # (what, denied)
_NOTHING: frozenset = frozenset()


@dataclass(frozen=True)
class Reading:
    """`values` kind → {(value, denied)}; `implied` the same for what follows without being said; `stems`.

    `looks` holds (noun, kind, value) of appearance words right before a noun: a bright ring, a dark centre.
    `predicates` holds (words before, words after) each "is", content words without values.
    """

    values: dict[str, Marked]
    implied: dict[str, Marked]
    stems: Marked
    looks: frozenset[tuple[str, str, str]] = _NOTHING
    predicates: frozenset[tuple[frozenset[str], frozenset[str]]] = _NOTHING

    @property
    def terms(self) -> set[str]:
        """Everything stated, affirmed or not, as plain names."""
        named = {f"{kind}={value}" for kind, found in self.values.items() for value, _ in found}
        return named | {stem for stem, _ in self.stems}

    def affirmed(self, kind: str) -> set[str]:
        """Affirmed values of a kind; the implied ones where none is said."""
        said = self.values.get(kind) or self.implied.get(kind, frozenset())
        return {value for value, denied in said if not denied}

    def denied(self, kind: str) -> set[str]:
        return {value for value, denied in self.values.get(kind, frozenset()) if denied}

    def said_of(self, topic: frozenset[str]) -> set[str]:
        """Words of every "is" whose subject holds the whole topic; none for an empty topic."""
        return {word for before, after in self.predicates if topic and topic <= before for word in after}

    def looks_of(self) -> dict[tuple[str, str], set[str]]:
        """(noun, kind) → the values said of that noun."""
        found: dict[tuple[str, str], set[str]] = {}
        for noun, kind, value in self.looks:
            found.setdefault((noun, kind), set()).add(value)
        return found

    def states(self, kind: str) -> bool:
        return bool(self.values.get(kind) or self.implied.get(kind))


@lru_cache(maxsize=4096)  # a trace is read again for each unit
def read_sentence(text: str) -> Reading:
    """The reading of one sentence (or of a short claim or topic)."""
    clauses = _clauses(text)
    tokens = [token for clause in clauses for token in _tokens(clause)]
    values: dict[str, set[tuple[str, bool]]] = {}
    stems: set[tuple[str, bool]] = set()
    for token, denied in tokens:
        kind, _, value = token.partition("=")
        if not value:
            stems.add((token, denied))
        elif denied and value in lexicon.OPPOSITE:
            values.setdefault(kind, set()).add((lexicon.OPPOSITE[value], False))
        else:
            values.setdefault(kind, set()).add((value, denied))
    implied: dict[str, Marked] = {}
    if any(not denied for _, denied in values.get("finding", ())):
        implied["state"] = frozenset({("abnormal", False)})
    if any(denied for _, denied in stems):
        implied["number"] = frozenset({("0", False)})
    return Reading(
        {kind: frozenset(found) for kind, found in values.items()},
        implied,
        frozenset(stems),
        frozenset(look for clause in clauses for look in _looks(clause)),
        frozenset(_predicate(clause) for clause in clauses if _IS.search(clause)),
    )


def joined(readings: Iterable[Reading]) -> Reading:
    """Several sentences read as one."""
    values: dict[str, Marked] = {}
    implied: dict[str, Marked] = {}
    stems: Marked = _NOTHING
    looks: frozenset[tuple[str, str, str]] = _NOTHING
    predicates: frozenset[tuple[frozenset[str], frozenset[str]]] = _NOTHING
    for reading in readings:
        for target, source in ((values, reading.values), (implied, reading.implied)):
            for kind, found in source.items():
                target[kind] = target.get(kind, frozenset()) | found
        stems |= reading.stems
        looks |= reading.looks
        predicates |= reading.predicates
    return Reading(values, implied, stems, looks, predicates)


def _clauses(text: str) -> list[str]:
    """Lower-case clauses, with contractions and phrases of denial in plain words."""
    text = text.lower()
    for pattern, plain in lexicon.REWRITES:
        text = re.sub(pattern, plain, text)
    return re.split(r"[,;:!?]|\.(?!\d)", text)


def _tokens(clause: str) -> Iterable[tuple[str, bool]]:
    """Content words and values of a clause in order, each with whether it is denied."""
    denied_whole = re.search(lexicon.DENIED_AFTER, clause) is not None
    if denied_whole:
        clause = re.sub(r"\bnot (?=\w+)", "", clause)
    words = _PATTERN.findall(clause)
    scope = reached = False
    for position, match in enumerate(words):
        word = next(group for group in match if group)
        following = next((g for g in words[position + 1] if g), "") if position + 1 < len(words) else ""
        if word in lexicon.NEGATORS:
            scope, reached = True, False
        elif (word in lexicon.SCOPE_ENDS and reached) or (word == "and" and following in lexicon.ARTICLES):
            scope = False
        token = _named(match)
        if token is None:
            continue
        yield token, (scope or denied_whole) and token != "existence=absent"
        reached = True


def _looks(clause: str) -> Iterable[tuple[str, str, str]]:
    """(noun, kind, value) of appearance words right before a noun; none in a clause that denies something."""
    matches = _PATTERN.findall(clause)
    if any(match[-1] in lexicon.NEGATORS for match in matches):
        return
    names = [_named(match) for match in matches]
    noun = None
    for name in reversed(names):
        kind, _, value = (name or "").partition("=")
        if kind not in lexicon.SOFT_KINDS:
            noun = None if value else name
        elif noun:
            yield noun, kind, value


def _predicate(clause: str) -> tuple[frozenset[str], frozenset[str]]:
    """Content words before and after the first "is" of a clause, values left out."""
    parts = _IS.split(clause, maxsplit=1)
    before, after = (frozenset(token for token, _ in _tokens(part) if "=" not in token) for part in parts)
    return before, after


def _named(match: tuple[str, ...]) -> str | None:
    """The token of one pattern match: "kind=value", the name of a thing, a stem, or None for a stopword."""
    for name, text in zip(_NAMES, match, strict=False):
        if text:
            return name
    word = match[-1]
    if word in lexicon.NUMBERS or word.isdigit():
        return f"number={lexicon.NUMBERS.get(word, word)}"
    return None if word in lexicon.STOPWORDS else stem(word)


def stem(word: str) -> str:
    """Lower-case word with one spelling and without a plural s."""
    for pattern, plain in lexicon.SPELLINGS:
        word = re.sub(pattern, plain, word)
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


_IS = re.compile(r"\b(?:is|are|was|were)\b")
_LISTED = [(name, pattern) for name, pattern in lexicon.THINGS.items()] + [
    (f"{kind}={value}", pattern) for kind, found in lexicon.VALUES.items() for value, pattern in found.items()
]
_NAMES = [name for name, _ in _LISTED]
_PATTERN = re.compile(
    "|".join(rf"\b({pattern})(?!\w)" for _, pattern in _LISTED) + r"|([^\W_]+(?:[.'’-][^\W_]+)*)"
)
