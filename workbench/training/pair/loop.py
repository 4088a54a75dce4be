"""The training loop of every stage: one or several CPU processes, resumable, progress printed.

Several processes: `torchrun --nproc_per_node N -m workbench train STAGE …`; gradients are averaged each step.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import nn

from workbench.bench.store.jsonl import JsonLines


@dataclass(frozen=True)
class Plan:
    """`max_minutes` ends a stage early on a slow machine; the schedule then shrinks with it."""

    steps: int
    peak_rate: float
    warm_up: int = 100
    weight_decay: float = 0.05
    max_minutes: float = 1e9
    save_every: int = 100


@dataclass
class Position:
    """How far a stage has come; written beside each checkpoint."""

    step: int = 0
    seconds: float = 0.0


def one_cycle(progress: float, step: int, plan: Plan) -> float:
    """Linear warm-up, then half a cosine down to 2 % of the peak at progress 1."""
    ramp = min(1.0, (step + 1) / plan.warm_up)
    cosine = 0.5 * (1 + math.cos(min(1.0, progress) * math.pi))
    return plan.peak_rate * ramp * (0.02 + 0.98 * cosine)


def average_gradients(model: nn.Module, extra: float) -> float:
    """Average gradients over processes in one message; `extra` rides along and comes back averaged."""
    if not (dist.is_available() and dist.is_initialized()):
        return extra
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads] + [torch.tensor([extra])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for grad in grads:
        grad.copy_(flat[at : at + grad.numel()].view_as(grad))
        at += grad.numel()
    return float(flat[-1])


def save_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, position: Position
) -> None:
    """Write to a temporary name, then rename: a kill leaves the previous checkpoint whole."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "position": asdict(position)}
    torch.save(state, folder / "state.tmp")
    (folder / "state.tmp").rename(folder / "state.pt")


def load_checkpoint(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> Position:
    """Resume from our own checkpoint if there is one (tensors and numbers only, no pickled code)."""
    path = folder / "state.pt"
    if not path.is_file():
        return Position()
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return Position(**state["position"])


def make_optimiser(model: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    """AdamW; biases, norms and embeddings of width 1 are not decayed."""
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=plan.peak_rate, betas=(0.9, 0.98), fused=True)


def train(
    model: nn.Module,
    batches: Callable[[int], Iterable[Any]],
    loss_of: Callable[[Any], torch.Tensor],
    plan: Plan,
    folder: Path,
) -> Position:
    """Run a stage; `batches(first)` gives the stream from step `first` on. Returns where it ended."""
    state = PartialState(cpu=True)
    optimiser = make_optimiser(model, plan)
    position = load_checkpoint(folder, model, optimiser)
    model.train()
    began = time.monotonic() - position.seconds
    running, log = 0.0, JsonLines(folder / "log.jsonl")
    folder.mkdir(parents=True, exist_ok=True)
    for batch in batches(position.step):
        if position.step >= plan.steps or position.seconds >= plan.max_minutes * 60:
            break
        progress = max(position.step / plan.steps, position.seconds / (plan.max_minutes * 60))
        for group in optimiser.param_groups:
            group["lr"] = one_cycle(progress, position.step, plan)
        loss = loss_of(batch)
        loss.backward()
        # The clock rides along so that all processes agree on when to stop.
        seconds = average_gradients(model, time.monotonic() - began)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        position = Position(position.step + 1, seconds)
        running = loss.item() if position.step == 1 else 0.98 * running + 0.02 * loss.item()
        if state.is_main_process and position.step % 50 == 0:
            line = {
                "step": position.step,
                "of": plan.steps,
                "loss": round(running, 4),
                "seconds": round(seconds),
            }
            log.append([line], allow_nan=True)
        if state.is_main_process and position.step % plan.save_every == 0:
            save_checkpoint(folder, model, optimiser, position)
    if state.is_main_process:
        save_checkpoint(folder, model, optimiser, position)
    state.wait_for_everyone()
    return position
