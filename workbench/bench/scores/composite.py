"""MediX-R1's composite reward (arXiv 2602.23363, the rules of its scoring code), and why a part is 0.

total = 0.9·(0.575·llm + 0.375·embed + 0.05·modality) + 0.1·format; every component is 0 or 1. The judge and
the embedding are pluggable; the ones given here run offline and stand in for Qwen3-4B and MedEmbed-large.
"""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from workbench.bench.store.results import Result
from workbench.traces import answers_match, tag_of

Judge = Callable[[str, str, str], bool | None]  # None: its reply says neither yes nor no
Similarity = Callable[[str, str], float]

CONTENT, FORMAT = 0.9, 0.1
LLM, EMBED, MODALITY = 0.575, 0.375, 0.05
WEIGHTS = {"llm": CONTENT * LLM, "embed": CONTENT * EMBED, "modality": CONTENT * MODALITY, "format": FORMAT}
THRESHOLD = 0.80
FORBIDDEN = ("__", ":", "?")

_AFTER = re.compile(r"([<>/])\s+")
_BEFORE = re.compile(r"(?<!\s)\s+([<>/])")  # the look-behind keeps long runs of white space cheap
_SHAPE = re.compile(r"<thinking>.*</thinking>\s*<answer>.*</answer>", re.DOTALL)
_START = "<thinking>"
_EDGES = " \t\r\n\f\v\u00a0."
_PARTS = (_START, "</thinking>", "<answer>", "</answer>")


def offline_judge(question: str, gold: str, answer: str) -> bool:
    """The same answer after normalising (`workbench.traces.answers_match`); `question` is not looked at."""
    return answers_match(answer, gold)


def ngram_cosine(first: str, second: str) -> float:
    """Cosine in 0..1 of the counts of character trigrams; a STAND-IN for an embedding, blind to meaning.

    It sees spelling alone: "pleural effusions" is near "pleural effusion" (0.91), synonyms are far apart, and
    in long answers an exchanged "left" and "right" can pass 0.80. Empty texts resemble nothing.
    """
    left, right = _trigrams(first), _trigrams(second)
    length = math.sqrt(_dot(left, left) * _dot(right, right))
    return _dot(left, right) / length if length else 0.0


def _trigrams(text: str) -> Counter[str]:
    words = f" {' '.join(text.casefold().split())} "
    return Counter(words[start : start + 3] for start in range(len(words) - 2))


def _dot(left: Counter[str], right: Counter[str]) -> int:
    return sum(count * right[gram] for gram, count in left.items())


@dataclass(frozen=True)
class Rules:
    """How a response is scored.

    `strict` is the published rule, `<thinking>` alone; otherwise `<think>` counts as well. `judge` takes
    (question, gold, answer); an answer is near the gold from a `similarity` of `threshold` on. None for
    either means that there is none: what only it could say is then not computed.
    """

    strict: bool = True
    judge: Judge | None = offline_judge
    similarity: Similarity | None = ngram_cosine
    threshold: float = THRESHOLD


PUBLISHED, EITHER_SPELLING = Rules(), Rules(strict=False)


@dataclass(frozen=True)
class Component:
    """One part of the sum: `value` 0 or 1, None where it was not computed; `weight` is its share of a total.

    `reason` says why it is 0 or None; "" for a 1.
    """

    name: str
    value: float | None
    weight: float
    reason: str = ""


@dataclass(frozen=True)
class Composite:
    """The four components of one response and the `answer` that was judged.

    `total` is None as soon as one component was not computed: it lies between `lowest` and `highest`.
    """

    components: tuple[Component, ...]
    answer: str
    zero_reason: str = ""

    @property
    def total(self) -> float | None:
        if any(part.value is None for part in self.components):
            return None
        return self.lowest

    @property
    def lowest(self) -> float:
        return total_reward(**{part.name: part.value or 0.0 for part in self.components})

    @property
    def highest(self) -> float:
        parts = {part.name: 1.0 if part.value is None else part.value for part in self.components}
        return total_reward(**parts)


@dataclass(frozen=True)
class Reward:
    """The four components (0 or 1), their weighted `total` in 0..1, and the `answer` that was judged.

    `zero_reason` says in words why neither accuracy could be earned, "" when they could. `grounding` is our
    own term in 0..1, None where it was not measured.
    """

    llm: float
    embed: float
    modality: float
    format: float
    total: float
    answer: str
    zero_reason: str = ""
    grounding: float | None = None


def preprocess(response: str, strict: bool = True) -> str:
    """Without white space around `<`, `>` and `/`; unless `strict`, think tags are spelt as thinking tags."""
    collapsed = _BEFORE.sub(r"\1", _AFTER.sub(r"\1", response))
    return collapsed if strict else re.sub(r"<(/?)think>", r"<\1thinking>", collapsed)


def format_reward(response: str) -> float:
    """1 if a preprocessed response from its first `<thinking>` on is thinking then answer and no more."""
    start = response.find(_START)
    # Without this the search for a last closing tag is quadratic in a response that repeats itself.
    whole = start >= 0 and response.endswith("</answer>")
    return float(whole and _SHAPE.fullmatch(response, start) is not None)


def modality_reward(response: str, tag: str) -> float:
    """1 if what precedes the first `<thinking>` is the gold tag, in any case.

    0 without `<thinking>`, and where the gold tag is unknown (""): leaving it out is no merit then.
    """
    before, start, _ = response.partition(_START)
    return float(bool(start and tag) and before.strip().casefold() == tag.casefold())


def extract_answer(response: str) -> tuple[str, bool]:
    """(first tagged answer, True), else (the WHOLE response, False), without outer spaces and dots."""
    answer, closing, _ = response.partition("<answer>")[2].partition("</answer>")
    return (answer if closing else response).strip(_EDGES), bool(closing)


def invalid_reason(answer: str) -> str:
    """Why an answer earns no accuracy whatever it says, in words; "" for a valid one."""
    if not answer:
        return "the answer is empty"
    if len(answer) == 1:
        return f'the answer is the single character "{answer}"; options must be answered with their text'
    found = next((mark for mark in FORBIDDEN if mark in answer), None)
    return f'the answer contains "{found}"' if found else ""


def total_reward(llm: float, embed: float, modality: float, format: float) -> float:
    """The published weighted sum; 1 when all four components are."""
    return CONTENT * (LLM * llm + EMBED * embed + MODALITY * modality) + FORMAT * format


def modality_tag(modality: str) -> str:
    """The gold tag of a kind of picture ("CT" → "<CT_SCAN>"); "" for one that has none of its own."""
    tag = tag_of(modality)
    return f"<{tag}>" if tag else ""


def score_response(response: str, question: str, gold: str, tag: str, rules: Rules = PUBLISHED) -> Composite:
    """The components of one response against the gold answer's text and the gold modality tag ("<CT_SCAN>").

    The judge and the embedding are not asked for exact matches and invalid answers. Not computed: the
    modality where the gold tag is unknown, and what a missing judge or embedding would have to say.
    """
    text = preprocess(response, rules.strict)
    answer, tagged = extract_answer(text)
    reason = invalid_reason(answer)
    if reason and not tagged:
        reason = f"without answer tags the whole response is the answer, and {reason}"
    exact = answer == gold.strip(_EDGES)
    if reason or exact:
        llm = embed = (0.0, reason) if reason else (1.0, "")
    else:
        llm, embed = _judged(question, gold, answer, rules), _near(gold, answer, rules)
    found = {"llm": llm, "embed": embed, "modality": _modality(text, tag), "format": _format(text)}
    parts = tuple(Component(name, value, WEIGHTS[name], why) for name, (value, why) in found.items())
    return Composite(parts, answer, reason)


def composite_of(line: Result, rules: Rules = EITHER_SPELLING) -> Composite:
    """The composite of a stored line, by the published rules and weights, with the stand-ins of `rules`.

    By default either spelling of the thinking tag counts; `PUBLISHED` takes `<thinking>` alone. Nothing is
    computed of an item that failed.
    """
    if line.error is not None:
        parts = tuple(
            Component(name, None, weight, "not computed: the item failed") for name, weight in WEIGHTS.items()
        )
        return Composite(parts, "")
    return score_response(line.text, line.question, line.gold, modality_tag(line.modality), rules)


def composite_reward(response: str, question: str, gold: str, tag: str, rules: Rules = PUBLISHED) -> Reward:
    """Score one response as a training signal: `score_response`, an unknown gold tag earning 0.

    Raises ValueError for rules without a judge or an embedding.
    """
    if rules.judge is None or rules.similarity is None:
        raise ValueError("a reward needs a judge and a similarity")
    found = score_response(response, question, gold, tag, rules)
    values = {part.name: part.value or 0.0 for part in found.components}
    return Reward(**values, total=found.lowest, answer=found.answer, zero_reason=found.zero_reason)


def _judged(question: str, gold: str, answer: str, rules: Rules) -> tuple[float | None, str]:
    if rules.judge is None:
        return None, "not computed: not an exact match, and there is no judge"
    right = rules.judge(question, gold, answer)
    if right is None:
        return None, "not computed: the judge's reply was neither yes nor no"
    return float(right), "" if right else "not the same answer as the gold one, says the judge"


def _near(gold: str, answer: str, rules: Rules) -> tuple[float | None, str]:
    if rules.similarity is None:
        return None, "not computed: not an exact match, and there is no embedding"
    found = rules.similarity(gold, answer)
    near = found >= rules.threshold
    # Rounded down: 0.799 must not read as 0.80, which would have earned it.
    floored = math.floor(100 * found) / 100
    return float(near), "" if near else f"similarity {floored:.2f} is below {rules.threshold:.2f}"


def _modality(text: str, tag: str) -> tuple[float | None, str]:
    if not tag:
        return None, "not computed: the item's modality has no tag"
    if modality_reward(text, tag):
        return 1.0, ""
    before, start, _ = text.partition(_START)
    if not start:
        return 0.0, "no thinking tag, so nothing stands before it"
    named = before.strip()
    found = f'"{named[:40]}"' if named else "nothing"
    return 0.0, f"{found} stands before the thinking, not {tag}"


def _format(text: str) -> tuple[float, str]:
    if format_reward(text):
        return 1.0, ""
    missing = [part for part in _PARTS if part not in text]
    if missing:
        return 0.0, f"missing: {', '.join(missing)}"
    return 0.0, "the response is not thinking, then answer, and no more"
