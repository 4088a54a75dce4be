"""The same scores for parts of the questions: by data set, modality, task, kind of question and so on."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from workbench.bench.scores.baselines import Baselines
from workbench.bench.scores.measure import ByModel, Measure
from workbench.bench.scores.numbers import ByKind, Number
from workbench.bench.store.results import Result


@dataclass(frozen=True)
class Slice:
    """The questions with one value of a field, counted, with scores and guesses on those alone."""

    value: str
    n: int
    n_images: int
    accuracy: ByModel[ByKind]
    trace_score: ByModel[Number] = field(default_factory=dict)
    baselines: dict[str, ByKind] = field(default_factory=dict)


_RARE = re.compile(r"(?:^|[\W_])rare(?:dis|$|[\W_])", re.IGNORECASE)


def rare(line: Result) -> str:
    """Whether the task, kind of question or data set says "rare": "rare disease", "RareDis-Sub"."""
    fields = (line.task, line.question_type, line.dataset)
    return "rare" if any(_RARE.search(field) for field in fields) else "not marked as rare"


SLICES: dict[str, Callable[[Result], str]] = {
    **{
        name: attrgetter(name)
        for name in ("dataset", "modality", "task", "question_type", "body_part", "answer_type")
    },
    "rare": rare,
}


def slices_of(measure: Measure, items: Sequence[Result], guesses: Baselines) -> dict[str, tuple[Slice, ...]]:
    """Slice -> one entry for each value, the most frequent first: n, images, scores and baselines.

    Questions without a value are in no entry. A slice whose field no question has is empty, and so is "rare"
    where no question is marked.
    """
    return {name: _slice(measure, value_of, items, guesses) for name, value_of in SLICES.items()}


def _slice(
    measure: Measure, value_of: Callable[[Result], str], items: Sequence[Result], guesses: Baselines
) -> tuple[Slice, ...]:
    parts: dict[str, list[Result]] = {}
    for line in items:
        parts.setdefault(value_of(line), []).append(line)
    parts.pop("", None)
    if value_of is rare and "rare" not in parts:
        return ()
    measures = _parted(measure, value_of, parts)
    counts = Counter({value: len(part) for value, part in parts.items()})
    return tuple(
        Slice(
            value=value,
            n=count,
            n_images=len({line.image_group for line in parts[value]}),
            accuracy=measures[value].accuracy(),
            trace_score=measures[value].trace_scores(),
            baselines=guesses.on(parts[value]),
        )
        for value, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def _parted(
    measure: Measure, value_of: Callable[[Result], str], values: Sequence[str] | dict[str, Any]
) -> dict[str, Measure]:
    """One Measure a value, made in one pass over the lines; each has every group, perhaps empty."""
    found: dict[str, dict[tuple[str, str], dict[str, Result]]] = {
        value: {names: {} for names in measure.groups} for value in values
    }
    for names, lines in measure.groups.items():
        for item_id, line in lines.items():
            if (value := value_of(line)) in found:
                found[value][names][item_id] = line
    return {value: replace(measure, groups=groups) for value, groups in found.items()}
