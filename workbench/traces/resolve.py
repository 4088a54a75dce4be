"""From what a model wrote as its answer to an option letter, and from two answers to "the same"."""

import difflib
import re
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FUZZY_RATIO = 0.85
_ARTICLES = {"a", "an", "the"}
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_SAME = {"xray": "x ray", "radiograph": "x ray", "ct scan": "ct", "mri scan": "mri", "none": "none"}
_LETTER_FORMS = (
    r"\(?([A-Z])\)?[.:]?",
    r"(?i:option|answer|choice)\s*\(?([A-Z])\)?[.:]?",
    r"\\boxed\{\s*(?:\\text\{)?\(?([A-Z])\)?\}?\s*\}",
    r"\[([A-Z])\]",
    r"\*\*\(?([A-Z])\)?[.:]?\*\*",
)
_LETTER_THEN_TEXT = re.compile(r"^(?:(?i:option)\s*)?[*\[(]*([A-Z])[*\])]*\s*[.):\-]\s+(.+)$", re.DOTALL)


def normalise_answer(text: str) -> str:
    """Lower case, punctuation and articles dropped, number words as digits, single spaces.

    Letters and digits of every script are kept; "X-Ray", "xray" and "x ray" become the same.
    """
    words = re.sub(r"[^\w\s.]|_", " ", text.lower())
    words = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", words)
    kept = [_NUMBERS.get(word, word) for word in words.split() if word not in _ARTICLES]
    joined = " ".join(kept)
    return _SAME.get(joined, " ".join(_SAME.get(word, word) for word in kept))


def is_yes_no(text: str) -> str | None:
    """ "yes" or "no" when the answer begins with that whole word, else None ("normal" is not "no")."""
    words = normalise_answer(text).split()
    return words[0] if words and words[0] in ("yes", "no") else None


def answers_match(given: str, gold: str) -> bool:
    """Exact match after normalising; a yes/no gold also accepts an answer that begins with that word."""
    wanted = normalise_answer(gold)
    if wanted in ("yes", "no"):
        return is_yes_no(given) == wanted
    return bool(wanted) and normalise_answer(given) == wanted


def _letter_alone(text: str, count: int) -> str | None:
    for form in _LETTER_FORMS:
        match = re.fullmatch(form, text.strip())
        if match and LETTERS.index(match[1]) < count:
            return match[1]
    return None


def _contained(answer: str, options: list[str]) -> list[int]:
    """Options whose words stand in the answer as whole words; one inside another counts for the longer."""
    found = [
        i
        for i, option in enumerate(options)
        if option and re.search(rf"(?<!\w){re.escape(option)}(?!\w)", answer)
    ]
    return [i for i in found if not any(i != j and options[i] in options[j] for j in found)]


def resolve_option(answer_text: str | None, options: Sequence[str]) -> str | None:
    """Letter of the option that the answer names, or None when it names none or several.

    Tried in order: the exact text; a letter alone in its usual dresses; "B. text"; yes/no as first word;
    the only option at FUZZY_RATIO similarity; the only option contained as whole words.
    """
    if not answer_text or not answer_text.strip() or not options:
        return None
    answer, plain = normalise_answer(answer_text), [normalise_answer(option) for option in options]
    exact = [i for i, option in enumerate(plain) if option and option == answer]
    if len(exact) == 1:
        return LETTERS[exact[0]]
    letter = _letter_alone(answer_text, len(options))
    if letter:
        return letter
    both = _LETTER_THEN_TEXT.match(answer_text.strip())
    if both and LETTERS.index(both[1]) < len(options):
        named = resolve_option(both[2], options)
        return both[1] if named in (None, both[1]) else None
    if set(plain) == {"yes", "no"}:
        word = is_yes_no(answer_text)
        return LETTERS[plain.index(word)] if word else None
    ratios = [difflib.SequenceMatcher(None, answer[:200], option).ratio() for option in plain]
    close = [i for i, ratio in enumerate(ratios) if ratio >= FUZZY_RATIO]
    if len(close) == 1:
        return LETTERS[close[0]]
    inside = _contained(answer, plain)
    return LETTERS[inside[0]] if len(inside) == 1 else None
