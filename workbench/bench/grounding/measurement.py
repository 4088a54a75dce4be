"""The grounding benchmark: does each method's map point at the finding, and does what it marks matter?

Every model answers every item; where the answer is right, the sentence that names the finding is explained by
every method. One line an item and model, appended as soon as it is there, so that a stopped run goes on.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from workbench.bench.grounding.items import GroundingItem
from workbench.bench.grounding.lines import LINES_FILE, Protocol, append_line, line_key, measured_methods
from workbench.cases import AnsweredCase, run_case
from workbench.errors import UserFacing
from workbench.explain import METHODS, Evidence, HeatMap, Refusal, Span, explain, gather_evidence
from workbench.explain.metrics import Curves, SharedScore, centre_prior, localise, span_scorer
from workbench.explain.metrics.fills import fill_picture, removable
from workbench.explain.metrics.perturbation import mean_random_auc, order_curves
from workbench.explain.metrics.ranking import map_order
from workbench.explain.spans import answer_span, step_spans
from workbench.models.answer import Decoding
from workbench.models.session import LoadedModel
from workbench.traces import answers_match

CENTRE = "centre_prior"
FINDING, ANSWER = "finding step", "final answer"
LOCAL = ("pointing", "energy", "auprc")
SAMPLE_SECONDS = 0.005


@dataclass(frozen=True)
class GroundingProgress:
    """`done` of `total` pairs of an item and a model, those of earlier runs included."""

    done: int
    total: int
    model: str
    item: str


def run_grounding(
    items: Sequence[GroundingItem],
    models: Sequence[LoadedModel],
    methods: Sequence[str],
    out: Path,
    *,
    protocol: Protocol | None = None,
    progress: Callable[[GroundingProgress], None] | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Measure every method on every item with every model; returns the file of lines in the folder `out`.

    A pair of item and model is measured again only for methods that its lines don't hold yet. Raises
    UserFacing for an unknown method or nothing to do.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise UserFacing(
            f"There is no method named {unknown[0]!r}." if unknown else "No method was given.",
            f"Known methods: {', '.join(METHODS)}.",
        )
    if not items or not models:
        raise UserFacing("There are no pictures or no models to measure.", "Give at least one of each.")
    settings = protocol or Protocol()
    out.mkdir(parents=True, exist_ok=True)
    path = out / LINES_FILE
    have, done = measured_methods(path), 0
    for model in models:
        for item in items:
            if stop is not None and stop.is_set():
                return path
            key = line_key(item, model.name, model.revision, settings)
            missing = [name for name in methods if name not in have.get(key, ())]
            if missing and not have.get(key, {}).get("skipped"):
                append_line(path, {"key": key} | measure_item(item, model, missing, settings))
            done += 1
            if progress is not None:
                progress(GroundingProgress(done, len(items) * len(models), model.name, item.item_id))
    return path


def measure_item(
    item: GroundingItem, model: LoadedModel, methods: Sequence[str], protocol: Protocol
) -> dict[str, Any]:
    """One line: the model's answer and, where it is right, the figures of every method and of the prior."""
    *_, column = run_case(model, item.image, item.question, Decoding(protocol.max_new_tokens))
    case = column.case
    given = column.trace.answer_text or ""
    line: dict[str, Any] = {
        "item": item.item_id, "origin": item.origin, "task": item.task, "group": item.group,
        "model": model.name, "revision": model.revision, "protocol": asdict(protocol),
        "question": item.question.text, "gold": item.answer, "given": given,
        "correct": answers_match(given, item.answer), "area_share": float(item.region.mean()),
        "span": None, "methods": {}, CENTRE: {},
    }  # fmt: skip
    chosen = None if case is None else explained_span(case)
    if not line["correct"] or case is None or chosen is None:
        return line
    kind, span = chosen
    line["span"] = {"kind": kind, "label": span.label, "tokens": len(span.tokens)}
    measuring = _ItemMeasurement(item, case, span, protocol)
    line[CENTRE] = measuring.of_centre()
    line["methods"] = {name: measuring.of_method(name) for name in methods}
    return line


def explained_span(case: AnsweredCase) -> tuple[str, Span] | None:
    """The first perception step, which names the finding; the final answer where a model writes no step."""
    steps = {span.key: span for span in step_spans(case.trace)}
    for step in case.trace.steps:
        if step.axis == "perception" and f"step:{step.index}" in steps:
            return FINDING, steps[f"step:{step.index}"]
    last = answer_span(case.trace, case.answer)
    return None if last is None else (ANSWER, last)


class _ItemMeasurement:
    """One explained span: its score, its random orders, and the shared pass, each made once."""

    def __init__(self, item: GroundingItem, case: AnsweredCase, span: Span, protocol: Protocol) -> None:
        self.item, self.case, self.span, self.protocol = item, case, span, protocol
        self.boxes, self.size = case.prompt.boxes, (item.image.width, item.image.height)
        self.fill = fill_picture(item.image.pixels, protocol.fill)
        self.there = removable(self.boxes, self.size)
        self.score = SharedScore(span_scorer(case, span))
        generator = np.random.default_rng([protocol.seed, 1])
        orders = [generator.permutation(self.there) for _ in range(protocol.random_orders)]
        self.random_auc = mean_random_auc(self._curves(orders))
        self._evidence: tuple[Evidence, float, int] | None = None

    def of_centre(self) -> dict[str, Any]:
        """The centre prior as if it were a map."""
        return self._figures(centre_prior(self.boxes, self.size))

    def of_method(self, name: str) -> dict[str, Any]:
        """Figures, seconds and peak memory of one method, or the reason why it has no map."""
        try:
            heat, seconds, peak = self._heat(name)
        except UserFacing as fault:
            heat, seconds, peak = Refusal(fault.message, fault.hint), 0.0, 0
        if isinstance(heat, Refusal):
            return {"refused": heat.reason}
        figures = self._figures(heat.values)
        return figures if "refused" in figures else figures | {"seconds": seconds, "peak_bytes": peak}

    def _heat(self, name: str) -> tuple[HeatMap | Refusal, float, int]:
        """The map with the seconds and bytes that it took; the shared pass counts for each of its methods."""
        if not METHODS[name].is_shared:
            with watched(self.case.model.device) as spent:
                heat = explain(self.case, self.span, name)
            return heat, spent["seconds"], spent["peak_bytes"]
        if self._evidence is None:
            with watched(self.case.model.device) as spent:
                evidence = gather_evidence(self.case.model, self.case.prompt, self.case.answer)
            self._evidence = evidence, spent["seconds"], spent["peak_bytes"]
        evidence, seconds, peak = self._evidence
        with watched(self.case.model.device) as spent:
            heat = explain(self.case, self.span, name, evidence=evidence)
        return heat, seconds + spent["seconds"], max(peak, spent["peak_bytes"])

    def _figures(self, values: np.ndarray) -> dict[str, Any]:
        scores = localise(values, self.boxes, self.item.region)
        if isinstance(scores, Refusal):
            return {"refused": scores.reason}
        found = {score.name: score.value for score in scores if score.name in LOCAL}
        order = map_order(values[self.there], np.random.default_rng(self.protocol.seed))
        (curve,) = self._curves([self.there[order]])
        return found | {
            "deletion_gap": self.random_auc - curve.deletion_auc,
            "insertion_gap": curve.insertion_auc - self.random_auc,
        }

    def _curves(self, orders: Sequence[np.ndarray]) -> list[Curves]:
        boxes, pixels = self.boxes, self.item.image.pixels
        return order_curves(self.score, pixels, self.fill, boxes, orders, self.protocol.steps)[0]


@contextmanager
def watched(device: torch.device) -> Iterator[dict[str, Any]]:
    """Wall seconds and peak memory beyond what was held before: the graphics card's, or else the process's.

    On the CPU resident memory is sampled, so a short peak can be missed, and memory that the process had
    freed but kept is not counted again. The dict is filled when the block ends.
    """
    spent: dict[str, Any] = {}
    began = time.monotonic()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield spent
        torch.cuda.synchronize(device)
        spent["peak_bytes"] = torch.cuda.max_memory_allocated(device) - before
    else:
        with _resident_peak() as peak:
            yield spent
        spent["peak_bytes"] = peak[0]
    spent["seconds"] = time.monotonic() - began


@contextmanager
def _resident_peak() -> Iterator[list[int]]:
    process, ended, peak = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], process.memory_info().rss - before)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()
        peak[0] = max(peak[0], process.memory_info().rss - before)
