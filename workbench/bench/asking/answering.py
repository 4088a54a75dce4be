"""One batch of tasks: asked, read, scored; a fault is put down to the item that causes it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from workbench import cases, models
from workbench.bench.asking.conditions import Answerer, Task, blank_picture
from workbench.bench.asking.plan import Batch
from workbench.bench.asking.run_key import Asking
from workbench.bench.judging.rule_judge import Judge, judge_units
from workbench.bench.questions.pictures import Pictures
from workbench.bench.questions.units import UnitScore
from workbench.bench.scores.calibration import confidences
from workbench.bench.scores.scoring import axis_scores, trace_score
from workbench.bench.store.results import Result
from workbench.cases.answered import RECOVERED
from workbench.errors import UserFacing
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.served.faults import EndpointDown
from workbench.traces import answers_match, parse_trace
from workbench.traces.trace import Trace

Asked = Mapping[str, tuple[Prompt, Decoding]]  # by key


@dataclass(frozen=True)
class BatchAnswerer:
    """Answers batches; `images` names each item's picture, `setups` are `run_key.setup_of`."""

    asking: Asking
    judge: Judge
    pictures: Pictures
    folder: str
    setups: Mapping[str, str]

    def answered(self, batch: Batch) -> list[Result]:
        """Result lines of the tasks that are wanted.

        A batch that fails is asked again prompt by prompt, so that only the culprit gets a line with its
        error. Raises EndpointDown when a server can't be used for now: the other items would fail too.
        """
        asked: dict[str, tuple[Prompt, Decoding]] = {}
        faults: dict[str, str] = {}
        prepared: dict[tuple[Any, ...], Prompt] = {}
        for task in batch.tasks:
            try:
                asked[task.key] = self._prompt(task, prepared), task.decoding
            except Exception as error:  # noqa: BLE001 - one item must not end the run; the line tells
                faults[task.key] = fault_text(error)
        answers = _generated(batch.tasks[0].model, asked, faults) if asked else {}
        return [
            self._result(task, answers.get(task.key), faults.get(task.key, ""), asked.get(task.key))
            for task in batch.tasks
            if task.key in batch.wanted
        ]

    def _prompt(self, task: Task, prepared: dict[tuple[Any, ...], Prompt]) -> Prompt:
        """The prompt; samples of one item share its inputs, each in a record of its own."""
        same = (task.item.item_id, task.options, task.mode, task.pictures)
        if same not in prepared:
            images = tuple(self.pictures.image(path) for path in task.pictures)
            if task.condition == "blank":
                images = tuple(map(blank_picture, images))
            shown = (images[0] if images else None) if len(images) < 2 else images
            prepared[same] = task.model.prepare(Question(task.item.question, task.options, task.mode), shown)
        prompt = replace(prepared[same])
        if not task.anchor:
            return prompt
        if not isinstance(task.model, models.LoadedModel):
            raise UserFacing(
                "A server can't go on from given reasoning.", "Leave out the condition anchored."
            )
        return models.continued(task.model, prompt, models.text_ids(task.model, task.anchor))

    def _result(
        self, task: Task, answer: Answer | None, fault: str, asked: tuple[Prompt, Decoding] | None
    ) -> Result:
        if answer is None or asked is None:
            return self._line(task, error=fault)
        if answer.finish == "cut":  # kept, but no answer to score: it is asked again with the failed ones
            return self._line(task, error=answer.note, text=answer.text, seconds=answer.seconds, finish="cut")
        try:
            return self._scored(task, _finished(task, asked[0], answer))
        except EndpointDown:  # a judge that can't be reached judges nothing; the run is taken up again
            raise
        except Exception as error:  # noqa: BLE001 - a judge may be anyone's code; the line keeps the answer
            return self._line(task, error=fault_text(error), text=answer.text, seconds=answer.seconds)

    def _scored(self, task: Task, answer: Answer) -> Result:
        trace = _read(task, answer)
        if task.options:
            correct = trace.answer_letter == task.gold_letter
        else:
            golds = (task.item.answer, *task.item.alternatives)
            correct = any(answers_match(trace.answer_text or "", gold) for gold in golds)
        verdicts = judge_units(self.judge, task.item.units, trace) if task.mode == "trace" else ()
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
            tokens=len(answer.ids) or len(answer.logprobs),
            probability={} if task.anchor else confidences(answer, trace),
            recovered=answer.recovered,
        )

    def _line(self, task: Task, **found: Any) -> Result:
        item, empty = task.item, {"answer": None, "correct": None, "axes": None, "seconds": 0.0}
        same = ("item_id", "question", "image_group", "modality", "body_part", "task", "question_type",
                "answer_type", "dataset", "alternatives")  # fmt: skip
        return Result(
            key=task.key,
            model=task.model.name,
            condition=task.condition,
            gold=item.answer,
            gold_letter=task.gold_letter,
            options=task.options,
            mode=task.mode,
            decoding=self.asking.decoding_for(task.condition).record(),
            revision=task.model.revision,
            judge=self.judge.id,
            judge_protocol=self.judge.protocol,
            sample=task.sample,
            image=item.image_name(self.folder),
            setup=self.setups[task.model.name],
            **{name: getattr(item, name) for name in same},
            **(empty | found),
        )


def _finished(task: Task, prompt: Prompt, answer: Answer) -> Answer:
    """The answer with a letter where it is to be recovered, and with the reasoning that it was made to begin
    with."""
    model = task.model
    if not isinstance(model, models.LoadedModel):
        return answer
    given = models.text_ids(model, task.anchor) if task.anchor else ()
    whole = models.joined(model, (*given, *answer.ids), answer) if given else answer
    if not task.decoding.recover:
        return whole
    again = cases.recovered_answer(model, prompt, answer, task.options, _read(task, whole))
    return whole if again is None else models.joined(model, (*given, *again.ids), again)


def _read(task: Task, answer: Answer) -> Trace:
    """The trace of an answer. One that was cut off does not answer by what its given reasoning says."""
    trace = parse_trace(answer.text, task.options)
    if answer.recovered:
        return replace(trace, status="recovered", rule=RECOVERED)
    given = (trace.answer_start or 0) < len(task.anchor)
    if task.anchor and trace.answer_start is not None and given and answer.finish != "stop":
        lacking = dict.fromkeys(
            ("answer_raw", "answer_text", "answer_letter", "answer_start", "answer_end"), None
        )
        return replace(trace, status="no_answer", rule="only the given reasoning answers", **lacking)
    return trace


def _generated(model: Answerer, asked: Asked, faults: dict[str, str]) -> dict[str, Answer]:
    """Answers by key; `faults` gets a sentence for each prompt that fails alone too."""
    prompts = [prompt for prompt, _ in asked.values()]
    decodings = [decoding for _, decoding in asked.values()]
    own = getattr(model, "own_decodings", False)
    try:
        found = model.generate_batch(prompts, decodings if own else decodings[0])
        return dict(zip(asked, found, strict=True))
    except EndpointDown:
        raise
    except Exception as error:  # noqa: BLE001 - the result line tells
        if len(asked) == 1:
            faults[next(iter(asked))] = fault_text(error)
            return {}
    answers: dict[str, Answer] = {}
    for key, one in asked.items():
        answers |= _generated(model, {key: one}, faults)
    return answers


def _axes(verdicts: Sequence[UnitScore]) -> dict[str, Any] | None:
    if not verdicts:
        return None
    scores = axis_scores(list(verdicts))
    return {axis: asdict(score) for axis, score in scores.items()} | {"trace_score": trace_score(scores)}


def fault_text(error: Exception) -> str:
    """A fault in one line; lines are shown and exported, so a file is not named with its folder."""
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return str(error) if isinstance(error, UserFacing) else f"{type(error).__name__}: {error}"
