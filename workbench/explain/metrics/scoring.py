"""The words of a span as a number that depends on a picture only: teacher-forced, never regenerated."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from workbench.cases.answered import AnsweredCase
from workbench.errors import UserFacing
from workbench.explain.heatmap import Span
from workbench.imaging.medical_image import MedicalImage
from workbench.models.forced import require_no_placeholder
from workbench.models.served.elsewhere import weights_elsewhere

BATCH = 8

PictureScore = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Pictures, each uint8 RGB [H, W, 3] of one size, to log probabilities of the same words, nats [K]."""


def span_scorer(case: AnsweredCase, span: Span, batch: int = BATCH) -> PictureScore:
    """A score of pictures: Σ log p of the span's tokens, nats, float64 `[K]`, given the answer's own ids.

    Each picture (uint8 RGB, the size of the case's image; of several, their sheet) passes the whole way:
    processor, vision tower, decoder. `batch` pictures share a forward; when memory runs out the batch is
    halved for good. Tokens after the span are left out, since a causal decoder does not see them. Raises
    UserFacing for a span outside the answer, ValueError for a case without an image.
    """
    answer = case.answer
    if not case.images:
        raise ValueError("the case has no image whose change could be scored")
    gone = weights_elsewhere(case.model)
    if gone is None and (min(span.tokens) < 0 or max(span.tokens) >= len(answer.ids)):
        raise UserFacing("The span lies outside the answer.", f"The answer has {len(answer.ids)} tokens.")
    ids = list(answer.ids[: max(span.tokens) + 1])
    limit = batch

    def score(pictures: Sequence[np.ndarray]) -> np.ndarray:
        nonlocal limit
        if gone is not None:
            raise gone
        found: list[float] = []
        while len(found) < len(pictures):
            part = pictures[len(found) : len(found) + limit]
            try:
                found += _score_batch(case, ids, span.tokens, part)
            except torch.OutOfMemoryError:
                if limit == 1:
                    raise
                limit = max(1, limit // 2)
        return np.array(found, np.float64)

    return score


def _score_batch(
    case: AnsweredCase, ids: list[int], tokens: tuple[int, ...], pictures: Sequence[np.ndarray]
) -> list[float]:
    model = case.model
    target = torch.tensor(ids, device=model.device)
    prompts = [model.prepare(case.question, as_images(picture, case)) for picture in pictures]
    require_no_placeholder(model, prompts[0], ids)
    batch = [model.family.extend(prompt.inputs, target) for prompt in prompts]
    inputs = batch[0] if len(batch) == 1 else model.family.collate(batch, model.tokenizer.pad_token_id or 0)
    # Left-padding leaves the answer at the right end of every row.
    first = inputs["input_ids"].shape[1] - len(ids)
    chosen = torch.tensor(tokens, device=model.device)
    with model.lock, torch.inference_mode():
        rows = first + chosen - 1
        logits = model.model(**inputs, logits_to_keep=rows, use_cache=False).logits.float()
    logp = logits.log_softmax(-1).gather(-1, target[chosen].expand(len(batch), -1)[..., None])
    return logp[..., 0].double().sum(-1).tolist()


def as_images(sheet: np.ndarray, case: AnsweredCase) -> tuple[MedicalImage, ...]:
    """The pictures of a changed sheet uint8 `[H, W, 3]`; ValueError unless it has the case's size."""
    if sheet.shape != case.sheet.pixels.shape:
        raise ValueError(f"the picture is {sheet.shape}; the image is {case.sheet.pixels.shape}")
    parts = case.sheet.split(sheet)
    return tuple(as_image(part, own) for part, own in zip(parts, case.images, strict=True))


def as_image(picture: np.ndarray, like: MedicalImage) -> MedicalImage:
    """A changed picture uint8 `[H, W, 3]` as an image; raises ValueError for another size than `like`."""
    if picture.shape != like.pixels.shape:
        raise ValueError(f"the picture is {picture.shape}; the image is {like.pixels.shape}")
    digest = hashlib.sha256(picture.tobytes()).hexdigest()
    return replace(like, pixels=picture, sha256=digest, grey=None, window=None)


class SharedScore:
    """A score that remembers pictures, so that the maps of one span share the pictures of their controls.

    `forwards` counts the pictures that were really scored.
    """

    def __init__(self, score: PictureScore) -> None:
        self._score, self._known, self.forwards = score, dict[bytes, float](), 0

    def __call__(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        keys = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
        fresh = {key: picture for key, picture in zip(keys, pictures, strict=True) if key not in self._known}
        if fresh:
            found = self._score(list(fresh.values()))
            self._known.update(zip(fresh, map(float, found), strict=True))
            self.forwards += len(fresh)
        return np.array([self._known[key] for key in keys], np.float64)
