"""Three tiers of taking image patches away from a model, the surest first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from workbench.explain.heatmap import Refusal
from workbench.explain.methods.attribution import CAUSAL_SHARE, Attribution
from workbench.explain.methods.decoder_pass import capture
from workbench.explain.methods.params import Param
from workbench.explain.methods.passes import PassCounter, in_batches
from workbench.explain.methods.pictures import (
    BATCH,
    REPLACEMENTS,
    replacement,
    score_pictures,
    without_boxes,
)
from workbench.explain.methods.prefix import prefix_pass, prefix_refusal

PIXELS, FEATURES, READING, ANSWER_READING = range(4)
TIERS = ("pixels", "image features", "reading by question and answer", "reading by the answer")
READING_BATCH = 36  # a row of this tier is a few tokens long
NO_PICTURE = Refusal("This method changes the picture, and the picture is no longer at hand.", "Ask again.")
TIER = Param("tier", "Taken away", 0, len(TIERS) - 1, PIXELS, TIERS)
REPLACEMENT = Param("replacement", "Replaced by", 0, len(REPLACEMENTS) - 1, 0, REPLACEMENTS)

Score = Callable[[list[np.ndarray]], torch.Tensor]


@dataclass(frozen=True)
class HiddenScorer:
    """`score` maps masks of hidden patches (bool `[P]` each) to log p of the answer, float32 CPU `[b, T]`.

    `batch` masks at a time; `overhead` passes were run to prepare it.
    """

    score: Score
    batch: int
    overhead: int

    def __call__(self, hidden: Iterable[np.ndarray], counter: PassCounter) -> torch.Tensor:
        """Log probabilities `[n, T]` for any number of masks, in batches that fit."""
        return torch.cat([*in_batches(hidden, self.batch, self.score, counter)])


def overhead(tier: int) -> int:
    """Passes that preparing a tier takes: the one over the prompt whose keys and values are kept."""
    return int(tier >= READING)


def hidden_scorer(context: Attribution, tier: int, instead: int) -> HiddenScorer | Refusal:
    """What scores hidden patches in a tier of TIERS; the model must be held by `guarded` meanwhile.

    `instead` is an index of REPLACEMENTS, for the pixels.
    """
    if tier == PIXELS:
        return _pixels(context, instead)
    if tier == FEATURES:
        return _features(context)
    return _reading(context, tier)


def tier_note(tier: int, instead: int) -> str:
    """What a tier takes away and what it leaves, in one sentence part."""
    return (
        f"pixels replaced by the {REPLACEMENTS[instead]}, and the whole model run again",
        "the patch's image features replaced by their mean; what other patches took over from it stays",
        "question and answer can't read the patch; what other patches took over from it stays",
        "the answer can't read the patch; what other patches and the question took over from it stays",
    )[tier]


def tier_share(tier: int) -> str:
    """What the image share means in a tier."""
    gone = "the whole picture is replaced"
    instead = (gone, "all image features are replaced by their mean", "no patch can be read any more",
               "the answer can read no patch any more")  # fmt: skip
    return CAUSAL_SHARE.replace(gone, instead[tier])


def _pixels(context: Attribution, instead: int) -> HiddenScorer | Refusal:
    if context.image is None:
        return NO_PICTURE
    pixels, boxes = context.sheet.pixels, context.sheet_boxes
    other = context.sheet.each(lambda picture: replacement(picture, instead))

    def picture(hidden: np.ndarray) -> np.ndarray:
        return other if hidden.all() else without_boxes(pixels, other, boxes[hidden])

    def score(masks: list[np.ndarray]) -> torch.Tensor:
        return score_pictures(context, [picture(hidden) for hidden in masks])

    return HiddenScorer(score, BATCH, 0)


def _features(context: Attribution) -> HiddenScorer:
    passed = capture(context)
    mean = passed.image.mean(1, keepdim=True)

    def score(masks: list[np.ndarray]) -> torch.Tensor:
        hidden = torch.from_numpy(np.stack(masks)).to(mean.device)[..., None]
        with torch.no_grad():
            return passed.logprobs(passed.with_image(torch.where(hidden, mean, passed.image))).cpu()

    return HiddenScorer(score, BATCH, 0)


def _reading(context: Attribution, tier: int) -> HiddenScorer | Refusal:
    passed = capture(context)
    refused = prefix_refusal(passed)
    if refused:
        return refused
    start = int(passed.positions.max()) + 1 if tier == READING else int(passed.rows[0])
    with torch.no_grad():
        prefix = prefix_pass(passed, start)

    def score(masks: list[np.ndarray]) -> torch.Tensor:
        with torch.no_grad():
            return prefix.logprobs(torch.from_numpy(np.stack(masks))).cpu()

    return HiddenScorer(score, READING_BATCH, overhead(tier))
