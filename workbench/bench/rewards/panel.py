"""The composite reward of one answer, part by part, in words for people."""

from dataclasses import asdict, dataclass
from typing import Any

from workbench.bench.scores.composite import (
    Composite,
    Judge,
    Rules,
    Similarity,
    modality_tag,
    ngram_cosine,
    offline_judge,
    score_response,
)
from workbench.cases.answered import AnsweredCase

LABELS = {
    "llm": "same answer (judge)",
    "embed": "near answer (embedding)",
    "modality": "modality tag",
    "format": "format",
}
JUDGE_STAND_IN = "offline stand-in: the same words after normalising, in place of Qwen3-4B"
EMBEDDER_STAND_IN = "offline stand-in: character trigrams, in place of MedEmbed-large"
RULES = {
    False: "MediX-R1's rules and weights; <think> counts as <thinking>",
    True: "MediX-R1's rules and weights, <thinking> alone",
}


@dataclass(frozen=True)
class RewardPart:
    """One part of the sum: `value` 0 or 1 (None: not computed), its `weight`, and what it `earned`.

    `origin` says who found the value; `reason` why it is 0 or None, "" for a 1.
    """

    name: str
    label: str
    value: float | None
    weight: float
    earned: float | None
    origin: str
    reason: str


@dataclass(frozen=True)
class RewardPanel:
    """The four parts of an answer's composite reward and their `total`, all in 0..1.

    `total` is None where a part was not computed: it lies between `lowest` and `highest`. `answer` is what
    was judged against `gold`; `tag` the gold modality tag ("" where the picture's kind is not known);
    `stand_ins` says whether the judge or the embedder is an offline stand-in.
    """

    parts: tuple[RewardPart, ...]
    total: float | None
    lowest: float
    highest: float
    answer: str
    gold: str
    tag: str
    zero_reason: str
    stand_ins: bool
    rule: str

    def to_json(self) -> dict[str, Any]:
        """Plain data with the fields above."""
        return asdict(self)

    @property
    def total_text(self) -> str:
        """The total with three decimals, or the two ends that it lies between."""
        if self.total is not None:
            return f"{self.total:.3f}"
        return f"between {self.lowest:.3f} and {self.highest:.3f}"

    def __str__(self) -> str:
        """The panel for a terminal, a line a part."""
        lines = [f"Composite reward: {self.total_text} of 1 (right answer: {self.gold})"]
        for part in self.parts:
            value = "-" if part.value is None else f"{part.value:.0f}"
            why = f": {part.reason}" if part.reason else ""
            lines.append(f"  {part.label}: {value} × {part.weight:.4f}{why} [{part.origin}]")
        return "\n".join([*lines, f"  {self.rule}"])


def reward(
    answer: AnsweredCase | str,
    gold: str,
    *,
    question: str = "",
    modality: str = "",
    judge: Judge | None = None,
    embedder: Similarity | None = None,
    strict: bool = False,
) -> RewardPanel:
    """The composite reward (MediX-R1, arXiv 2602.23363) of a case or of a generated text, against `gold`.

    `modality` names the picture's kind ("CT"); of a case it is by default what the file says. Without a
    `judge` or an `embedder` the offline stand-ins mark, and the panel says so. `strict` takes `<thinking>`
    alone.

    >>> import workbench as wb
    >>> panel = wb.bench.reward("<CT_SCAN><think>Dark.</think><answer>B</answer>", "cyst", modality="CT")
    >>> round(panel.total, 3), panel.parts[0].reason
    (0.145, 'the answer is the single character "B"; options must be answered with their text')
    """
    if isinstance(answer, AnsweredCase):
        question = question or answer.question.text
        modality = modality or (answer.image.modality if answer.image else None) or ""
        answer = answer.answer.text
    tag = modality_tag(modality)
    rules = Rules(strict, judge or offline_judge, embedder or ngram_cosine)
    return _panel(score_response(answer, question, gold, tag, rules), gold, tag, rules)


def _panel(found: Composite, gold: str, tag: str, rules: Rules) -> RewardPanel:
    origins = {
        "llm": marker_name(rules.judge, JUDGE_STAND_IN if rules.judge is offline_judge else ""),
        "embed": marker_name(rules.similarity, EMBEDDER_STAND_IN if rules.similarity is ngram_cosine else ""),
        "modality": f"the text before the thinking against {tag}" if tag else "no gold tag",
        "format": "the order of the tags",
    }
    parts = tuple(
        RewardPart(
            part.name, LABELS[part.name], part.value, part.weight,
            None if part.value is None else part.value * part.weight, origins[part.name], part.reason,
        )
        for part in found.components
    )  # fmt: skip
    stand_ins = rules.judge is offline_judge or rules.similarity is ngram_cosine
    return RewardPanel(
        parts, found.total, found.lowest, found.highest, found.answer, gold, tag, found.zero_reason,
        stand_ins, RULES[rules.strict],
    )  # fmt: skip


def marker_name(marker: Any, stand_in: str = "") -> str:
    """Who marks: the stand-in in words, else what the judge or embedder says of itself."""
    return stand_in or getattr(marker, "origin", "") or getattr(marker, "__name__", type(marker).__name__)
