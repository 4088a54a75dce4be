"""Answer a benchmark with several models: batched, resumable, one result line an answer."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.bench.calibration import confidences
from workbench.bench.chat import EndpointDown
from workbench.bench.conditions import CONDITIONS, Answerer, Task, applies, blank_picture, shuffled
from workbench.bench.items import Item, ItemSet
from workbench.bench.judges import DEFAULT_JUDGE, JUDGES, Judge, judge_units
from workbench.bench.results import RESULTS_FILE, SCHEMA, Result, ResultFile, merge_run, read_results
from workbench.bench.scoring import axis_scores, trace_score
from workbench.bench.units import UnitScore
from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Mode, Prompt, Question
from workbench.traces import answers_match, parse_trace

WINDOW_BATCHES = 16  # items are sorted by length, and their images held, inside windows of so many batches


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `total` answers, those of earlier runs included, and who answers what."""

    done: int
    total: int
    model: str
    condition: str


def run_bench(
    items: ItemSet,
    models: Sequence[Answerer],
    out_dir: str | Path,
    *,
    conditions: Sequence[str] = ("image",),
    judge: Judge | None = None,
    batch_size: int = 16,
    mode: Mode = "trace",
    decoding: Decoding | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    retry_failed: bool = False,
) -> Path:
    """Answer every item with every model under every condition; returns the folder of the result lines.

    Lines are forced to disk after each batch, so a run that was stopped (by `stop`, read between batches, or
    by a crash) is taken up where it ended: an answer is asked for again only when its item, image, model or
    protocol has changed, or with `retry_failed` where it failed. A failed item gets a line with `correct`
    None and its error; a server that is down ends the run with UserFacing. Conditions: "image"; "blank", mid
    grey of the same size; "shuffled_options", the options in another order, fixed per item. Raises UserFacing
    for arguments that don't fit together and for a folder that holds the results of other items.
    """
    _check(models, conditions, batch_size)
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    run = _Run(items, models, tuple(conditions), judge or JUDGES[DEFAULT_JUDGE], mode, decoding or Decoding())
    merge_run(out, run.record(batch_size))
    known = read_results(out) if (out / RESULTS_FILE).is_file() else []
    done = {result.key for result in known if not (retry_failed and result.error)}
    file, count = ResultFile(out), 0
    for batch, skipped in run.batches(done, batch_size):
        if stop is not None and stop.is_set():
            break
        if batch:
            file.append(run.answered(batch))
        count += len(batch) + skipped
        if progress is not None and batch:
            progress(Progress(count, run.total, batch[0].model.name, batch[0].condition))
    return out


def _check(models: Sequence[Answerer], conditions: Sequence[str], batch_size: int) -> None:
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        raise UserFacing(f"The models are {', '.join(names) or 'missing'}.", "Give at least one, each once.")
    unknown = [name for name in conditions if name not in CONDITIONS]
    if unknown or not conditions:
        raise UserFacing(
            f"There is no condition {unknown[0]!r}." if unknown else "No condition was given.",
            f"Choose from: {', '.join(CONDITIONS)}.",
        )
    if batch_size < 1:
        raise UserFacing(f"The batch size can't be {batch_size}.", "Use a whole number from 1 up.")


@dataclass
class _Run:
    items: ItemSet
    models: Sequence[Answerer]
    conditions: tuple[str, ...]
    judge: Judge
    mode: Mode
    decoding: Decoding

    def __post_init__(self) -> None:
        self._pictures: dict[Path, MedicalImage | Exception] = {}
        self._digests: dict[Path, str] = {}

    @cached_property
    def total(self) -> int:
        pairs = ((item, condition) for item in self.items.items for condition in self.conditions)
        return len(self.models) * sum(applies(item, condition) for item, condition in pairs)

    def record(self, batch_size: int) -> dict[str, Any]:
        """What this run adds to `run.json`."""
        protocol = {
            "mode": self.mode,
            "decoding": asdict(self.decoding),
            "judge": self.judge.id,
            "judge_protocol": self.judge.protocol,
        }
        return {
            "items": {
                "name": self.items.name,
                "n": len(self.items.items),
                "n_images": self.items.n_images,
                "dropped": self.items.dropped,
            },
            "models": {
                model.name: _described(model)
                | protocol
                | {"batch_size": batch_size, "conditions": list(self.conditions)}
                for model in self.models
            },
        }

    def batches(self, done: set[str], size: int) -> Iterator[tuple[list[Task], int]]:
        """Batches to answer, each with how many tasks before it were done already.

        All models and conditions take one window of items before the next: a stopped run stays paired.
        """
        everything, window = self.items.items, size * WINDOW_BATCHES
        for start in range(0, len(everything), window):
            part = everything[start : start + window]
            self._load(part)
            for model in self.models:
                for condition in self.conditions:
                    tasks = [self._task(item, model, condition) for item in part if applies(item, condition)]
                    todo = sorted((task for task in tasks if task.key not in done), key=_length)
                    yield [], len(tasks) - len(todo)
                    for first in range(0, len(todo), size):
                        yield todo[first : first + size], 0

    def answered(self, batch: list[Task]) -> list[Result]:
        """Result lines of one batch; a fault is put down to the item that causes it."""
        prompts: dict[str, Prompt] = {}
        faults: dict[str, str] = {}
        for task in batch:
            try:
                prompts[task.key] = self._prompt(task)
            except Exception as error:  # noqa: BLE001 - one item must not end the run; the line tells
                faults[task.key] = _told(error)
        answers = self._generated(batch[0].model, prompts, faults) if prompts else {}
        return [self._result(task, answers.get(task.key), faults.get(task.key, "")) for task in batch]

    def _result(self, task: Task, answer: Answer | None, fault: str) -> Result:
        if answer is None:
            return self._line(task, error=fault)
        try:
            return self._scored(task, answer)
        except EndpointDown:  # a judge that can't be reached judges nothing; the run is taken up again
            raise
        except Exception as error:  # noqa: BLE001 - a judge may be anyone's code; the line keeps the answer
            return self._line(task, error=_told(error), text=answer.text, seconds=answer.seconds)

    def _generated(
        self, model: Answerer, prompts: dict[str, Prompt], faults: dict[str, str]
    ) -> dict[str, Answer]:
        """Answers by key. A batch that fails is tried prompt by prompt, so that only the culprit is lost."""
        try:
            found = model.generate_batch(list(prompts.values()), self.decoding)
            return dict(zip(prompts, found, strict=True))
        except EndpointDown:  # the other items would fail too; the run is taken up again when it answers
            raise
        except Exception as error:  # noqa: BLE001 - the result line tells
            if len(prompts) == 1:
                faults[next(iter(prompts))] = _told(error)
                return {}
        answers: dict[str, Answer] = {}
        for key, prompt in prompts.items():
            answers |= self._generated(model, {key: prompt}, faults)
        return answers

    def _load(self, items: Sequence[Item]) -> None:
        """Decode the images of a window once, keeping those that the last window shares with it."""
        before = self._pictures
        self._pictures = {}
        for path in dict.fromkeys(item.image_path for item in items if item.image_path is not None):
            self._digests.setdefault(path, "")
            try:
                self._digests[path] = self._digests[path] or hashlib.sha256(path.read_bytes()).hexdigest()
                self._pictures[path] = before.get(path) or load_image(path)
            except Exception as error:  # noqa: BLE001 - told on the lines of the items that need it
                self._pictures[path] = error

    def _task(self, item: Item, model: Answerer, condition: str) -> Task:
        options = shuffled(item) if condition == "shuffled_options" else item.options
        image = self._digests[item.image_path] if item.image_path is not None else ""
        content = [
            SCHEMA, item.item_id, item.question, options, item.answer, image, condition, model.name,
            model.revision, _template(model, self.mode), _described(model).get("dtype"), self.mode,
            asdict(self.decoding), self.judge.id, [asdict(unit) for unit in item.units],
        ]  # fmt: skip
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
        return Task(item, model, condition, options, key)

    def _prompt(self, task: Task) -> Prompt:
        path, image = task.item.image_path, None
        if path is not None:
            image = self._pictures[path]
            if isinstance(image, Exception):
                raise image
            if task.condition == "blank":
                image = blank_picture(image)
        return task.model.prepare(Question(task.item.question, task.options, self.mode), image)

    def _scored(self, task: Task, answer: Answer) -> Result:
        trace = parse_trace(answer.text, task.options)
        if task.options:
            correct = trace.answer_letter == task.gold_letter
        else:
            correct = answers_match(trace.answer_text or "", task.item.answer)
        verdicts = judge_units(self.judge, task.item.units, trace) if self.mode == "trace" else ()
        return self._line(
            task,
            answer=trace.answer_text,
            answer_letter=trace.answer_letter if task.options else None,
            correct=correct,
            axes=_axes(verdicts),
            units=tuple(asdict(verdict) for verdict in verdicts),
            seconds=answer.seconds,
            text=answer.text,
            parse_status=trace.status,
            finish=answer.finish,
            tokens=len(answer.ids),
            probability=confidences(answer, trace),
        )

    def _line(self, task: Task, **found: Any) -> Result:
        item = task.item
        empty = {"answer": None, "correct": None, "axes": None, "seconds": 0.0}
        return Result(
            key=task.key,
            item_id=item.item_id,
            model=task.model.name,
            condition=task.condition,
            question=item.question,
            gold=item.answer,
            gold_letter=task.gold_letter,
            options=task.options,
            mode=self.mode,
            decoding=asdict(self.decoding),
            revision=task.model.revision,
            judge=self.judge.id,
            judge_protocol=self.judge.protocol,
            image_group=item.image_group,
            modality=item.modality,
            body_part=item.body_part,
            task=item.task,
            question_type=item.question_type,
            answer_type=item.answer_type,
            dataset=item.dataset,
            **(empty | found),
        )


def _axes(verdicts: Sequence[UnitScore]) -> dict[str, Any] | None:
    if not verdicts:
        return None
    scores = axis_scores(list(verdicts))
    return {axis: asdict(score) for axis, score in scores.items()} | {"trace_score": trace_score(scores)}


def _described(model: Answerer) -> dict[str, Any]:
    """Revision and, where the model states them, label, device and number format."""
    stated = {name: getattr(model, name, None) for name in ("label", "device", "dtype")}
    return {"revision": model.revision} | {name: str(value) for name, value in stated.items() if value}


def _template(model: Answerer, mode: Mode) -> str:
    card = getattr(model, "card", None)
    return card.templates[mode] if card is not None else ""


def _length(task: Task) -> int:
    return len(task.item.question) + sum(map(len, task.options))


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, UserFacing) else f"{type(error).__name__}: {error}"
