"""Accuracy as a judge sees it: shares of its verdicts, by kind of question and by task."""

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.bench.judging.verdicts import AnswerVerdict
from workbench.bench.scores.measure import ByModel, Measure
from workbench.bench.scores.numbers import ByKind, by_kind, number
from workbench.bench.scores.tasks import TaskNumbers, task_numbers
from workbench.bench.store.results import Result


@dataclass(frozen=True)
class Judged:
    """A judge's verdicts on the answers of one model under one condition.

    Every judged answer counts with the verdict, 1 right or 0 wrong, whether its question has options or not.
    `unparsed` answers got no usable verdict and count nowhere; `unjudged` ones were not shown to the judge.
    """

    accuracy: ByKind
    by_task: TaskNumbers
    unparsed: int
    unjudged: int


def judged_numbers(
    measure: Measure, verdicts: Mapping[str, Mapping[str, AnswerVerdict]]
) -> dict[str, ByModel[Judged]]:
    """judge → model → condition → numbers; conditions of which a judge saw nothing are left out."""
    found: dict[str, ByModel[Judged]] = {}
    for judge, said in verdicts.items():
        for (model, condition), lines in measure.groups.items():
            made = _judged(list(lines.values()), said, f"{measure.protocols[model, condition]}; {judge}")
            if made is not None:
                found.setdefault(judge, {}).setdefault(model, {})[condition] = made
    return found


def _judged(lines: list[Result], said: Mapping[str, AnswerVerdict], protocol: str) -> Judged | None:
    answered = [line for line in lines if line.error is None]
    seen = [line for line in answered if line.key in said]
    if not seen:
        return None
    right = {line.key: said[line.key].score == 1 for line in seen if said[line.key].score is not None}
    settled = [line for line in seen if line.key in right]
    accuracy = by_kind(
        settled,
        lambda part: number(
            [right[line.key] for line in part], [line.image_group for line in part], protocol
        ),
    )
    tasks = task_numbers(((line, right[line.key]) for line in settled), protocol)
    return Judged(accuracy, tasks, len(seen) - len(settled), len(answered) - len(seen))
