"""What a run asks: its tasks, in which order, in which batches, and which of them are done already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from workbench.bench.asking.conditions import (
    FORCED_MODES,
    Answerer,
    Donors,
    Task,
    applies,
    seed_of,
    selective,
    shuffled,
)
from workbench.bench.asking.run_key import Asking, item_hash, model_facts, setup_of, task_key
from workbench.bench.asking.sharding import Shard
from workbench.bench.questions.items import Item, ItemSet
from workbench.bench.questions.pictures import Pictures

WINDOW_BATCHES = 16  # items are held, and sorted by length, in windows of so many batches


@dataclass(frozen=True)
class Batch:
    """Tasks that are answered together; only those in `wanted` (keys) are not on record yet.

    A batch without tasks only tells that `skipped` tasks were done already.
    """

    tasks: tuple[Task, ...] = ()
    wanted: frozenset[str] = frozenset()
    skipped: int = 0


class Plan:
    """The tasks of one process: its share of the items × the models × the conditions × samples."""

    def __init__(
        self,
        items: ItemSet,
        models: Sequence[Answerer],
        *,
        conditions: Sequence[str],
        asking: Asking,
        shard: Shard,
        pictures: Pictures,
    ) -> None:
        self.items, self.models, self.conditions = items.items, models, tuple(conditions)
        self.asking, self.shard, self._pictures = asking, shard, pictures
        self.facts = {model.name: model_facts(model) for model in models}
        self.setups = {name: setup_of(facts) for name, facts in self.facts.items()}

    @cached_property
    def _donors(self) -> Donors:
        return Donors(self.items if "shuffled_image" in self.conditions else ())

    @cached_property
    def total(self) -> int:
        """How many answers this process is to give. Items are only looked at where a condition is choosy."""
        own = len(range(self.shard.index, len(self.items), self.shard.count))
        for_all = sum(self._times(name) for name in self.conditions if not selective([name]))
        found = own * for_all
        choosy = [name for name in self.conditions if selective([name])]
        if choosy:
            windows = self._windows(1024)
            found += sum(
                self._times(name, item)
                for part in windows
                for item in part
                for name in choosy
                if applies(item, name, self._donors)
            )
        return len(self.models) * found

    def batches(self, done: set[str], size: int) -> Iterator[Batch]:
        """Batches to answer, in the order of the items, each window of items sorted by length.

        All models and conditions take one window of items before the next: a stopped run stays paired.
        """
        for part in self._windows(size * WINDOW_BATCHES):
            donated = self._donated(part)
            shown = [*(item.image_paths for item in part), *donated.values()]
            self._pictures.hash_all(path for paths in shown for path in paths)
            for model in self.models:
                for condition in self.conditions:
                    groups = [
                        self._tasks(item, model, condition, donated)
                        for item in part
                        if applies(item, condition, self._donors)
                    ]
                    yield from _batched(groups, done, size, mixes=getattr(model, "own_decodings", False))

    def _windows(self, size: int) -> Iterator[Sequence[Item]]:
        step = size * self.shard.count
        for start in range(0, len(self.items), step):
            yield self.items[start + self.shard.index : start + step : self.shard.count]

    def _donated(self, part: Sequence[Item]) -> dict[str, tuple[Path, ...]]:
        """Item id → the pictures shown instead of its own under "shuffled_image"."""
        if "shuffled_image" not in self.conditions:
            return {}
        return {item.item_id: self._donors.pictures_for(item) for item in part}

    def _times(self, condition: str, item: Item | None = None) -> int:
        """How many answers an item gets; only "anchored" must know the item."""
        if condition == "anchored" and item is not None:
            return len(item.anchors)
        return self.asking.samples if condition == "sampled" else 1

    def _tasks(
        self, item: Item, model: Answerer, condition: str, donated: dict[str, tuple[Path, ...]]
    ) -> list[Task]:
        """One item under one condition: one task, or one a sample or trace to begin with."""
        options = shuffled(item) if condition == "shuffled_options" else item.options
        pictures = donated[item.item_id] if condition == "shuffled_image" else item.image_paths
        mode = FORCED_MODES.get(condition, self.asking.mode)
        decoding = self.asking.decoding_for(condition)
        hashed, digest = item_hash(item, options), self._pictures.digest(pictures)
        setup, tasks = self.setups[model.name], []
        for sample in range(self._times(condition, item)):
            anchor = item.anchors[sample] if condition == "anchored" else ""
            key = task_key(
                setup, hashed, digest, condition=condition, mode=mode, sample=sample, asking=self.asking,
                anchor=anchor,
            )  # fmt: skip
            if condition == "sampled":
                decoding = replace(decoding, seed=seed_of(self.asking.sampling.seed, item.item_id, sample))
            tasks.append(
                Task(
                    item,
                    model,
                    condition=condition,
                    options=options,
                    key=key,
                    mode=mode,
                    decoding=decoding,
                    pictures=pictures,
                    sample=sample,
                    anchor=anchor,
                )
            )
        return tasks


def _batched(groups: Sequence[list[Task]], done: set[str], size: int, *, mixes: bool) -> Iterator[Batch]:
    """Batches of the groups (the tasks of one item each) that hold something to do.

    Tasks of several items share a batch when they are decoded alike, or when the model `mixes` decodings.
    Samples of one item, which other models draw from one stream of random numbers, are always drawn together
    and whole, so that they do not depend on what else is asked or was answered before.
    """
    todo = [group for group in groups if any(task.key not in done for task in group)]
    wanted = frozenset(task.key for group in todo for task in group if task.key not in done)
    yield Batch(skipped=sum(map(len, groups)) - len(wanted))
    todo.sort(key=_length)
    single = all(group[0].condition != "sampled" for group in todo)
    if single or mixes:
        todo = [[task for group in todo for task in group if task.key in wanted]]
    for group in todo:
        for first in range(0, len(group), size):
            tasks = tuple(group[first : first + size])
            if keys := wanted & {task.key for task in tasks}:
                yield Batch(tasks, keys)


def _length(group: Sequence[Task]) -> int:
    return len(group[0].item.question) + sum(map(len, group[0].options))
