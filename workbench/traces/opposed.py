"""When two short phrases can't both be meant: opposite words, numbers, colours, findings, kinds of picture.

Everything here errs towards silence: two phrases that may be two names of one thing are not opposed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.traces.modalities import tag_of

_WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+(?:'[a-z]{1,2})?|[<>=±%]")
_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
_SPELLINGS = (
    ("haem", "hem"), ("oedem", "edem"), ("tumour", "tumor"), ("colour", "color"), ("grey", "gray"),
    ("anaem", "anem"), ("oesoph", "esoph"),
)  # fmt: skip
_OPPOSITES = (
    ("left", "right"), ("upper", "lower"), ("superior", "inferior"), ("anterior", "posterior"),
    ("front", "back"), ("medial", "lateral"), ("proximal", "distal"), ("benign", "malignant"),
    ("present", "absent"), ("normal", "abnormal"), ("regular", "irregular"), ("smooth", "ragged"),
    ("yes", "no"), ("increased", "decreased"), ("positive", "negative"), ("unilateral", "bilateral"),
    ("transudate", "exudate"), ("systolic", "diastolic"),
)  # fmt: skip
_OPPOSITE = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}
COLOURS = frozenset(("black", "brown", "red", "orange", "yellow", "green", "blue", "white", "gray"))
# Findings that may be two names, or two sides, of one thing stand in one family.
_FAMILIES = (
    ("consolidation", "infiltrate", "infiltration", "pneumonia", "edema", "atelectasis"),
    ("nodule", "mass", "tumor", "cyst", "polyp", "abscess", "carcinoma", "cancer", "melanoma", "metastasis")
    + ("adenoma", "lymphoma", "sarcoma", "meningioma", "glioma", "hemangioma", "granuloma", "calcification"),
    ("effusion", "empyema", "hemothorax", "ascites"),
    ("pneumothorax",),
    ("cardiomegaly",),
    ("fracture", "dislocation"),
    ("hematoma", "hemorrhage", "bleeding", "contusion"),
    ("infarct", "infarction", "ischemia", "stroke", "hematoma", "hemorrhage"),
    ("emphysema",),
    ("fibrosis", "scar"),
    ("hernia",),
    ("hydrocephalus",),
    ("aneurysm", "dissection"),
    ("stenosis", "occlusion", "thrombosis", "embolism"),
    ("stone", "calculus", "calcification"),
)
_FAMILY: dict[str, frozenset[int]] = {
    name: frozenset(place for place, family in enumerate(_FAMILIES) if name in family)
    for family in _FAMILIES
    for name in family
}


@dataclass(frozen=True)
class Word:
    """One word in one spelling, and its place in the text it was read from."""

    plain: str
    start: int
    end: int


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text without articles: lower case, one spelling, singular, digits for numbers."""
    return tuple(
        Word(plain, match.start(), match.end())
        for match in _WORD.finditer(text)
        if (plain := _plain(match[0])) not in _ARTICLES
    )


def plain_words(text: str) -> tuple[str, ...]:
    """`words_of` without the places."""
    return tuple(word.plain for word in words_of(text))


def _plain(word: str) -> str:
    plain = word.casefold().replace("’", "'").replace(",", ".")
    plain = _NUMBERS.get(plain, plain)
    for british, other in _SPELLINGS:
        plain = plain.replace(british, other)
    plain = re.sub(r"opsies$", "opsy", plain)
    if len(plain) > 3 and plain.endswith("s") and not plain.endswith(("ss", "us", "is", "'s")):
        plain = plain[:-1]
    return plain


def places(part: tuple[str, ...], whole: tuple[str, ...]) -> Iterator[int]:
    """Where the words of one phrase stand in another, in a row."""
    return (at for at in range(len(whole) - len(part) + 1) if part and whole[at : at + len(part)] == part)


def opposed(first: str, second: str) -> bool:
    """Whether two short phrases exclude each other, as far as a small table can tell."""
    left, right = plain_words(first), plain_words(second)
    if not left or not right or left == right or max(len(left), len(right)) > 8:
        return False
    return (
        _other_number(left, right)
        or _one_word_turned(left, right)
        or _other_colour(left, right)
        or _other_finding(left, right)
        or _other_picture(first, second)
    )


def _other_number(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Numbers with the same words, or with none, after them."""
    if not all(re.fullmatch(r"\d+(?:\.\d+)?", words[0]) for words in (left, right)):
        return False
    return left[0] != right[0] and (left[1:] == right[1:] or not left[1:] or not right[1:])


def _one_word_turned(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    if len(left) != len(right):
        return False
    pairs = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    return len(pairs) == 1 and _OPPOSITE.get(pairs[0][0]) == pairs[0][1]


def _other_colour(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return len(left) == len(right) == 1 and {*left, *right} <= COLOURS


def _other_finding(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Findings of families that share nothing, each phrase being about one finding and ending with it."""
    found = []
    for words in (left, right):
        named = [word for word in words if word in _FAMILY]
        if len(named) != 1 or words[-1] != named[0] or len(words) > 4 or _NEGATIVE & {*words}:
            return False
        found.append(_FAMILY[named[0]])
    return not found[0] & found[1]


_NEGATIVE = frozenset(("no", "not", "without", "non", "neither", "or", "and"))


def _other_picture(first: str, second: str) -> bool:
    tags = tag_of(first), tag_of(second)
    return all(tags) and tags[0] != tags[1] and "OTHER" not in tags
