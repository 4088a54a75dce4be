"""The quick half of an intervention: the original words scored under changed pictures or masked attention."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from workbench.cases.answered import AnsweredCase
from workbench.explain.heatmap import Refusal, weights_refusal
from workbench.explain.interventions.block import Unblockable, blocking
from workbench.explain.interventions.effects import Effect, effect_of
from workbench.explain.methods.pictures import forced_logprobs
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Prompt

BATCH = 8


Pixels = np.ndarray | Sequence[np.ndarray]  # of the only picture, or of all


def changed_prompt(case: AnsweredCase, pixels: Pixels) -> Prompt | Refusal:
    """The case's question about other pixels of the same size; refused when the model would cut these into
    other image tokens, because the original words would then stand at other places (a served model is only
    asked again)."""
    several = (pixels,) if isinstance(pixels, np.ndarray) else pixels
    images = [MedicalImage(one, "", "array") for one in several]
    prompt = case.model.prepare(case.prompt.question, images)
    if weights_refusal(case.model):  # nothing is forced there, so nothing has to stand where it stood
        return prompt
    if prompt.length != case.prompt.length or not np.array_equal(
        prompt.image_positions, case.prompt.image_positions
    ):
        return Refusal("The model cuts the changed picture into other image tokens.", "Change it less.")
    return prompt


def picture_effects(
    case: AnsweredCase, pictures: Sequence[Pixels], labels: Sequence[str], batch: int = BATCH
) -> list[Effect] | Refusal:
    """Effect of each changed picture uint8 `[H, W, 3]` (of several pictures: a list with all of them), one
    batched pass together with the original.

    Out of memory on a graphics card falls back to one picture at a time.
    """
    began = time.monotonic()
    prompts = [case.prompt]
    for pixels in pictures:
        prompt = changed_prompt(case, pixels)
        if isinstance(prompt, Refusal):
            return prompt
        prompts.append(prompt)
    try:
        scores = _scored(case, prompts, batch)
    except torch.OutOfMemoryError:
        scores = _scored(case, prompts, 1)
    seconds = (time.monotonic() - began) / max(1, len(pictures))
    return [
        effect_of(case, label, row - scores[0], seconds)
        for label, row in zip(labels, scores[1:], strict=True)
    ]


def _scored(case: AnsweredCase, prompts: Sequence[Prompt], batch: int) -> np.ndarray:
    """log p of every token of the original answer after each prompt, float32 `[B, T]`."""
    with case.model.lock:
        rows = [
            forced_logprobs(case.model, list(prompts[start : start + batch]), case.answer.ids)
            for start in range(0, len(prompts), batch)
        ]
    return torch.cat(rows).numpy()


def block_effects(
    case: AnsweredCase, tokens: Sequence[np.ndarray], labels: Sequence[str]
) -> list[Effect] | Refusal:
    """Effect of each set of image tokens (indices into `image_positions`) that nothing may read."""
    began = time.monotonic()
    original = case.model.teacher_force(case.prompt, case.answer.ids).logprobs
    effects = []
    for chosen, label in zip(tokens, labels, strict=True):
        try:
            with blocking(case.model, case.prompt.image_positions[chosen]):
                blocked = case.model.teacher_force(case.prompt, case.answer.ids).logprobs
        except Unblockable as reason:
            return refused_block(case, reason)
        seconds = time.monotonic() - began
        effects.append(effect_of(case, label, blocked - original, seconds))
        began = time.monotonic()
    return effects


def refused_block(case: AnsweredCase, reason: Unblockable) -> Refusal:
    """Why reading can't be blocked in this model."""
    return Refusal(f"Reading can't be blocked in {case.model.label}: {reason}.", "Remove the region instead.")
