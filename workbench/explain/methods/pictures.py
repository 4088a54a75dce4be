"""Changed pictures and how probable they leave an answer: the pixels tier of the perturbation methods."""

import numpy as np
import torch
from PIL import Image, ImageFilter

from workbench.explain.methods.attribution import Attribution
from workbench.models.answer import Prompt
from workbench.models.forced import require_no_placeholder
from workbench.models.session import LoadedModel

BATCH = 8
BLUR_PART = 10  # the blur's radius is the longer side over this: no finding outlives it
REPLACEMENTS = ("blurred picture", "mean colour")


def replacement(pixels: np.ndarray, choice: int) -> np.ndarray:
    """What stands where a region is taken away, uint8 like `pixels` `[H, W, 3]`: index of REPLACEMENTS."""
    if choice == 1:
        return np.broadcast_to(pixels.mean((0, 1)).round().astype(np.uint8), pixels.shape)
    radius = max(pixels.shape[:2]) / BLUR_PART
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def mixed(pixels: np.ndarray, other: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """shown · pixels + (1 − shown) · other, uint8 `[H, W, 3]`; `shown` `[H, W]` in 0..1."""
    weight = shown.astype(np.float32)[..., None]
    return (other + weight * (pixels.astype(np.float32) - other)).round().astype(np.uint8)


def without_boxes(pixels: np.ndarray, other: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The picture with boxes x0, y0, x1, y1 `[n, 4]` replaced; a pixel cut by a border is replaced in part.

    A pixel shared by two neighbouring boxes is replaced by the sum of their parts.
    """
    height, width = pixels.shape[:2]
    covered = np.zeros((height, width))
    for x0, y0, x1, y1 in boxes:
        left, across = _covered(x0, x1, width)
        top, down = _covered(y0, y1, height)
        covered[top : top + len(down), left : left + len(across)] += np.outer(down, across)
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    out = pixels.copy()
    if len(rows):
        where = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        out[where] = mixed(pixels[where], other[where], 1 - covered[where].clip(max=1))
    return out


def _covered(start: float, end: float, size: int) -> tuple[int, np.ndarray]:
    """First pixel of an interval and the fraction of each of its pixels that lies inside it."""
    first, last = max(int(np.floor(start)), 0), min(int(np.ceil(end)), size)
    pixel = np.arange(first, last)
    return first, np.clip(np.minimum(pixel + 1, end) - np.maximum(pixel, start), 0, 1)


def prepared(context: Attribution, pixels: np.ndarray) -> Prompt:
    """The context's question asked of other pixels of the same size: those of all pictures on the sheet."""
    return context.model.prepare(context.prompt.question, context.sheet.images(pixels))


def score_pictures(context: Attribution, pictures: list[np.ndarray]) -> torch.Tensor:
    """log p of every answer token under each sheet of pictures, float32 CPU `[b, T]`, in one batch.

    The model must be held by `guarded`. The answer is teacher-forced; nothing is generated.
    """
    return forced_logprobs(context.model, [prepared(context, p) for p in pictures], context.answer.ids)


def forced_logprobs(model: LoadedModel, prompts: list[Prompt], ids: tuple[int, ...]) -> torch.Tensor:
    """log p of the answer ids after each of several equally long prompts, float32 CPU `[B, T]`.

    Raises UserFacing for an answer with the sign of a picture in it.
    """
    require_no_placeholder(model, prompts[0], ids)
    targets = torch.tensor(ids, device=model.device)
    extended = [model.family.extend(prompt.inputs, targets) for prompt in prompts]
    inputs = extended[0]
    if len(extended) > 1:
        inputs = model.family.collate(extended, model.tokenizer.pad_token_id or 0)
    start = prompts[0].length - 1
    rows = torch.arange(start, start + len(ids), device=model.device)
    with torch.inference_mode():
        logits = model.model(**inputs, logits_to_keep=rows, use_cache=False).logits
        # One picture at a time: the float32 copy of a large vocabulary's logits is the peak of the pass.
        chosen = [row.float().log_softmax(-1).gather(1, targets[:, None])[:, 0].cpu() for row in logits]
    return torch.stack(chosen)
