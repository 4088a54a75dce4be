"""What a sentence states, as far as rules can tell: values by kind and content words, affirmed or denied."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from workbench.bench import lexicon

Marked = frozenset[tuple[str, bool]]  # (what, denied)


@dataclass(frozen=True)
class Reading:
    """`values` kind → {(value, denied)}; `implied` the same for what follows without being said; `stems`."""

    values: dict[str, Marked]
    implied: dict[str, Marked]
    stems: Marked

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

    def states(self, kind: str) -> bool:
        return bool(self.values.get(kind) or self.implied.get(kind))


@lru_cache(maxsize=4096)  # a trace is read again for each unit
def read_sentence(text: str) -> Reading:
    """The reading of one sentence (or of a short claim or topic)."""
    tokens = list(_tokens(text))
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
    return Reading({kind: frozenset(found) for kind, found in values.items()}, implied, frozenset(stems))


def joined(readings: Iterable[Reading]) -> Reading:
    """Several sentences read as one."""
    values: dict[str, Marked] = {}
    implied: dict[str, Marked] = {}
    stems: Marked = frozenset()
    for reading in readings:
        for target, source in ((values, reading.values), (implied, reading.implied)):
            for kind, found in source.items():
                target[kind] = target.get(kind, frozenset()) | found
        stems |= reading.stems
    return Reading(values, implied, stems)


def _tokens(text: str) -> Iterable[tuple[str, bool]]:
    """Content words and values of a text in order, each with whether it is denied."""
    for clause in re.split(r"[,;:!?]|\.(?!\d)", text.lower()):
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
            elif (word in lexicon.SCOPE_ENDS and reached) or (
                word == "and" and following in lexicon.ARTICLES
            ):
                scope = False
            token = _named(match)
            if token is None:
                continue
            yield token, (scope or denied_whole) and token != "existence=absent"
            reached = True


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


_LISTED = [(name, pattern) for name, pattern in lexicon.THINGS.items()] + [
    (f"{kind}={value}", pattern) for kind, found in lexicon.VALUES.items() for value, pattern in found.items()
]
_NAMES = [name for name, _ in _LISTED]
_PATTERN = re.compile(
    "|".join(rf"\b({pattern})(?!\w)" for _, pattern in _LISTED) + r"|([^\W_]+(?:[.'’-][^\W_]+)*)"
)
