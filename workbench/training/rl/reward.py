"""The composite reward as a training signal: MediX-R1's four components and our own grounding term.

The published rules are those of `bench.scores.composite`, so that training and benchmark score alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from workbench.bench.scores.composite import EITHER_SPELLING, Reward, Rules, composite_reward
from workbench.models.answer import Answer, Prompt
from workbench.models.session import LoadedModel
from workbench.traces import locate_tokens, parse_trace
from workbench.training.sft.records import Box, Record

__all__ = [
    "CompositeScore",
    "Rules",
    "attention_shares",
    "finding_attention",
    "grounding_reward",
    "with_grounding",
]


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
    rules: Rules = EITHER_SPELLING
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
