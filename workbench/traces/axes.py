"""Which axis a step belongs to: perception, knowledge or rationale. A stated rule, not a model.

The first rule that fits wins; every step carries the name of the cue that decided. It is a heuristic on
English cue words: it can be wrong, and a step without a cue is called perception.
"""

import re

from workbench.traces.trace import Axis

AXIS_RULE = (
    "A leading label such as 'Perception:' or 'Knowledge:' decides.",
    "Else a sentence that draws a conclusion (therefore, thus, so, consistent with, rules out) is rationale.",
    "Else a general statement that does not point at this image (typically, in general, is caused by, is defined "
    "as) is knowledge.",
    "Else a sentence that gives a reason (because, since, given) is rationale.",
    "Else a sentence about what is visible (the image shows, there is, appears, in the left lung) is perception.",
    "A sentence without any cue is called perception.",
)

_PREFIX: tuple[tuple[Axis, str], ...] = (
    (
        "perception",
        r"perception|observations?|findings?|image findings?|visual evidence|description|modality",
    ),
    ("knowledge", r"(?:medical |background )?knowledge|background|facts?"),
    ("rationale", r"rationale|reasoning|conclusion|inference|interpretation|impression|justification"),
)
_CUES: tuple[tuple[Axis, str], ...] = (
    (
        "rationale",
        r"\b(?:therefore|thus|hence|consequently|accordingly|this (?:means|suggests|indicates|implies|supports|"
        r"points|rules out|makes|fits|argues)|these (?:findings|features|signs) (?:suggest|indicate|support|point|"
        r"fit|are)|(?:is|are|most|more|less) (?:likely|unlikely|consistent with|compatible with|incompatible with)|"
        r"consistent with|compatible with|in keeping with|rul(?:es|ed|ing) out|argues? (?:for|against)|"
        r"(?:is|are) excluded|"
        r"appearance fits|we (?:can )?conclude|the (?:correct |best |final )?answer (?:is|must be)|"
        r"favou?rs? the diagnosis|so,? (?:the|it|this|there|we|i)\b|which (?:suggests|indicates|means|supports|rules "
        r"out|points to))",
    ),
    (
        "knowledge",
        r"\b(?:typically|in general|generally|usually|commonly|often|normally,|classically|by definition|is defined "
        r"as|is known|are known|is caused by|are caused by|results? from|refers to|is a (?:type|form|disease|"
        r"condition|disorder|sign|marker|benign|malignant)|are a (?:type|form|sign)|tends? to|occurs? (?:in|when|"
        r"after|with)|is characteri[sz]ed by|are characteri[sz]ed by|guidelines|first-line|patients with|risk "
        r"factors?|the hallmark|can (?:cause|lead to|occur|present))\b",
    ),
    ("rationale", r"\b(?:because|since (?:the|there|it|this|no)|given (?:the|that|this))\b"),
    (
        "perception",
        r"\b(?:(?:image|picture|scan|film|radiograph|x-ray|slice|photograph|smear|view|ct|mri|figure|it) "
        r"(?:shows?|depicts?|reveals?|demonstrates?|displays?|contains?|is)|there (?:is|are)|i (?:can )?see|we see|"
        r"can be seen|is seen|are seen|is visible|are visible|appears?|looks?|is noted|are noted|is present|"
        r"observed|(?:left|right|upper|lower|central?|bilateral) (?:lung|lobe|zone|side|quadrant|hemisphere))\b",
    ),
)
_PREFIX_PATTERNS = [
    (axis, re.compile(rf"^\W*(?:step \d+\W*)?(?:{words})\W{{0,2}}:", re.I)) for axis, words in _PREFIX
]
_CUE_PATTERNS = [(axis, re.compile(pattern, re.I)) for axis, pattern in _CUES]


def label_axis(sentence: str) -> tuple[Axis, str]:
    """The axis of a sentence and the cue that decided it."""
    for axis, pattern in _PREFIX_PATTERNS:
        match = pattern.search(sentence)
        if match:
            return axis, f"label {match[0].strip()!r}"
    for axis, pattern in _CUE_PATTERNS:
        match = pattern.search(sentence)
        if match:
            return axis, f"cue {match[0].lower()!r}"
    return "perception", "no cue"
