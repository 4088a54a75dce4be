"""Many passes in batches: progress, stop, and a smaller batch when the memory runs out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch

from workbench.explain.methods.attribution import Attribution

Item = TypeVar("Item")


class Stopped(Exception):
    """The person asked a method to stop, or its progress hook returned False."""


@dataclass
class PassCounter:
    """Tells the context's progress hook how far a method is; `total` is what it was told to expect."""

    context: Attribution
    total: int
    done: int = 0

    def add(self, passes: int) -> None:
        """Count passes that were run; raises Stopped when the method is to end here."""
        self.done = min(self.done + passes, self.total)
        progress = self.context.progress
        wanted = progress is None or progress(self.done, self.total) is not False
        if not wanted or (self.context.stop is not None and self.context.stop.is_set()):
            raise Stopped


def in_batches(
    items: Iterable[Item],
    size: int,
    run: Callable[[list[Item]], torch.Tensor],
    counter: PassCounter | None = None,
) -> Iterator[torch.Tensor]:
    """`run` on up to `size` items at a time; the batch is halved for good whenever the memory runs out.

    Raises torch.OutOfMemoryError when a single item is too much, Stopped between batches.
    """
    stream = iter(items)
    while group := list(islice(stream, size)):
        while group:
            found, size = shrinking(size, lambda fitting, left=group: run(left[:fitting]), len(group))
            group = group[len(found) :]
            yield found
            if counter is not None:
                counter.add(len(found))


def shrinking(
    size: int, run: Callable[[int], torch.Tensor], most: int | None = None
) -> tuple[torch.Tensor, int]:
    """`run(size)`, or with half the size as often as the memory runs out; also the size that worked.

    `most` is the largest size that makes a difference. Raises torch.OutOfMemoryError when 1 is too much.
    """
    while True:
        try:
            return run(size), size
        except torch.OutOfMemoryError:
            size = size if most is None else min(size, most)
            if size == 1:
                raise
            size //= 2
        torch.cuda.empty_cache()  # outside of the except block: the failed pass is freed by now
