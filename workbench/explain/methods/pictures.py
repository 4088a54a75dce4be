"""Changed pictures and how probable they leave an answer: the pixels tier of the perturbation methods."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from PIL import Image, ImageFilter

from workbench.explain.methods.context import AttributionContext
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Prompt
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


def without_box(pixels: np.ndarray, other: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The picture with box x0, y0, x1, y1 replaced; a pixel cut by the border is replaced in part."""
    out = pixels.copy()
    (left, across), (top, down) = (
        _covered(box[axis], box[axis + 2], pixels.shape[1 - axis]) for axis in (0, 1)
    )
    where = np.s_[top : top + len(down), left : left + len(across)]
    out[where] = mixed(pixels[where], other[where], 1 - np.outer(down, across))
    return out


def _covered(start: float, end: float, size: int) -> tuple[int, np.ndarray]:
    """First pixel of an interval and the fraction of each of its pixels that lies inside it."""
    first, last = max(int(np.floor(start)), 0), min(int(np.ceil(end)), size)
    pixel = np.arange(first, last)
    return first, np.clip(np.minimum(pixel + 1, end) - np.maximum(pixel, start), 0, 1)


def prepared(context: AttributionContext, pixels: np.ndarray) -> Prompt:
    """The context's question asked of other pixels of the same size."""
    return context.model.prepare(context.prompt.question, MedicalImage(pixels, "", "array"))


def score_pictures(
    context: AttributionContext, pictures: Iterable[np.ndarray], batch: int = BATCH
) -> Iterator[torch.Tensor]:
    """log p of every answer token under each picture: yields float32 CPU `[b, T]` with b up to `batch`.

    The model must be held by `guarded`. The answer is teacher-forced; nothing is generated.
    """
    stream = iter(pictures)
    while group := list(islice(stream, batch)):
        yield forced_logprobs(context.model, [prepared(context, p) for p in group], context.answer.ids)


def forced_logprobs(model: LoadedModel, prompts: list[Prompt], ids: tuple[int, ...]) -> torch.Tensor:
    """log p of the answer ids after each of several equally long prompts, float32 CPU `[B, T]`."""
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
