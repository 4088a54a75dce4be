"""Tuned − base: two models teacher-forced on the very same answer tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.cases.answered import AnsweredCase
from workbench.explain.evidence import gather_evidence
from workbench.explain.explanations import Given, explain_spans, refusal_before_pass
from workbench.explain.heatmap import HeatMap, Refusal, Span, weights_refusal
from workbench.explain.methods.registry import METHODS
from workbench.explain.patch_grid import same_grid
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
    case: AnsweredCase,
    base: LoadedModel,
    tuned: LoadedModel,
    spans: Sequence[Span],
    method: str,
    params: Given | None = None,
) -> Comparison | Refusal:
    """Force the case's answer, whichever model wrote it, on both and subtract.

    A Refusal when the models split text into other tokens or cut the picture into other patches;
    raises UserFacing for an unknown method.
    """
    METHODS.get_or_raise(method)
    if refused := weights_refusal(base) or weights_refusal(tuned):
        return refused
    if base.tokenizer.get_vocab() != tuned.tokenizer.get_vocab():
        return Refusal(
            "The two models split text into different tokens, so the same words can't be forced on both.",
            "Compare a model with one that was tuned from it.",
        )
    sides = [
        replace(case, model=model, prompt=model.prepare(case.question, case.images))
        for model in (base, tuned)
    ]
    refused = refusal_before_pass(sides[0].prompt, case.answer)
    if refused:
        return refused
    one, two = (side.prompt for side in sides)
    if not (same_grid(one.boxes, two.boxes) and np.array_equal(one.picture_of, two.picture_of)):
        return Refusal(
            "The two models cut the picture into different patches, so their maps can't be subtracted.",
            "Compare models that read pictures at the same size.",
        )
    before, after = (_one_side(side, spans, method, params) for side in sides)
    if isinstance(before, Refusal) or isinstance(after, Refusal):
        return before if isinstance(before, Refusal) else after
    maps = tuple(difference(old, new) for old, new in zip(before[1], after[1], strict=True))
    ids = [side.prompt.inputs["input_ids"][0].tolist() for side in sides]
    return Comparison(before[0], after[0], tuple(before[1]), tuple(after[1]), maps, ids[0] == ids[1])


def _one_side(
    case: AnsweredCase, spans: Sequence[Span], method: str, params: Given | None
) -> tuple[np.ndarray, list[HeatMap]] | Refusal:
    if METHODS[method].is_shared:
        evidence = gather_evidence(case.model, case.prompt, case.answer)
        logprobs, maps = evidence.logprobs, explain_spans(case, spans, method, params, evidence=evidence)
    else:
        logprobs = case.model.teacher_force(case.prompt, case.answer.ids).logprobs
        maps = explain_spans(case, spans, method, params)
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
    return HeatMap(
        tuned.values - base.values,
        tuned.boxes,
        True,
        tuned.unit,
        tuned.image_share,
        meta,
        tuned.span,
        tuned.image,
        tuned.picture_of,
        tuned.images,
    )
