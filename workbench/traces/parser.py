"""The tolerant trace parser: any text in, a Trace with a stated rule out; never an exception.

Grammars (seeds dossier 7): `<think>…</think><answer>…</answer>` (OpenMedReason, this project), a modality tag
with `<thinking>` (MediX-R1), free reasoning that ends "The answer is X" (MedSSR), a bare short answer (OpenMedQ).
All positions refer to the raw text, HTML-escaped tags included.
"""

import re
from collections.abc import Sequence

from workbench.traces.axes import label_axis
from workbench.traces.resolve import LETTERS, resolve_option
from workbench.traces.steps import split_sentences
from workbench.traces.trace import Status, Step, Trace

MODALITIES = {
    "X_RAY": "X-ray", "MICROSCOPY": "microscopy", "CLINICAL_PHOTOGRAPHY": "clinical photograph", "CT_SCAN": "CT",
    "GRAPHICS": "graphics", "ANGIOGRAPHY": "angiography", "PET_SCAN": "PET", "ULTRASOUND": "ultrasound",
    "MRI_SCAN": "MRI", "FUNDUS_PHOTOGRAPHY": "fundus photograph", "OCT_SCAN": "OCT", "ENDOSCOPY": "endoscopy",
    "MAMMOGRAPHY": "mammography", "FLUOROSCOPY": "fluoroscopy", "OTHER": "other", "SPECT": "SPECT",
}  # fmt: skip
_OPEN, _CLOSE = r"(?:<|&lt;)\s*", r"\s*(?:>|&gt;)"
_THINK_OPEN = re.compile(rf"{_OPEN}think(?:ing)?{_CLOSE}", re.I)
_THINK_CLOSE = re.compile(rf"{_OPEN}/\s*think(?:ing)?{_CLOSE}", re.I)
_ANSWER_OPEN = re.compile(rf"{_OPEN}answer{_CLOSE}", re.I)
_ANSWER_CLOSE = re.compile(rf"{_OPEN}/\s*answer{_CLOSE}", re.I)
_MODALITY = re.compile(rf"{_OPEN}({'|'.join(MODALITIES)}){_CLOSE}", re.I)
TAG = re.compile(rf"{_OPEN}/?\s*(?:think(?:ing)?|answer|{'|'.join(MODALITIES)}){_CLOSE}", re.I)
_PHRASES = (
    (r"(?:the\s+)?(?:correct\s+|final\s+|best\s+)?answer\s+is\s*:?\s*", "the answer is"),
    (r"(?m:^)\W*(?:final\s+)?answer\s*:\s*", "answer label"),
)
_VALUE = r"(\\boxed\{[^}\n]{1,200}\}+|\*\*[^*\n]{1,200}\*\*|\[[^\]\n]{1,200}\]|[^\n]{1,200})"
_PHRASE_PATTERNS = [(re.compile(pattern, re.I), rule) for pattern, rule in _PHRASES]
_VALUE_PATTERN = re.compile(_VALUE)
_BOXED = re.compile(r"\\boxed\{([^}\n]{1,200})\}")
SHORT_ANSWER_WORDS = 12

Region = tuple[int, int]


def parse_trace(text: str, options: Sequence[str] = ()) -> Trace:
    """Parse any generated text. `options` lets an answer be resolved to a letter."""
    if not text.strip():
        return Trace("empty", "empty text")
    thinking, body, shape = _thinking(text)
    modality = _modality(text, thinking, body)
    answer, rule = _tagged_answer(text, body)
    if answer is None and shape != "open":
        answer, rule = _phrase_answer(text, thinking, body)
    if answer is None and shape == "none":
        answer, rule = _bare_answer(text, options)
        if answer is None:
            thinking = (0, len(text))
    elif shape == "none" and answer is not None:
        thinking = _before(text, answer, rule)
    if answer is None and shape in ("closed", "no opening tag"):
        answer, rule = _rest(text, body)
    return _assemble(text, options, thinking, shape, modality, answer, rule)


def _thinking(text: str) -> tuple[Region | None, Region, str]:
    """(thinking, body after it, shape): shape is closed, no opening tag, open (truncated) or none."""
    opened = _THINK_OPEN.search(text)
    start = opened.end() if opened else 0
    # The last closing tag wins, so that a trace that quotes tags stays whole.
    closings = [match for match in _THINK_CLOSE.finditer(text) if match.start() >= start]
    if closings:
        closing = closings[-1]
        if not opened:
            tag = _MODALITY.match(text.lstrip())
            start = len(text) - len(text.lstrip()) + tag.end() if tag else 0
        return (start, closing.start()), (closing.end(), len(text)), "closed" if opened else "no opening tag"
    if not opened:
        return None, (0, len(text)), "none"
    answer = list(_ANSWER_OPEN.finditer(text, start))
    if answer and _ANSWER_CLOSE.search(text, answer[-1].end()):
        return (start, answer[-1].start()), (answer[-1].start(), len(text)), "closing tag missing"
    return (start, len(text)), (len(text), len(text)), "open"


def _modality(text: str, thinking: Region | None, body: Region) -> str | None:
    limit = thinking[0] if thinking else body[1]
    match = _MODALITY.search(text, 0, limit)
    return MODALITIES[match[1].upper()] if match else None


def _tagged_answer(text: str, body: Region) -> tuple[Region | None, str]:
    """The last complete <answer>; else an unclosed one up to the end."""
    complete = []
    for match in _ANSWER_OPEN.finditer(text, *body):
        closing = _ANSWER_CLOSE.search(text, match.end(), body[1])
        if closing:
            complete.append((match.end(), closing.start()))
    if complete:
        rule = "answer tag" if len(complete) == 1 else f"last of {len(complete)} answer tags"
        return _strip(text, complete[-1]), rule
    unclosed = list(_ANSWER_OPEN.finditer(text, *body))
    if unclosed:
        return _strip(text, (unclosed[-1].end(), body[1])), "answer tag without an end"
    return None, "no answer tag"


def _phrase_answer(text: str, thinking: Region | None, body: Region) -> tuple[Region | None, str]:
    """Last "the answer is X" in the body, then in the thinking; then a last boxed value."""
    for region in (body, thinking):
        if region is None:
            continue
        for pattern, rule in _PHRASE_PATTERNS:
            starts = [match.end() for match in pattern.finditer(text, *region)]
            value = _VALUE_PATTERN.match(text, starts[-1], region[1]) if starts else None
            if value:
                return _undress(text, value.span(1)), rule
        boxed = list(_BOXED.finditer(text, *region))
        if boxed:
            return _strip(text, boxed[-1].span(1)), "boxed"
    return None, "no answer phrase"


def _undress(text: str, region: Region) -> Region | None:
    """Take Markdown, brackets, \\boxed and the end of the sentence off an answer phrase."""
    start, end = region
    value = text[start:end]
    dressed = re.match(r"\\boxed\{(?:\\text\{)?([^}]+)\}|\*\*([^*]+)\*\*|\[([^\]]+)\]", value)
    if dressed:
        inner = next(i for i in (1, 2, 3) if dressed[i] is not None)
        start, end = start + dressed.start(inner), start + dressed.end(inner)
    else:
        stop = re.search(r"[.!。！](?=\s|$)", value)
        end = start + stop.start() if stop and stop.start() > 0 else end
    tag = TAG.search(text, start, end)
    return _strip(text, (start, tag.start() if tag else end))


def _bare_answer(text: str, options: Sequence[str]) -> tuple[Region | None, str]:
    """A whole text that is short, one sentence, or an option: a model that gives no reasoning."""
    region = _strip(text, (0, len(text)))
    if region is None:
        return None, "no answer"
    value = text[slice(*region)]
    tag = _MODALITY.match(value)
    if tag and value[tag.end() :].strip():
        region = _strip(text, (region[0] + tag.end(), region[1]))
    short = len(value.split()) <= SHORT_ANSWER_WORDS and len(split_sentences(value)) <= 1
    if short or (len(value) < 200 and resolve_option(value, options)):
        return region, "whole text"
    return None, "no answer"


def _rest(text: str, body: Region) -> tuple[Region | None, str]:
    region = _strip(text, body)
    return (region, "text after the thinking") if region else (None, "no answer")


def _before(text: str, answer: Region, rule: str) -> Region | None:
    """Reasoning of an untagged text: everything up to its answer sentence (kept, it is the conclusion)."""
    end = len(text) if rule in ("the answer is", "boxed") else answer[0]
    if rule == "answer label":
        end = text.rfind("\n", 0, answer[0]) + 1
    tag = _ANSWER_OPEN.search(text)
    if tag and rule not in ("the answer is", "answer label", "boxed"):
        end = tag.start()
    start = _MODALITY.match(text.lstrip())
    begin = len(text) - len(text.lstrip()) + start.end() if start else 0
    if not text[begin:end].strip():
        return None
    alone = len(split_sentences(text[begin:end])) <= 1 and rule in ("the answer is", "answer label", "boxed")
    return None if alone else (begin, end)


def _strip(text: str, region: Region) -> Region | None:
    start, end = region
    while start < end and (text[start].isspace() or text[start] == "`"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] == "`"):
        end -= 1
    return (start, end) if end > start else None


def _steps(text: str, thinking: Region | None) -> tuple[Step, ...]:
    if thinking is None:
        return ()
    begin, steps = thinking[0], []
    # Tags inside the thinking are not words: they part sentences instead.
    inner = TAG.sub(lambda match: "\n" * len(match[0]), text[slice(*thinking)])
    for index, (start, end) in enumerate(split_sentences(inner)):
        start, end = begin + start, begin + end
        axis, cue = label_axis(text[start:end])
        steps.append(Step(index, axis, text[start:end], start, end, cue))
    return tuple(steps)


def _assemble(
    text: str,
    options: Sequence[str],
    thinking: Region | None,
    shape: str,
    modality: str | None,
    answer: Region | None,
    rule: str,
) -> Trace:
    steps = _steps(text, thinking)
    status: Status = "ok"
    if answer is None:
        status = "truncated" if shape == "open" else "no_answer"
    elif not steps:
        status = "no_trace"
    elif shape in ("closing tag missing", "no opening tag") or rule not in _WELL_FORMED and shape != "none":
        status = "recovered"
    if rule == "answer tag without an end":
        status = "truncated"
    said = text[slice(*answer)] if answer else None
    plain = said.strip().rstrip(".").strip("*").strip() if said else None
    return Trace(
        status,
        rule if shape in ("closed", "none") else f"{rule}; thinking: {shape}",
        steps,
        modality,
        text[slice(*thinking)].strip() if thinking else "",
        said,
        plain or said,
        _letter(said, options),
        answer[0] if answer else None,
        answer[1] if answer else None,
    )


_WELL_FORMED = {"answer tag"}


def _letter(said: str | None, options: Sequence[str]) -> str | None:
    if said is None:
        return None
    if options:
        return resolve_option(said, options)
    alone = resolve_option(said, [""] * len(LETTERS)) if len(said) <= 12 else None
    lettered = re.match(r"^\(?([A-H])\)?[.):]\s", said)
    return alone or (lettered[1] if lettered else None)
