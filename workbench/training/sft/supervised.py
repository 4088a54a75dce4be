"""Supervised fine-tuning of any image-text-to-text checkpoint, whole or by LoRA, on one or many processes.

The loss of a step is the summed target-token loss of the global batch over its number of target tokens, so
how the batch is split over processes and accumulation does not change the update. The data order follows from
(seed, epoch) and all randomness of a step from (seed, step, process): a killed and resumed run takes the same
steps as an unbroken one.
"""

import inspect
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import DataLoader

from workbench.errors import UserFacing
from workbench.training.pair.loop import Plan, Position, make_optimiser, one_cycle
from workbench.training.sft.collate import IGNORE, Collator
from workbench.training.sft.records import Record

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TuningPlan(Plan):
    """`batch` records a process at a time, `accumulate` times a step; `clip` bounds the gradient's norm.

    `workers` are loader processes; `recompute` trades time for memory in the backward pass.
    """

    weight_decay: float = 0.01
    batch: int = 1
    accumulate: int = 1
    clip: float = 1.0
    seed: int = 0
    workers: int = 0
    recompute: bool = False


@dataclass
class Place(Position):
    """How far a run has come: steps, seconds, and records consumed by all processes together."""

    taken: int = 0


@dataclass(frozen=True)
class Progress:
    """One progress report; `loss` is that of this step's global batch, in nats a target token."""

    step: int
    of: int
    loss: float
    tokens_per_second: float
    seconds_left: float

    def line(self) -> str:
        """ "step 20 of 500, loss 1.3142, 812 tokens/s, 6 min left"."""
        minutes = math.ceil(self.seconds_left / 60)
        left = f"{minutes} min left" if minutes > 1 else f"{math.ceil(self.seconds_left)} s left"
        rate = f"{self.tokens_per_second:.0f} tokens/s"
        return f"step {self.step} of {self.of}, loss {self.loss:.4f}, {rate}, {left}"


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The order of `count` records in an epoch: int64 permutation that follows from (seed, epoch)."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def shares(count: int, plan: TuningPlan, rank: int, world: int, taken: int) -> Iterator[list[int]]:
    """Record indices of one process's successive batches, from the `taken`-th record of the run on.

    Records run on from epoch to epoch without a gap. Consecutive `batch · world` records make one round, of
    which each process takes its slice; `accumulate` rounds make a step.
    """
    known: dict[int, np.ndarray] = {}
    while True:
        start = taken + rank * plan.batch
        indices = []
        for place in range(start, start + plan.batch):
            epoch, within = divmod(place, count)
            if epoch not in known:
                known = {number: row for number, row in known.items() if number >= taken // count}
                known[epoch] = order(count, plan.seed, epoch)
            indices.append(int(known[epoch][within]))
        yield indices
        taken += plan.batch * world


def summed_loss(model: nn.Module, batch: Batch, slices: bool) -> torch.Tensor:
    """Sum over target tokens of their negative log probability, float32 scalar.

    With `slices` (the model's forward takes `logits_to_keep`) only columns that predict a target in some row
    are turned into logits: the vocabulary is large and the prompt long.
    """
    labels = batch["labels"][:, 1:]
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    columns = torch.nonzero((labels != IGNORE).any(0)).flatten()
    if slices:
        logits = model(**inputs, use_cache=False, logits_to_keep=columns).logits
    else:
        logits = model(**inputs, use_cache=False).logits[:, columns]
    targets = labels[:, columns].flatten()
    return nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), targets, ignore_index=IGNORE, reduction="sum"
    )


@dataclass(frozen=True)
class Checkpoints:
    """`step-00000100` folders under `folder`; each appears whole, by a rename, and then replaces the last."""

    folder: Path

    def latest(self) -> Path | None:
        """The newest whole checkpoint, if any."""
        return max(self.folder.glob("step-????????"), default=None)

    def save(self, model: nn.Module, optimiser: Any, place: Place, marks: dict[str, Any]) -> None:
        """Write trained tensors, optimiser and position; older checkpoints go once this one stands."""
        final = self.folder / f"step-{place.step:08d}"
        draft = self.folder / "draft"
        if final.exists():
            return
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        save_file(trained_tensors(model), draft / "trained.safetensors")
        # The schedule is a function of the position, so the position is its whole state.
        state = {"optimiser": optimiser.state_dict(), "place": asdict(place), "marks": marks}
        torch.save(state, draft / "state.pt")
        draft.rename(final)
        for old in self.folder.glob("step-????????"):
            if old != final:
                shutil.rmtree(old)

    def resume(self, model: nn.Module, optimiser: Any, marks: dict[str, Any]) -> Place:
        """Load the newest checkpoint into `model` and `optimiser`; the start when there is none.

        Raises UserFacing when it belongs to a run with other settings.
        """
        path = self.latest()
        if path is None:
            return Place()
        state = torch.load(path / "state.pt", weights_only=True, map_location="cpu")
        changed = sorted(key for key in marks if state["marks"].get(key) != marks[key])
        if changed:
            what = f"The run in {self.folder.parent} was started with another {', '.join(changed)}."
            raise UserFacing(what, "Use the same settings to go on, or another --out to start afresh.")
        own = dict(model.named_parameters())
        with torch.no_grad():
            for name, value in load_file(path / "trained.safetensors").items():
                own[name].copy_(value)
        optimiser.load_state_dict(state["optimiser"])
        return Place(**state["place"])


def trained_tensors(model: nn.Module) -> Batch:
    """Name → tensor on the CPU of every trained parameter (the adapter, or all)."""
    return {name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}


def make_accelerator() -> Accelerator:
    """bfloat16 arithmetic on CUDA, float32 on the CPU; several processes as the launcher set them up."""
    cuda = torch.cuda.is_available()
    # A batch without images, or a tower whose last layer is not read, leaves parameters without a gradient.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=not cuda, mixed_precision="bf16" if cuda else "no", kwargs_handlers=[unused])


class Trainer:
    """One run: `run()` resumes where the folder's newest checkpoint stands and returns where it ended."""

    def __init__(
        self,
        model: nn.Module,
        collator: Collator,
        records: Sequence[Record],
        plan: TuningPlan,
        folder: Path,
        report: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """`report` is called after every step, in the first process only."""
        self.accelerator = make_accelerator()
        self.plan, self.records, self.collator, self.report = plan, records, collator, report
        if plan.recompute:
            model.activation_checkpointing_enable({"use_reentrant": False})
            model.enable_input_require_grads()
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.slices = "logits_to_keep" in inspect.signature(base.forward).parameters
        self.plain = model.to(self.accelerator.device)
        optimiser = make_optimiser(self.plain, plan)
        self.checkpoints = Checkpoints(folder / "checkpoints")
        self.marks = {
            "seed": plan.seed,
            "data": len(records),
            "model": sum(p.numel() for p in model.parameters() if p.requires_grad),
        }
        self.place = self.checkpoints.resume(self.plain, optimiser, self.marks)
        self.model, self.optimiser = self.accelerator.prepare(self.plain, optimiser)

    def _loader(self) -> Iterator[Batch]:
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        indices: Any = shares(len(self.records), self.plan, rank, world, self.place.taken)
        records: Any = self.records
        settings = {"collate_fn": self.collator, "num_workers": self.plan.workers}
        return iter(DataLoader(records, batch_sampler=indices, **settings))

    def run(self) -> Place:
        """Train to the end of the plan; a checkpoint every `save_every` steps and at the end."""
        self.model.train()
        batches = self._loader()
        began = time.monotonic() - self.place.seconds
        allowed = self.plan.max_minutes * 60
        while self.place.step < self.plan.steps and self.place.seconds < allowed:
            progress = self._step(list(islice(batches, self.plan.accumulate)), began)
            if self.accelerator.is_main_process:
                self.report(progress)
            if self.place.step % self.plan.save_every == 0:
                self._save()
        self._save()
        return self.place

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            self.checkpoints.save(self.plain, self.optimiser, self.place, self.marks)
        self.accelerator.wait_for_everyone()

    def _step(self, batches: list[Batch], began: float) -> Progress:
        """One optimiser step over `accumulate` batches of this process."""
        plan, before = self.plan, self.place.seconds
        torch.manual_seed(_mixed(plan.seed, self.place.step, self.accelerator.process_index))
        targets, tokens = self._counts(batches)
        self._set_rate()
        total = torch.zeros((), device=self.accelerator.device)
        for number, batch in enumerate(batches, 1):
            total += self._backward(batch, targets, last=number == len(batches))
        loss = float(self.accelerator.reduce(total, "sum")) / targets
        if not math.isfinite(loss):
            what = f"The loss is no longer a number at step {self.place.step + 1}."
            raise UserFacing(what, "Start again with a lower --rate, in another --out.")
        self.accelerator.clip_grad_norm_(self.model.parameters(), plan.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        taken = self.place.taken + plan.batch * plan.accumulate * self.accelerator.num_processes
        self.place = Place(self.place.step + 1, self._agreed(time.monotonic() - began), taken)
        return self._progress(loss, tokens / max(self.place.seconds - before, 1e-9))

    def _counts(self, batches: list[Batch]) -> tuple[float, float]:
        """Target tokens and all tokens of this step, over all processes."""
        counts = [
            sum(int((batch["labels"][:, 1:] != IGNORE).sum()) for batch in batches),
            sum(int(batch["attention_mask"].sum()) for batch in batches),
        ]
        summed = torch.tensor(counts, dtype=torch.float64, device=self.accelerator.device)
        return tuple(self.accelerator.reduce(summed, "sum").tolist())

    def _backward(self, batch: Batch, targets: float, last: bool) -> torch.Tensor:
        """Gradients of one batch; returns its summed loss."""
        batch = {key: value.to(self.accelerator.device) for key, value in batch.items()}
        # Gradients are exchanged once a step, with its last batch.
        with nullcontext() if last else self.accelerator.no_sync(self.model):
            loss = summed_loss(self.model, batch, self.slices)
            # Gradients are averaged over processes, hence the factor.
            self.accelerator.backward(loss * (self.accelerator.num_processes / targets))
        return loss.detach()

    def _set_rate(self) -> None:
        used = self.place.seconds / (self.plan.max_minutes * 60)
        progress = max(self.place.step / self.plan.steps, used)
        for group in self.optimiser.param_groups:
            group["lr"] = one_cycle(progress, self.place.step, self.plan)

    def _agreed(self, seconds: float) -> float:
        """The mean clock of all processes, so that they stop at the same step."""
        clock = torch.tensor(seconds, dtype=torch.float64, device=self.accelerator.device)
        return float(self.accelerator.reduce(clock, "mean"))

    def _progress(self, loss: float, tokens_per_second: float) -> Progress:
        left = (self.plan.steps - self.place.step) * self.place.seconds / self.place.step
        left = max(0.0, min(left, self.plan.max_minutes * 60 - self.place.seconds))
        return Progress(self.place.step, self.plan.steps, loss, tokens_per_second, left)
