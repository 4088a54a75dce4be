"""One run over several processes: which share of the items is this process's."""

import os
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = timedelta(days=7)  # the first process that is done waits for the slowest


@dataclass(frozen=True)
class Shard:
    """Process `index` (from 0) of `count`: it answers the items at positions index, index + count, ….

    `main` writes what is written once; the split decides nothing else, since answers are resumed by key.
    """

    index: int = 0
    count: int = 1

    @property
    def main(self) -> bool:
        return self.index == 0


def join_processes() -> Shard:
    """This process's place among those that torchrun or `accelerate launch` started; alone without them.

    Alone, nothing of torch.distributed is started. Each of several processes sees only one GPU from here on,
    its own, so this must come before anything touches CUDA. They talk over gloo, and only to wait.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return Shard()
    _choose_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    from accelerate import PartialState

    state = PartialState(cpu=True, timeout=PATIENCE)
    return Shard(state.process_index, state.num_processes)


def wait_for_all(shard: Shard) -> None:
    """Return once every process of the run has come here."""
    if shard.count > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def _choose_gpu(local: int) -> None:
    """Hide all GPUs but one: more processes than GPUs share them in turn."""
    import torch

    count = torch.cuda.device_count()
    if not count:
        return
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    names = named or [str(number) for number in range(count)]
    os.environ["CUDA_VISIBLE_DEVICES"] = names[local % min(count, len(names))]
