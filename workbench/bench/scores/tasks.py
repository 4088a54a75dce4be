"""Accuracy by task and its unweighted mean over tasks, which is MediX-R1's Overall (arXiv 2602.23363)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.bench.scores.numbers import Number, number
from workbench.bench.store.results import Result

Scored = tuple[Result, bool]
Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class TaskNumbers:
    """Accuracy of each task, the most frequent first, and the `mean` in which every task counts the same."""

    mean: Number
    tasks: dict[str, Number]


def task_of(line: Result) -> str:
    """The task that the question names, else its data set: what MediX-R1 calls a task."""
    return line.task or line.dataset or "items"


def task_numbers(scored: Iterable[Scored], protocol: str) -> TaskNumbers:
    """Task numbers of (line, whether it is right) pairs."""
    parts: dict[str, list[Scored]] = {}
    for line, right in scored:
        parts.setdefault(task_of(line), []).append((line, right))
    ordered = sorted(parts.items(), key=lambda part: (-len(part[1]), part[0]))
    tasks = {
        name: number([right for _, right in found], [line.image_group for line, _ in found], protocol)
        for name, found in ordered
    }
    return TaskNumbers(_mean(tasks, parts, protocol), tasks)


def _mean(tasks: Mapping[str, Number], parts: Mapping[str, Sequence[Scored]], protocol: str) -> Number:
    values = [task.value for task in tasks.values() if task.value is not None]
    value = math.fsum(values) / len(values) if values else None
    variances = [_variance(found) for found in parts.values()]
    low = high = None
    method = "no interval: a task has fewer than two images"
    if value is not None and all(variance is not None for variance in variances):
        spread = Z * math.sqrt(math.fsum(v for v in variances if v is not None)) / len(variances)
        low, high = max(0.0, value - spread), min(1.0, value + spread)
        method = "normal, clustered by image within tasks"
    if low is not None and low == high:
        low = high = None
        method = "no interval: all values of a task are equal"
    lines = [line for found in parts.values() for line, _ in found]
    return Number(
        value=value, low=low, high=high, n=len(lines),
        n_clusters=len({line.image_group for line in lines}), method=method, origin="measured",
        protocol=f"{protocol}; mean over {len(values)} tasks, unweighted",
    )  # fmt: skip


def _variance(found: Sequence[Scored]) -> float | None:
    """Variance of a share whose answers come in clusters, one an image; None for fewer than two."""
    sums: dict[str, list[float]] = {}
    for line, right in found:
        entry = sums.setdefault(line.image_group, [0.0, 0.0])
        entry[0] += right
        entry[1] += 1
    k, n = len(sums), len(found)
    if k < 2:
        return None
    share = math.fsum(total for total, _ in sums.values()) / n
    return math.fsum((total - share * count) ** 2 for total, count in sums.values()) / n**2 * k / (k - 1)
