"""From an answer in words to the option it means, or to nothing: a wrong guess is worse than none."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from workbench.traces.normalise import CJK, answers_match, is_yes_no, normalise_words

FUZZY_RATIO = 0.85
_FUZZY_WORD = 0.8  # every differing word has to be more alike than this: "upper" is no misspelt "lower"
_SHORTEST_FUZZY = 4  # letters of a word that may be misspelt: "T1", "II" have to be exact
_WRAP = r"[\s*_`\"'$({\[]{0,8}"
_UNWRAP = r"[\s*_`\"'$)}\].,;:!]{0,12}"
_BOX = r"(?:\\boxed\s?\{\s?)?(?:\\text\w{0,2}\s?\{\s?)?"
_NAMED = r"(?:(?:the )?(?:correct |final )?(?:option|answer|choice|letter)(?: is)?[\s:*(\[]{1,5})"
_BARE = re.compile(rf"{_WRAP}{_NAMED}?{_WRAP}{_BOX}([A-Za-z]){_UNWRAP}", re.IGNORECASE)
_LABELLED = re.compile(
    rf"{_WRAP}(?:{_NAMED}(?-i:(?P<a>[A-Z]))(?![\w'-])|\((?P<b>[A-Z])\)|(?P<c>[A-Z])[):]"
    rf"|(?P<dot>[A-Z])\.(?=\s)|\*\*(?P<d>[A-Z])[.):]?\*\*){_UNWRAP}(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)
_OTHER_LABEL = re.compile(r"\b(?:option|choice|or|and)\s+\(?[A-J]\b(?![\w'-])|\([A-J]\)")
_NEGATIONS = frozenset(
    ("no", "not", "without", "never", "neither", "nor", "cannot", "exclude", "excludes", "excluded")
    + ("无", "無", "没", "不", "非")
)
_TURNS = frozenset(("but", "however", "instead"))  # "not a nodule but pneumonia"
_RULES_OUT = frozenset(("rules", "ruled", "rule"))
_OPPOSING = (
    "ab",
    "ad",
    "af",
    "an",
    "a",
    "anti",
    "ante",
    "de",
    "dis",
    "ef",
    "extra",
    "fe",
    "hyper",
    "hypo",
    "il",
    "im",
    "in",
    "infra",
    "inter",
    "intra",
    "ir",
    "macro",
    "micro",
    "non",
    "post",
    "pre",
    "sub",
    "supra",
    "un",
)


def bare_letter(answer_text: str) -> str | None:
    """The letter of an answer that is only a letter: "B", "(b)", "**B**.", "Option B", "\\boxed{B}"."""
    match = _BARE.fullmatch(answer_text[:200].strip())
    return match[1].upper() if match else None


def resolve_option(answer_text: str | None, options: Sequence[str]) -> str | None:
    """The letter (A, B, …) of the option that an answer means; None when that is unclear.

    Tried in order: the text of one option, a letter alone, a letter with text ("B. text"), yes or no as
    the first word, a misspelling of one option (ratio 0.85), and one option inside the answer (or the answer
    inside one option) on word boundaries and not negated. At most 26 options have letters.
    """
    listed = [_without_own_label(option, at) for at, option in enumerate(options[:26])]
    answer = (answer_text or "").strip()
    if not listed or not normalise_words(answer):
        return None
    exact = _only(_equal(answer, listed))
    letter = bare_letter(answer)
    if letter is not None:
        at = ord(letter) - ord("A")
        if exact is not None and exact != at:
            return None
        return letter if at < len(listed) else _letter(exact)
    if exact is not None:
        return _letter(exact)
    labelled, unlabelled = _by_label(answer, listed)
    return labelled if labelled is not None or not unlabelled else _letter(_by_words(answer, listed))


def _letter(at: int | None) -> str | None:
    return None if at is None else chr(ord("A") + at)


def _equal(answer: str, options: Sequence[str]) -> list[int]:
    """Options of the same words; where two differ in case only, the one written alike."""
    same = [at for at, option in enumerate(options) if answers_match(answer, option)]
    return [at for at in same if options[at].strip() == answer] or same


def _only(places: Sequence[int]) -> int | None:
    return places[0] if len(places) == 1 else None


def _without_own_label(option: str, at: int) -> str:
    """An option that carries its own letter ("B. text") without it."""
    match = re.match(r"\s*\(?([A-Za-z])[.):]\s+(?=\S)", option)
    return option[match.end() :] if match and ord(match[1].upper()) - ord("A") == at else option


def _by_label(answer: str, options: Sequence[str]) -> tuple[str | None, bool]:
    """(letter, whether to go on without label). "E. coli" is a name unless option E says something alike."""
    match = _LABELLED.fullmatch(answer[:2000])
    if not match:
        return None, True
    letter = next(match[name] for name in ("a", "b", "c", "dot", "d") if match[name]).upper()
    at, rest = ord(letter) - ord("A"), match["rest"].strip()
    if at >= len(options):
        return None, bool(match["dot"])
    if _OTHER_LABEL.search(rest):
        return None, False
    meant = _by_words(rest, options)
    if meant is not None and meant != at:
        return None, False
    if meant is None and match["dot"] and rest[:1].islower():
        return None, True
    return letter, False


def _by_words(answer: str, options: Sequence[str]) -> int | None:
    """Place of the option that the words of an answer mean."""
    exact = _only(_equal(answer, options))
    if exact is not None:
        return exact
    words, table = normalise_words(answer), [normalise_words(option) for option in options]
    side = is_yes_no(answer)
    if any(option in (("yes",), ("no",)) for option in table) or words in (("yes",), ("no",)):
        sided = [at for at, option in enumerate(table) if side and option[:1] == (side,)]
        if sided or words in (("yes",), ("no",)):
            return _only(sided)
    for search in (_options_alike, _options_inside, _options_around):
        found = search(words, table)
        if found:
            return _only(found)
    return None


def _places(part: tuple[str, ...], whole: tuple[str, ...]) -> list[int]:
    return [at for at in range(len(whole) - len(part) + 1) if whole[at : at + len(part)] == part]


def _negated(words: tuple[str, ...], at: int) -> bool:
    for word in reversed(words[max(0, at - 3) : at]):
        if word in _TURNS:
            return False
        if word in _NEGATIONS or word in _RULES_OUT:
            return True
    return False


def _options_inside(words: tuple[str, ...], table: Sequence[tuple[str, ...]]) -> list[int]:
    """Options whose words stand in the answer, not negated and not as a part of a longer one that does."""
    spans = [
        (start, start + len(option), at)
        for at, option in enumerate(table)
        if option and option not in (("yes",), ("no",))
        for start in _places(option, words)
        if not _negated(words, start)
    ]
    outer = [
        span
        for span in spans
        if not any(o[0] <= span[0] and span[1] <= o[1] and o[1] - o[0] > span[1] - span[0] for o in spans)
    ]
    return sorted({at for _, _, at in outer})


def _options_around(words: tuple[str, ...], table: Sequence[tuple[str, ...]]) -> list[int]:
    """Options that the whole answer is a part of, unless the option negates what the answer says."""
    if words[:1] in (("yes",), ("no",)) or sum(map(len, words)) < (1 if _has_cjk(words) else 3):
        return []
    return [
        at
        for at, option in enumerate(table)
        if _places(words, option) and not (_NEGATIONS & (set(option) - set(words)))
    ]


def _has_cjk(words: tuple[str, ...]) -> bool:
    return any(re.match(f"[{CJK}]", word) for word in words)


def _options_alike(words: tuple[str, ...], table: Sequence[tuple[str, ...]]) -> list[int]:
    """Options of as many words that differ by a misspelling only."""
    return [
        at for at, option in enumerate(table) if len(words) == len(option) <= 30 and _misspelt(words, option)
    ]


def _misspelt(words: tuple[str, ...], option: tuple[str, ...]) -> bool:
    pairs = [(a, b) for a, b in zip(words, option, strict=True) if a != b]
    if any(min(len(a), len(b)) < _SHORTEST_FUZZY or _opposed(a, b) or _has_digit(a + b) for a, b in pairs):
        return False
    if any(_ratio(a, b) <= _FUZZY_WORD for a, b in pairs):
        return False
    return _ratio(" ".join(words), " ".join(option)) >= FUZZY_RATIO


def _ratio(first: str, second: str) -> float:
    return SequenceMatcher(None, first[:200], second[:200], autojunk=False).ratio()


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _opposed(first: str, second: str) -> bool:
    """Whether two words differ by a prefix that turns the meaning: normal/abnormal, hyper-/hypotension."""
    return bool(_stems(first) & _stems(second))


def _stems(word: str) -> set[str]:
    return {word} | {word[len(p) :] for p in _OPPOSING if word.startswith(p) and len(word) > len(p) + 2}
