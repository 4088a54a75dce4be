"""MediX-R1's composite reward (arXiv 2602.23363, the rules of its scoring code) and our own grounding term.

total = 0.9·(0.575·llm + 0.375·embed + 0.05·modality) + 0.1·format; every component is 0 or 1. The judge and
the embedding are pluggable; the ones given here run offline and stand in for Qwen3-4B and MedEmbed-large.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel
from workbench.traces import answers_match, locate_tokens, parse_trace
from workbench.training.records import Box, Record

Judge = Callable[[str, str, str], bool]
Similarity = Callable[[str, str], float]

CONTENT, FORMAT = 0.9, 0.1
LLM, EMBED, MODALITY = 0.575, 0.375, 0.05
THRESHOLD = 0.80
FORBIDDEN = ("__", ":", "?")

_AFTER = re.compile(r"([<>/])\s+")
_BEFORE = re.compile(r"(?<!\s)\s+([<>/])")  # the look-behind keeps long runs of white space cheap
_SHAPE = re.compile(r"<thinking>.*</thinking>\s*<answer>.*</answer>", re.DOTALL)
_START = "<thinking>"
_EDGES = " \t\r\n\f\v\u00a0."


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
    (question, gold, answer); an answer is near the gold from a `similarity` of `threshold` on.
    """

    strict: bool = True
    judge: Judge = offline_judge
    similarity: Similarity = ngram_cosine
    threshold: float = THRESHOLD


PUBLISHED = Rules()


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


def composite_reward(response: str, question: str, gold: str, tag: str, rules: Rules = PUBLISHED) -> Reward:
    """Score one response against the gold answer's text and the gold modality tag ("<CT_SCAN>").

    The judge and the embedding are not asked for exact matches and invalid answers.
    """
    text = preprocess(response, rules.strict)
    modality, format = modality_reward(text, tag), format_reward(text)
    answer, tagged = extract_answer(text)
    reason = invalid_reason(answer)
    if reason:
        if not tagged:
            reason = f"without answer tags the whole response is the answer, and {reason}"
        return Reward(0.0, 0.0, modality, format, total_reward(0, 0, modality, format), answer, reason)
    exact = answer == gold.strip(_EDGES)
    llm = float(exact or rules.judge(question, gold, answer))
    embed = float(exact or rules.similarity(gold, answer) >= rules.threshold)
    return Reward(llm, embed, modality, format, total_reward(llm, embed, modality, format), answer)


def grounding_reward(share_inside: float, share_of_area: float) -> float:
    """max(0, (s − a) / (1 − a)): attention inside the boxes, corrected for chance, in 0..1.

    `share_inside` s is the share of a sentence's image attention that falls inside the annotated boxes,
    `share_of_area` a the boxes' share of the picture: an even gaze (s = a) earns 0, a gaze wholly inside 1.
    Boxes that cover the picture tell nothing and earn 0. Raises ValueError for a share outside 0..1.
    """
    for share in (share_inside, share_of_area):
        if not -1e-6 <= share <= 1 + 1e-6:
            raise ValueError(f"a share must be within 0..1, not {share}")
    if share_of_area >= 1:
        return 0.0
    return min(1.0, max(0.0, (share_inside - share_of_area) / (1 - share_of_area)))


def attention_shares(
    attention: np.ndarray, patches: np.ndarray, boxes: Sequence[Box], size: tuple[int, int]
) -> tuple[float, float]:
    """(share of the attention inside the boxes, share of the picture's area inside them).

    `attention` `[P]` is the mass on each image token, `patches` `[P, 4]` their boxes; all boxes are x0, y0,
    x1, y1 in pixels of a picture of `size` (width, height), edges rounded to pixels; overlapping boxes count
    once. A patch that is partly inside counts by its area; tokens with an empty patch are outside.
    """
    width, height = size
    inside = np.zeros((height, width), np.float32)
    for box in boxes:
        inside[_window(box)] = 1.0
    cover = np.array([_mean(inside[_window(patch)]) for patch in patches])
    total = float(attention.sum())
    return (float((attention * cover).sum()) / total if total > 0 else 0.0), float(inside.mean())


def _window(box: Sequence[float]) -> tuple[slice, slice]:
    x0, y0, x1, y1 = (max(0, round(float(edge))) for edge in box)
    return slice(y0, y1), slice(x0, x1)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0


def with_grounding(reward: Reward, grounding: float, weight: float) -> Reward:
    """The reward with total (1 − weight)·total + weight·grounding; not part of the published sum."""
    return replace(reward, total=(1 - weight) * reward.total + weight * grounding, grounding=grounding)


def finding_attention(loaded: LoadedModel, prompt: Prompt, answer: Answer) -> np.ndarray | None:
    """Attention mass on each image token `[P]`, float32, while the finding sentences were written.

    The mean over layers, heads and the tokens of the trace's perception steps; None without such a step. One
    teacher-forced pass.
    """
    trace = locate_tokens(parse_trace(answer.text, prompt.question.options), answer.offsets)
    found = [step for step in trace.steps if step.axis == "perception" and step.token_start is not None]
    tokens = [token for step in found for token in range(step.token_start, step.token_end)]
    if not tokens:
        return None
    collector = loaded.teacher_force(prompt, answer.ids, collect=True).collector
    layers = torch.stack([rows.attention[:, tokens].mean((0, 1)) for rows in collector.layers.values()])
    return layers.mean(0).numpy()


@dataclass(frozen=True)
class CompositeScore:
    """Scores an answer of `loaded` against its record: components by name, "total" among them.

    With a `weight` above 0 the grounding term is mixed in for records with boxes (an answer without a finding
    sentence earns 0 of it); other records keep their published total, and "grounding" reads 0.
    """

    loaded: LoadedModel
    rules: Rules = Rules(strict=False)
    weight: float = 0.0

    def __call__(self, prompt: Prompt, record: Record, answer: Answer) -> dict[str, float]:
        reward = composite_reward(answer.text, record.question, record.answer, record.tag, self.rules)
        if self.weight and record.boxes and prompt.image_size:
            reward = with_grounding(reward, self._grounding(prompt, record, answer), self.weight)
        parts = {name: getattr(reward, name) for name in ("total", "llm", "embed", "modality", "format")}
        return parts | ({"grounding": reward.grounding or 0.0} if self.weight else {})

    def _grounding(self, prompt: Prompt, record: Record, answer: Answer) -> float:
        attention = finding_attention(self.loaded, prompt, answer)
        if attention is None:
            return 0.0
        return grounding_reward(*attention_shares(attention, prompt.boxes, record.boxes, prompt.image_size))
