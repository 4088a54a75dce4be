"""One way of reading short answers, so that equal answers compare equal."""

import html
import re
import unicodedata
from typing import Literal

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_LONGEST = 4000  # characters; an answer is short, the rest of a runaway text decides nothing
_NUMBERS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty",
]  # fmt: skip
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_NUMBERS)}
_GRAMMAR_TAG = re.compile(r"</?(?:think|thinking|answer)>", re.IGNORECASE)
_LATEX = re.compile(r"\\(?:boxed|text(?:bf|rm)?|mathrm)\s?\{([^{}]{0,400})\}")
_ARTICLE = re.compile(r"\b(?:the|The|THE|an|An|AN)\b(?=\s)|\ba\b(?=\s+[^\W\d_])|^\s*A(?=\s+[^\W\dA-Z_])")
_NOISE = re.compile(r"[^\w<>=±+.\-]|_")
_SAME = {("radiograph",): ("x", "ray"), ("ct", "scan"): ("ct",), ("mri", "scan"): ("mri",)}
_FIELD = re.compile(rf"[{CJK}]|[^\s{CJK}]+")


def _plain(text: str) -> str:
    """Unescaped text without grammar tags, LaTeX boxes and Markdown marks."""
    plain = unicodedata.normalize("NFKC", html.unescape(text[:_LONGEST]))
    plain = _GRAMMAR_TAG.sub(" ", plain)
    for _ in range(3):
        plain = _LATEX.sub(r" \1 ", plain)
    return plain


def normalise_words(text: str) -> tuple[str, ...]:
    """Words of a short answer in one spelling: lower case, no punctuation, no articles, digits for numbers.

    What changes the meaning stays: signs of numbers, `<`, `>`, `=`, `±`, `+` and decimal points. A letter
    at the end ("hepatitis A") is no article. Chinese and Japanese characters are words of their own.
    """
    plain = _ARTICLE.sub(" ", _plain(text)).casefold().replace("%", " percent ")
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain)
    plain = _NOISE.sub(" ", plain)
    plain = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", plain)
    plain = re.sub(r"(\d)\.0+(?!\d)", r"\1", plain)
    plain = re.sub(r"(?<=[\w+])-|-(?!\d)", " ", plain)
    plain = re.sub(r"\bxray", "x ray", plain)
    words = tuple(_NUMBER_WORDS.get(word, word) for word in _FIELD.findall(plain))
    return _SAME.get(words, words)


def normalise_answer(text: str) -> str:
    """The words of `normalise_words` with single spaces; empty for an answer without words."""
    return re.sub(rf"(?<=[{CJK}]) (?=[{CJK}])", "", " ".join(normalise_words(text)))


def answers_match(given: str, gold: str) -> bool:
    """Whether two short answers are the same after normalising; empty answers match nothing.

    "2" is "two" and "X-Ray" is "x ray" and "xray": spaces don't count except between digits. A gold yes or
    no also accepts an answer that begins with that word.
    """
    side = is_yes_no(gold) if len(normalise_words(gold)) == 1 else None
    if side is not None:
        return is_yes_no(given) == side
    first, second = (re.sub(r"(?<!\d) | (?!\d)", "", normalise_answer(text)) for text in (given, gold))
    return bool(first) and first == second


def is_yes_no(text: str) -> Literal["yes", "no"] | None:
    """The side that an answer takes with its first word; None when it takes none or names both.

    Only the whole words count: "normal", "nodule" and "none" are no "no".
    """
    words = normalise_words(text)
    if not words or words[0] not in ("yes", "no") or {"yes", "no"} <= set(words):
        return None
    return "yes" if words[0] == "yes" else "no"
