"""The composite reward of stored answers by a real judge or embedder, beside lines that stay as they are."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.bench.judging.log import append_line
from workbench.bench.rewards.panel import EMBEDDER_STAND_IN, JUDGE_STAND_IN, marker_name, reward
from workbench.bench.scores.composite import Judge, Similarity
from workbench.bench.scores.numbers import Number, number
from workbench.bench.store.jsonl import JsonLines
from workbench.bench.store.results import Result
from workbench.models.served import NoAnswer

REWARDS_FILE = "answer_rewards.jsonl"
CHUNK = 64


@dataclass(frozen=True)
class Rewarded:
    """What a run earned by one judge and one embedder: means by model, condition and part ("total" too).

    `refused` counts the questions that the judge's server refused; they are asked again next time.
    """

    judge: str
    embedder: str
    numbers: dict[str, dict[str, dict[str, Number]]]
    n: int
    new: int
    known: int
    refused: int


def reward_run(
    folder: Path,
    lines: Iterable[Result],
    *,
    judge: Judge | None = None,
    embedder: Similarity | None = None,
    concurrency: int = 8,
    progress: Callable[[int], None] = lambda done: None,
) -> Rewarded:
    """The composite reward of stored lines; what is on record for this judge and embedder is not asked again.

    Failed lines are left out. Raises EndpointDown; a later call goes on where this one ended.
    """
    names = {
        "judge": marker_name(judge) if judge else JUDGE_STAND_IN,
        "embedder": marker_name(embedder) if embedder else EMBEDDER_STAND_IN,
    }
    known = _read(folder, names)
    kept: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    counts = {"n": 0, "new": 0, "known": 0, "refused": 0}

    def marked(line: Result) -> dict[str, Any] | None:
        if line.key in known:
            return known[line.key]
        try:
            panel = reward(
                line.text, line.gold, question=line.question, modality=line.modality, judge=judge,
                embedder=embedder,
            )  # fmt: skip
        except NoAnswer:
            return None
        return {part.name: part.value for part in panel.parts} | {"total": panel.total}

    with ThreadPoolExecutor(concurrency) as pool:
        source = (line for line in lines if line.error is None)
        while chunk := list(islice(source, CHUNK)):
            for line, parts in zip(chunk, pool.map(marked, chunk), strict=True):
                counts["n"] += 1
                if parts is None:
                    counts["refused"] += 1
                    continue
                counts["known" if line.key in known else "new"] += 1
                if line.key not in known:
                    append_line(folder / REWARDS_FILE, {"key": line.key, **names, "parts": parts})
                kept.setdefault((line.model, line.condition), []).append((line.image_group, parts))
            progress(counts["n"])
    numbers: dict[str, dict[str, dict[str, Number]]] = {}
    for (model, condition), found in kept.items():
        numbers.setdefault(model, {})[condition] = _means(found, names)
    return Rewarded(**names, numbers=numbers, **counts)


def _means(found: list[tuple[str, dict[str, Any]]], names: dict[str, str]) -> dict[str, Number]:
    means = {}
    for part in ("total", "llm", "embed", "modality", "format"):
        values = [(parts[part], image) for image, parts in found if parts.get(part) is not None]
        scores = [value if part == "total" else value == 1 for value, _ in values]
        means[part] = number(
            scores, [image for _, image in values], f"composite reward; {'; '.join(names.values())}"
        )
    return means


def _read(folder: Path, names: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Result key → its parts, of this judge and embedder. Lines that hold none are passed over."""
    return {
        record["key"]: record["parts"]
        for _, record in JsonLines(folder / REWARDS_FILE).objects()
        if {name: record.get(name) for name in names} == names
        and isinstance(record.get("key"), str)
        and isinstance(record.get("parts"), dict)
    }
