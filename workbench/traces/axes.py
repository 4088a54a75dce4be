"""The rule that puts a reasoning sentence on one of the three axes.

Perception is what is visible in this picture, knowledge is a general fact without reference to this
picture, rationale leads from evidence to the answer (the three axes of OpenMedReason). The rule reads
one sentence at a time, looks only at its words, and is the same for every model. Cues are tried in the
order of `AXIS_RULE`; the first that matches decides, and its name is kept with the step. It is a
heuristic for display: it judges how a sentence is worded, never whether it is true.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from workbench.traces.trace import Axis

AXIS_RULE: tuple[str, ...] = (
    'A label in the text decides first: "Perception:", "Knowledge:" or "Rationale:" (also "Findings:", '
    '"Background:", "Conclusion:" and the like).',
    "Words that conclude make rationale: therefore, thus, hence, so, this means, it follows, the answer is, "
    "option B.",
    "Words that speak of what is usual make knowledge: typically, usually, often, in general, is defined as, "
    "is known to, is a sign of.",
    "Words that weigh evidence make rationale: consistent with, suggests, rules out, argues against, more "
    "likely, because or since about a thing at hand.",
    "Words of seeing make perception: the image shows, I see, is visible, there is, appears, lies, measures.",
    "A general statement about a kind of thing makes knowledge: no the, this or number in front, and a verb "
    "such as is, has, causes, indicates.",
    "A statement about a thing at hand (the, both, several, two …) or with a place, colour or size makes "
    "perception.",
    "Words without any cue count as perception. The rule reads wording, not meaning, and is often wrong on "
    "free text: take the colour as a hint.",
)
_READ_AT_MOST = 600  # characters of one sentence that are looked at
_NO_CUE = "no cue"

_LABELS: dict[str, Axis] = {
    "perception": "perception", "perceptions": "perception", "observation": "perception",
    "observations": "perception", "finding": "perception", "findings": "perception",
    "image findings": "perception", "visual findings": "perception", "visual evidence": "perception",
    "knowledge": "knowledge", "medical knowledge": "knowledge", "general knowledge": "knowledge",
    "background": "knowledge", "rationale": "rationale", "reasoning": "rationale",
    "inference": "rationale", "interpretation": "rationale", "conclusion": "rationale",
}  # fmt: skip
_LABEL = re.compile(
    r"^\W{0,6}(?:step\s\d{1,2}\W{1,4})?("
    + "|".join(sorted(_LABELS, key=len, reverse=True))
    + r")(?:\W{0,4}[:：]|[\])])\W{0,4}",
    re.IGNORECASE,
)

_HAND = r"(?:the|this|these|that|those|both|it|its|they|which|there|he|she|taken together|here)"
_ABOUT_HAND = rf"^(?:in summary, |overall, |together, )?{_HAND}\b"


@dataclass(frozen=True)
class _Cue:
    axis: Axis
    name: str
    pattern: re.Pattern[str]


def _cue(axis: Axis, name: str, pattern: str) -> _Cue:
    return _Cue(axis, name, re.compile(pattern, re.IGNORECASE))


_CUES: tuple[_Cue, ...] = (
    _cue(
        "rationale",
        "concluding word",
        r"\b(?:therefore|thus|hence|consequently|accordingly)\b|因此|所以|故而",
    ),
    _cue(
        "rationale", "concluding word", r"^so\b(?! far)|[,;] (?:and )?so\b(?! far| that| much| many| called)"
    ),
    _cue(
        "rationale",
        "concluding words",
        r"\b(?:it follows|(?:this|that|which) means|(?:this|that|which) is why)\b",
    ),
    _cue(
        "rationale",
        "concluding words",
        r"\b(?:we|i|one)(?: can| may| must| would)? (?:conclude|infer|deduce|lean|think|believe|favou?r"
        r"|choose|pick)\b",
    ),
    _cue(
        "rationale", "speaks of the options", r"\b(?:options?|choices?|diagnosis here|the (?:\w+ )?answer)\b"
    ),
    _cue(
        "knowledge",
        "says what is usual",
        r"\b(?:typically|usually|generally|commonly|often|frequently|classically|characteristically"
        r"|in general|as a rule|by definition|in most (?:cases|patients|people))\b|通常|一般",
    ),
    _cue(
        "knowledge",
        "defines or classes",
        r"\b(?:defined as|refers? to|known (?:to|as|for)|tends? to|characteri[sz]ed by"
        r"|(?:is|are) (?:an? |the )?(?:\w+ )?(?:signs?|types?|forms?|kinds?|hallmarks?|features?"
        r"|causes?) of)\b",
    ),
    _cue(
        "knowledge",
        "says what is usual",
        r"^(?:an? |the )?(?:normal|healthy|most)\b(?! of the)|^(?:when|whenever)\b",
    ),
    _cue("rationale", "starts from evidence", r"^(?:because|since|given|if)\b|^as\b[^,]{3,120},"),
    _cue("rationale", "fits the evidence", r"\b(?:consistent|compatible|in keeping|in line) with\b"),
    _cue(
        "rationale",
        "rules in or out",
        r"\b(?:rul(?:es?|ed|ing) out|exclude[sd]?|excluding|argu(?:es?|ing) (?:against|for)|in favou?r of)\b",
    ),
    _cue(
        "rationale",
        "weighs chances",
        r"\b(?:un)?likely\b|\b(?:probabl[ey]|presumably|rather than|must (?:be|have)|cannot be)\b",
    ),
    _cue(
        "rationale",
        "explains a finding",
        r"\b(?:accounts? for|explains? (?:the|this|both|why)|speaks? (?:for|against))\b",
    ),
    _cue(
        "rationale",
        "draws on a finding at hand",
        _ABOUT_HAND
        + r"(?!\W+arrows?\b).{0,200}?\b(?:suggest(?:s|ing)?|indicat(?:es?|ing)|impl(?:y|ies)|supports?"
        r"|confirms?|points? to|favou?rs?|fits?|match(?:es)?|explains?|leaves|because|due to)\b",
    ),
    _cue(
        "rationale",
        "draws on a finding at hand",
        r"^(?:the|this|these|those|both|all)(?: \w+)? (?:features?|findings?|signs?|patterns?|appearances?)\b"
        r".{0,60}?\bmakes?\b",
    ),
    _cue("rationale", "says what would be expected", r"\b(?:would|expected)\b"),
    _cue(
        "perception",
        "says what the picture shows",
        r"\b(?:the|this|it|here|neither|both|no)\b.{0,40}?\b(?:shows?|displays?|demonstrates?|depicts?|reveals?)\b|显示|可见",
    ),
    _cue(
        "perception",
        "word of seeing",
        r"\b(?:i|we|one)(?: can)?(?: clearly)? (?:see|observe|note|notice|make out)\b",
    ),
    _cue(
        "perception",
        "word of seeing",
        r"\b(?:is|are|was|were|be|been)(?: \w+ly)? (?:seen|visible|noted|observed|visuali[sz]ed|evident"
        r"|present|absent|apparent)\b",
    ),
    _cue("perception", "says that something is there", r"\bthere (?:is|are)\b"),
    _cue(
        "perception",
        "names this picture",
        r"\b(?:the|this) (?:\w+ )?(?:image|picture|scan|film|slice|view|slide)\b",
    ),
    _cue(
        "perception",
        "places a thing",
        r"\b(?:along|around|beside|adjacent to|behind|beneath|over|within|on one side of) (?:the|this|both)\b"
        r"|\b(?:runs? (?:through|along|across)|lies|sits|surrounds?|overlies|extends?|measures?"
        r"|crosses|crossing)\b"
        r"|\bpoints? (?:to|at)\b",
    ),
    _cue(
        "knowledge",
        "says what an organ does",
        r"^the \w+(?: \w+)? (?:filter|pump|carry|carrie|store|produce|make|secrete|absorb|digest|control"
        r"|regulate|protect|drain|serve)s?\b",
    ),
    _cue(
        "knowledge",
        "general statement",
        rf"^(?!(?:in|on|at) (?:the|this)\b|{_HAND}\b|(?:i|we|my|our|no|some|several|many|few|all|one|two|"
        r"three|four|five|six|multiple|numerous|\d+)\b).{2,120}?\b(?:is|are|has|have|can|may|does|do|causes?|means?"
        r"|indicates?|suggests?|leads? to|results? in|arises?|occurs?|develops?|produces?|affects?|reflects?"
        r"|contains?|because)\b",
    ),
    _cue("perception", "speaks of a thing at hand", r"^(?:my eyes?|neither)\b"),
    _cue(
        "perception",
        "speaks of a thing at hand",
        r"^(?:the|both|several|many|few|multiple|no|two|three|four|\d+)\b",
    ),
    _cue("perception", "word of appearance", r"\b(?:appears?|looks?|seems?)\b"),
    _cue(
        "perception",
        "place, colour or size",
        r"\b(?:left|right|upper|lower|middle|central|bilateral|lateral|medial|anterior|posterior|bright|dark"
        r"|white|black|red|brown|yellow|purple|pale|grey|gray|small|large|round|enlarge\w*|shadows?|opacit\w+"
        r"|\d+ ?[cm]m)\b",
    ),
    _cue(
        "knowledge",
        "general statement",
        rf"^(?!{_HAND}\b|(?:i|we|my|our|no|some|all|let|first|next|then|now|finally|also)\b)"
        r"(?=(?:\w\S* ){3})",
    ),
)


def read_label(sentence: str) -> tuple[Axis, int] | None:
    """The axis that a label such as "Knowledge:" names and the length of the label; None without one."""
    match = _LABEL.match(sentence)
    return (_LABELS[match[1].lower()], match.end()) if match else None


@lru_cache(maxsize=512)  # a stream asks again for every sentence with each token
def label_axis(sentence: str) -> tuple[Axis, str]:
    """The axis of one sentence and the cue that decided, e.g. `("rationale", 'concluding word: "thus"')`."""
    label = read_label(sentence)
    if label is not None:
        return label[0], "label in the text"
    plain = re.sub(r"^[\W_]+", "", " ".join(sentence[:_READ_AT_MOST].split()))
    for cue in _CUES:
        match = cue.pattern.search(plain)
        if match:
            found = match[0].split()
            shown = " ".join(found if len(found) <= 6 else [*found[:2], "…", *found[-2:]])
            return cue.axis, f'{cue.name}: "{shown}"'
    return "perception", _NO_CUE


def label_sentences(sentences: Iterable[tuple[str, bool]]) -> list[tuple[Axis, str] | None]:
    """Label sentences in order; each comes with whether it starts a new line.

    A label in the text holds until the line ends. A label alone on its line (a heading) holds until the
    next label, and its own entry is None: it is no step.
    """
    out: list[tuple[Axis, str] | None] = []
    heading: Axis | None = None
    line: Axis | None = None
    for sentence, new_line in sentences:
        label = read_label(sentence)
        if new_line:
            line = None
        if label is not None:
            alone = not any(character.isalnum() for character in sentence[label[1] :])
            heading, line = (label[0], None) if alone else (None, label[0])
            out.append(None if alone else (label[0], "label in the text"))
        elif line or heading:
            out.append((line or heading or "perception", "under a label in the text"))
        else:
            out.append(label_axis(sentence))
    return out
