"""Tuned − base: two models teacher-forced on the very same answer tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.explain.contextual import explain_with_context
from workbench.explain.evidence import gather_evidence
from workbench.explain.explain import explain_spans, get_method, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span
from workbench.explain.methods.context_registry import CONTEXT_METHODS
from workbench.explain.patch_grid import same_grid
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Prompt, Question
from workbench.models.session import LoadedModel


@dataclass(frozen=True)
class Comparison:
    """What tuning changed on one answer.

    `base_logprobs` and `tuned_logprobs` float32 `[T]` in nats of the same tokens; `base_maps` and
    `tuned_maps` one for each span; `maps` tuned − base, in the method's unit and always signed;
    `same_prompt` tells whether both models were asked with the same tokens (their templates may differ).
    """

    base_logprobs: np.ndarray
    tuned_logprobs: np.ndarray
    base_maps: tuple[HeatMap, ...]
    tuned_maps: tuple[HeatMap, ...]
    maps: tuple[HeatMap, ...]
    same_prompt: bool

    @property
    def delta(self) -> np.ndarray:
        """Δ log p of every token, tuned − base, `[T]`."""
        return self.tuned_logprobs - self.base_logprobs


def compare(
    base: LoadedModel,
    tuned: LoadedModel,
    question: Question,
    image: MedicalImage,
    answer: Answer,
    spans: Sequence[Span],
    method: str,
    params: Mapping[str, int] | None = None,
) -> Comparison | Refusal:
    """Force `answer`, whichever model wrote it, on both and subtract.

    A Refusal when the models split text into other tokens or cut the picture into other patches;
    raises UserFacing for an unknown method.
    """
    if method not in CONTEXT_METHODS:
        get_method(method)
    if base.tokenizer.get_vocab() != tuned.tokenizer.get_vocab():
        return Refusal(
            "The two models split text into different tokens, so the same words can't be forced on both.",
            "Compare a model with one that was tuned from it.",
        )
    prompts = [model.prepare(question, image) for model in (base, tuned)]
    refused = refusal_before_pass(prompts[0], answer)
    if refused:
        return refused
    if not same_grid(prompts[0].boxes, prompts[1].boxes):
        return Refusal(
            "The two models cut the picture into different patches, so their maps can't be subtracted.",
            "Compare models that read pictures at the same size.",
        )
    before = _one_side(base, prompts[0], image, answer, spans, method, params)
    after = _one_side(tuned, prompts[1], image, answer, spans, method, params)
    if isinstance(before, Refusal) or isinstance(after, Refusal):
        return before if isinstance(before, Refusal) else after
    maps = tuple(difference(old, new) for old, new in zip(before[1], after[1], strict=True))
    ids = [prompt.inputs["input_ids"][0].tolist() for prompt in prompts]
    return Comparison(before[0], after[0], tuple(before[1]), tuple(after[1]), maps, ids[0] == ids[1])


def _one_side(
    model: LoadedModel,
    prompt: Prompt,
    image: MedicalImage,
    answer: Answer,
    spans: Sequence[Span],
    method: str,
    params: Mapping[str, int] | None,
) -> tuple[np.ndarray, list[HeatMap]] | Refusal:
    if method in CONTEXT_METHODS:
        logprobs = model.teacher_force(prompt, answer.ids).logprobs
        maps = explain_with_context(model, prompt, image, answer, spans, method, params)
    else:
        evidence = gather_evidence(model, prompt, answer)
        logprobs, maps = evidence.logprobs, explain_spans(evidence, spans, method, params)
    return maps if isinstance(maps, Refusal) else (logprobs, maps)


def difference(base: HeatMap, tuned: HeatMap) -> HeatMap:
    """tuned − base of two maps over the same patches; the image share is the tuned model's.

    Raises ValueError when the patches differ.
    """
    if not same_grid(base.boxes, tuned.boxes):
        raise ValueError("maps over different patches can't be subtracted")
    meta = tuned.meta | {
        "label": f"{tuned.meta.get('label', '')}, tuned − base".lstrip(", "),
        "base_image_share": base.image_share,
        "tuned_image_share": tuned.image_share,
    }
    return HeatMap(tuned.values - base.values, tuned.boxes, True, tuned.unit, tuned.image_share, meta)
