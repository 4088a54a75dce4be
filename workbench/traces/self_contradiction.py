"""A trace that says one thing and an answer that says another, found by rules that rather stay silent.

Three rules, each of which names the very words that disagree: a step states an answer ("the answer is B"),
the last conclusion names another option or something that the answer excludes, a step denies the answer
("there is no nodule"). Sentences that hedge, ask, weigh alternatives or rule something out say nothing here,
and neither does a trace that comes round to its answer later on. English only.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.traces.normalise import is_yes_no
from workbench.traces.opposed import COLOURS, opposed, places, plain_words, words_of
from workbench.traces.phrases import find_phrase
from workbench.traces.resolve import bare_letter, resolve_option
from workbench.traces.trace import Step, Trace

ContradictionRule = Literal["states another answer", "concludes otherwise", "denies the answer"]
RULES: tuple[ContradictionRule, ...] = ("states another answer", "concludes otherwise", "denies the answer")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONGEST = 600  # characters of a step that are read
_HEDGE = re.compile(
    r"\?|\b(?:may|might|could|can(?:not|'t)? be excluded|possibl[ey]|possibility|perhaps|maybe|probabl[ey]|"
    r"presumabl[ey]|likely|unlikely|suspect\w*|suspicious|suggest\w*|consider\w*|differential|appears?|"
    r"seems?|would|should|if|whether|unless|uncertain|unclear|equivocal|either|versus|vs|alternativ\w+|"
    r"rather than|instead of|compared|unlike|mimic\w*|resembl\w+|similar to|consistent with|compatible with|"
    r"in keeping with|rule out|almost|nearly)\b",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"\b(?:but|however|although|though|except|wait|actually|on second thought|reconsider\w*|correction|"
    r"on the other hand|nevertheless|yet|hmm)\b",
    re.IGNORECASE,
)
_MARKER = re.compile(
    r"\b(?:therefore|thus|hence|consequently|accordingly|in conclusion|to conclude|in summary|"
    r"(?:we|i) (?:can )?conclude(?: that)?|it follows that|(?:this|that|which) means(?: that)?)\b[\s,:]{0,3}"
    r"|^so\b[\s,]{0,3}",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"\bthe (?:(?:final|main|correct|best|right|most \w+|radiological|clinical) ){0,2}"
    r"(?:diagnosis|finding|abnormality|conclusion|impression|lesion)\s(?:here\s)?(?:is|was)(?=\s)[\s:]{0,3}",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|shows?|demonstrates?|displays?|reveals?|depicts?|confirms?|lies|represents?)\b"
    r"(?:\s(?:on|at|in))?[\s:]{0,3}",
    re.IGNORECASE,
)
_DENIAL = frozenset(
    ("no", "not", "without", "never", "neither", "nor", "cannot", "absent", "absence", "exclude", "excluded")
    + ("excludes", "lack", "lacks", "against", "negative", "non", "none", "free", "ruled", "n't", "don't")
    + ("isn't", "aren't", "doesn't", "wasn't", "weren't", "can't")
)
_TAIL = re.compile(
    r"(?:\s|[.,;:!)]|\b(?:image|picture|scan|side|zone|lobe|lung|one|taller|photograph|type|color|colour)\b)*"
    r"(?:\s*\b(?:in|on|at|of|within|with|because|since|as|and shows|here)\b.*)?",
    re.IGNORECASE | re.DOTALL,
)
_DENIED = (
    r"\bthere (?:is|are|was|were) no (?:(?:sign|evidence|indication)s? of )?(?:an? )?(?P<a>{x})",
    r"\bno (?:(?:sign|evidence|indication)s? of )?(?:an? )?(?P<b>{x}) (?:is|are|was|were|can be) "
    r"(?:seen|visible|present|shown|evident|identified|found|detected|noted|observed)",
    r"\b(?P<c>{x}) (?:is|are|was|were) (?:clearly )?(?:absent|not (?:seen|visible|present|shown|found))",
    r"\b(?:image|picture|scan|film|it) (?:does not|doesn't) show (?:an? |any )?(?P<d>{x})",
    r"\b(?:this|it) is not (?:an? )?(?P<e>{x})",
    r"\bthe (?:answer|diagnosis|finding) is not (?:an? )?(?P<f>{x})",
)
_END_OF_DENIAL = re.compile(
    r"\s*(?:[.!;)]|$|,? (?:therefore|thus|hence|so)\b|(?:is|are|was|were|can be) \w+[.!]?$)"
)
_ASKED = (
    r"(?:is|are|was|were) there (?:any |an? )?(?:(?:sign|evidence|indication)s? of )?(?:an? )?(?P<a>.+?)"
    r"(?: (?:visible|present|seen|shown))?(?: (?:in|on) (?:the|this) (?:image|picture|scan|film))?",
    r"(?:is|are|can|could) (?:any |an? |the )?(?P<b>.+?) (?:be )?(?:seen|visible|present|shown)"
    r"(?: (?:in|on) (?:the|this) (?:image|picture|scan|film))?",
    r"does (?:the|this) (?:image|picture|scan|film) show (?:any |an? )?(?:(?:sign|evidence)s? of )?"
    r"(?P<c>.+?)",
    r"would you say there (?:is|are) (?:any |an? )?(?P<d>.+?)",
)
_PRESENT = (
    r"\b(?P<a>{x}) (?:is|are) (?:clearly )?(?:present|seen|visible|shown)",
    r"\bthere (?:is|are) (?:an? )?(?P<b>{x})",
    r"\b(?:image|picture|scan|film) (?:is abnormal and )?shows (?:an? )?(?P<c>{x})",
)


@dataclass(frozen=True)
class Contradiction:
    """Words of a step that disagree with the answer.

    `step` is the Step.index; `says` the words as they stand in the generated text from `char_start` to
    `char_end`; `answer` is the answer as it was given (with its option where it is a letter).
    """

    rule: ContradictionRule
    step: int
    says: str
    answer: str
    char_start: int
    char_end: int

    @property
    def sentence(self) -> str:
        """The disagreement in words; steps are counted from 1."""
        return f"Step {self.step + 1} {_TOLD[self.rule]} “{self.says}”, the answer is “{self.answer}”."


_TOLD = {
    "states another answer": "states the answer",
    "concludes otherwise": "concludes",
    "denies the answer": "says",
}


def contradictions(
    trace: Trace, options: Sequence[str] = (), question: str = ""
) -> tuple[Contradiction, ...]:
    """Where the trace and its answer disagree, in the order of the steps; at most one entry a step.

    `options` are those that were shown; without them only what excludes each other for certain counts.
    `question` lets a yes or no be held against what the reasoning found ("Is there a nodule?").
    """
    case = _read(trace, tuple(options), question)
    if case is None:
        return ()
    found: dict[int, Contradiction] = {}
    for rule in (_states, _concludes, _denies):
        for entry in rule(case):
            found.setdefault(entry.step, entry)
    return tuple(found[step] for step in sorted(found))


@dataclass(frozen=True)
class _Case:
    """A trace with a usable answer: `steps` are those that don't hold the answer itself."""

    steps: tuple[Step, ...]
    after_answer: bool
    options: tuple[str, ...]
    letter: str | None
    meant: str  # the answer, an option's text where it is one
    shown: str
    question: str

    def entry(self, rule: ContradictionRule, step: Step, start: int, end: int) -> Contradiction:
        begin = step.char_start
        return Contradiction(rule, step.index, step.text[start:end], self.shown, begin + start, begin + end)


def _read(trace: Trace, options: tuple[str, ...], question: str) -> _Case | None:
    answer = trace.answer_text
    if answer is None or trace.answer_start is None or not trace.steps or len(answer) > 200:
        return None
    letter = trace.answer_letter
    at = _LETTERS.index(letter) if letter else -1
    option = options[at] if 0 <= at < len(options) else ""
    if options and not option:
        # The answer is none of the options: only what it excludes by its words can be held against it.
        letter = None
    start = trace.answer_start
    steps = tuple(step for step in trace.steps if not step.char_start <= start < step.char_end)
    meant = option or answer
    shown = f"{letter}. {option}" if option and bare_letter(answer) else answer
    return _Case(steps, len(steps) < len(trace.steps), options, letter, meant, shown, question)


def _states(case: _Case) -> Iterator[Contradiction]:
    """The last "the answer is X" of the steps, where X is another option, or excludes the answer."""
    if case.after_answer:
        return
    for step in reversed(case.steps):
        text = step.text[:_LONGEST]
        found = find_phrase(text, (0, len(text)))
        if found is None:
            continue
        start, end = found[0]
        if _doubtful(text) or _NOT_STATED.search(text[max(0, start - 40) : start]):
            return
        if _other_answer(text[start:end], case):
            yield case.entry("states another answer", step, start, end)
        return


def _other_answer(stated: str, case: _Case) -> bool:
    if is_yes_no(stated) is None and _DENIAL & set(plain_words(stated)) and not case.options:
        return False
    if case.options and case.letter:
        letter = resolve_option(stated, case.options)
        if letter is not None:
            return letter != case.letter
    letter = bare_letter(stated)
    if letter and case.letter and not case.options:
        return letter != case.letter
    return opposed(stated, case.meant)


def _concludes(case: _Case) -> Iterator[Contradiction]:
    """The last conclusion of the trace, unless the trace turns round after it."""
    if case.after_answer:
        return
    for place in range(len(case.steps) - 1, -1, -1):
        step = case.steps[place]
        clause = _clause(step.text[:_LONGEST])
        if clause is None:
            continue
        later = case.steps[place + 1 :]
        if any(_TURN.search(after.text) or _names(after.text, case.meant) for after in later):
            return
        if not _doubtful(step.text[:_LONGEST]):
            yield from _judged(case, step, clause)
        return


def _judged(case: _Case, step: Step, clause: tuple[int, int]) -> Iterator[Contradiction]:
    side = is_yes_no(case.meant) if len(plain_words(case.meant)) == 1 else None
    found = None
    if side is not None:
        found = _presence(case, step.text, clause, side)
    elif not _names(step.text, case.meant) and _same_thing(case, step.text, clause):
        found = _option_named(case, step.text, clause) or _excluded(case, step.text, clause)
    if found is not None:
        yield case.entry("concludes otherwise", step, *found)


def _same_thing(case: _Case, text: str, clause: tuple[int, int]) -> bool:
    """Whether a side, colour or number is said of what the question asks about, as far as it tells."""
    answer = set(plain_words(case.meant))
    asked = set(plain_words(case.question)) - _ASKING
    attribute = answer <= _PLACES | COLOURS or all(word.isdigit() for word in answer)
    if not attribute or not asked or asked & _ANY_FINDING:
        return True
    verb = _VERB.search(text, *clause)
    subject = set(plain_words(text[clause[0] : verb.start()])) if verb else set()
    return not subject - _FILLERS or bool((subject - _FILLERS) & asked)


def _clause(text: str) -> tuple[int, int] | None:
    """Where the conclusion of a step stands: after "therefore" and the like, or "the finding is"."""
    markers = list(_MARKER.finditer(text))
    if markers:
        return markers[-1].end(), len(text)
    subject = _SUBJECT.search(text)
    return (subject.start(), len(text)) if subject else None


def _option_named(case: _Case, text: str, clause: tuple[int, int]) -> tuple[int, int] | None:
    """The place of the one option that a clause ends in saying, if it is another than the answer's."""
    if len(case.options) < 2 or case.letter is None:
        return None
    words = tuple(word for word in words_of(text) if word.start >= clause[0])
    spans = _option_spans(case.options, tuple(word.plain for word in words))
    if len({at for _, _, at in spans}) != 1:
        return None
    first, last, at = spans[-1]
    start, end = words[first].start, words[last - 1].end
    rest = (*words[:first], *words[last:])
    if _LETTERS[at] == case.letter or _DENIAL & {word.plain for word in rest}:
        return None
    return (start, end) if _predicate(text, clause[0], start, end) else None


def _option_spans(options: Sequence[str], words: tuple[str, ...]) -> list[tuple[int, int, int]]:
    """(first word, one past the last, option) of the options named, without those inside of a longer one."""
    spans = [
        (start, start + len(part), at)
        for at, option in enumerate(options[:26])
        if (part := plain_words(option)) and part not in (("yes",), ("no",))
        for start in places(part, words)
    ]
    return [
        span
        for span in spans
        if not any(o[0] <= span[0] and span[1] <= o[1] and o[1] - o[0] > span[1] - span[0] for o in spans)
    ]


def _predicate(text: str, begin: int, start: int, end: int) -> bool:
    """Whether words are what a clause says of its subject: right after its verb, and at its end."""
    before, verbs = text[begin:start], list(_VERB.finditer(text[begin:start]))
    lead = before[verbs[-1].end() :] if verbs else before
    joined = not lead.strip(" \t\n,:*\"'“”") or re.fullmatch(
        r"(?:\W|\b(?:an?|the|on|in|at|to|of|there|and|shows?|abnormal|small|large|place|side|left|right)\b)"
        r"{0,8}",
        lead,
        re.IGNORECASE,
    )
    return bool(joined and (verbs or not before.strip(" ,:*")) and _TAIL.fullmatch(text[end:]))


def _excluded(case: _Case, text: str, clause: tuple[int, int]) -> tuple[int, int] | None:
    """The place of a clause's predicate where it excludes the answer."""
    found = _said(text, clause)
    if found is None or not opposed(text[slice(*found)], case.meant):
        return None
    return None if _DENIAL & set(plain_words(text[clause[0] : found[1]])) else found


_NOT_STATED = re.compile(r"\bof (?:choice|option)\b|\bnot\b", re.IGNORECASE)
_CUT = re.compile(
    r"[.,;:!]|\s(?:in|on|at|of|with|within|because|since|which|that|and|or|image|picture|scan)\b"
)


def _said(text: str, clause: tuple[int, int]) -> tuple[int, int] | None:
    """Where a clause says what its subject is: after its last verb, up to the next turn of the phrase."""
    verbs = list(_VERB.finditer(text, *clause))
    if not verbs:
        return None
    start = verbs[-1].end()
    cut = _CUT.search(text, start)
    end = cut.start() if cut else len(text)
    article = re.match(r"(?:an?|the)\s", text[start:end], re.IGNORECASE)
    start += article.end() if article else 0
    side = re.search(r"\s(?:side|one)$", text[start:end])
    end -= len(side[0]) if side else 0
    return (start, end) if text[start:end].strip() else None


def _presence(case: _Case, text: str, clause: tuple[int, int], side: str) -> tuple[int, int] | None:
    """Whether a question for the presence of a thing is answered other than the conclusion says."""
    asked = _thing_asked(case.question)
    if asked is None:
        return None
    said = text[clause[0] :]
    for patterns, answer in ((_DENIED, "yes"), (_PRESENT, "no")):
        place = _pattern_place(said, patterns, asked)
        if place is not None and side == answer:
            return clause[0] + place[0], clause[0] + place[1]
        if place is not None:
            return None
    return None


def _thing_asked(question: str) -> tuple[str, ...] | None:
    plain = " ".join(question.strip().split()).rstrip("?. ")
    for pattern in _ASKED:
        match = re.fullmatch(pattern, plain, re.IGNORECASE)
        if match and match.lastgroup:
            thing = plain_words(match[match.lastgroup])
            blocked = _DENIAL & set(thing) or len(thing) > 4
            return None if blocked or not thing else thing
    return None


def _denies(case: _Case) -> Iterator[Contradiction]:
    """Steps that deny the very answer, where no step affirms it."""
    answer = plain_words(case.meant)
    if not answer or len(answer) > 5 or _unfit(answer):
        return
    denying = [(step, place) for step in case.steps if (place := _denial(step, answer)) is not None]
    others = [step for step in case.steps if step.index not in {step.index for step, _ in denying}]
    if any(_names(step.text, case.meant) for step in others if step.axis != "knowledge"):
        return
    for step, place in denying:
        yield case.entry("denies the answer", step, *place)


_ANY_FINDING = frozenset(("abnormality", "finding", "lesion", "pathology", "abnormal", "disease"))
_ASKING = frozenset(
    ("which", "what", "where", "how", "many", "is", "are", "do", "does", "in", "on", "at", "of", "or", "to")
    + ("this", "that", "it", "you", "see", "say", "state", "tell", "me", "side", "left", "right", "color")
    + ("image", "picture", "number", "count", "place", "position", "location", "there", "lie", "located")
)
_FILLERS = frozenset(("of", "there", "it", "this", "that", "number", "count", "place", "side", "position"))
_PLACES = frozenset(
    ("left", "right", "upper", "lower", "middle", "yes", "no", "normal", "abnormal", "both", "one", "side")
    + ("image", "picture", "present", "absent", "regular", "irregular", "benign", "malignant")
    + ("zone", "front", "back", "central", "center")
)


def _unfit(answer: tuple[str, ...]) -> bool:
    """Answers that no denial can be held against: sides, numbers, letters, those that deny themselves."""
    return (
        bool(_DENIAL & set(answer))
        or set(answer) <= _PLACES
        or all(len(w) < 3 or w.isdigit() for w in answer)
    )


def _denial(step: Step, answer: tuple[str, ...]) -> tuple[int, int] | None:
    text = step.text[:_LONGEST]
    place = None if _doubtful(text) else _pattern_place(text, _DENIED, answer)
    # "No nodule in the left lung" denies a part only.
    if place is None or not _END_OF_DENIAL.match(text[place[1] :]):
        return None
    return place


def _pattern_place(text: str, patterns: Sequence[str], thing: tuple[str, ...]) -> tuple[int, int] | None:
    """Where a pattern stands whose `{x}` has the words of a thing; from its beginning to the thing's end."""
    words = words_of(text)
    plain = tuple(word.plain for word in words)
    for at in places(thing, plain):
        start, end = words[at].start, words[at + len(thing) - 1].end
        for pattern in patterns:
            found = re.compile(pattern.format(x=re.escape(text[start:end])), re.IGNORECASE)
            for match in found.finditer(text):
                if match.start(match.lastgroup or 0) == start and not text[end:].startswith("-"):
                    return match.start(), match.end()
    return None


def _names(text: str, thing: str) -> bool:
    """Whether the words of a thing stand in a text, in a row, and no denial is near before them."""
    words, part = plain_words(text), plain_words(thing)
    return any(not _DENIAL & set(words[max(0, at - 4) : at]) for at in places(part, words))


def _doubtful(text: str) -> bool:
    return bool(_HEDGE.search(text) or _TURN.search(text))


__all__ = ["RULES", "Contradiction", "ContradictionRule", "contradictions"]
