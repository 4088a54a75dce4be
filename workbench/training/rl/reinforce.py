"""Reinforcement by group-relative policy optimisation: sample answers, score them, raise what was better.

trl's GRPOTrainer (1.16, read for this) takes images, reward functions and asymmetric clipping, but it only
logs groups without spread where DAPO drops solved and hopeless ones, and it wants a `datasets` table of chats
that its own code turns into inputs. This loop was written instead, so that training sees exactly the prompts
of `LoadedModel.prepare` and a killed run repeats none of an endless stream of problems.

All randomness of a step follows from (seed, step, process): a resumed run takes the steps of an unbroken one.
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from accelerate import PartialState
from PIL import Image

from workbench.bench.scores.composite import invalid_reason
from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.models.session import LoadedModel
from workbench.phantoms import DRAWERS, Kind, draw_phantom
from workbench.phantoms.questions import MODALITY, ask
from workbench.phantoms.questions.phrasing import rephrase
from workbench.phantoms.sample import TAGS
from workbench.training.pair.loop import Plan, make_optimiser
from workbench.training.pair.stream import random_phantom_seed
from workbench.training.rl.policy import (
    CLIP_HIGH,
    CLIP_LOW,
    Learner,
    Rollout,
    group_advantages,
    kept_groups,
    portions,
    summed,
    trainable,
    whole_distribution,
)
from workbench.training.sft.records import Record
from workbench.training.sft.supervised import Checkpoints, Place


class Problem(NamedTuple):
    """A picture, what is asked about it, and the record with the gold answer."""

    image: MedicalImage | None
    question: Question
    record: Record


Problems = Callable[[int, int], Iterator[Problem]]
Score = Callable[[Prompt, Record, Answer], Mapping[str, float]]


@dataclass(frozen=True)
class ReinforcePlan(Plan):
    """Each process takes `prompts` problems a step and samples `answers` for each.

    `sampled` answers are generated and `micro` answers differentiated at a time; `passes` optimiser steps are
    made on the answers of a step. `kl` weighs the divergence from the weights that the run started with. The
    rate is constant after `warm_up` steps. The defaults are MediX-R1's where it states them.
    """

    warm_up: int = 1
    weight_decay: float = 0.01
    prompts: int = 12
    answers: int = 6
    sampled: int = 72
    micro: int = 12
    passes: int = 1
    max_new_tokens: int = 160
    clip_low: float = CLIP_LOW
    clip_high: float = CLIP_HIGH
    kl: float = 0.0
    gradient_norm: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """One step over all processes: `rewards` are means by component over every sampled answer.

    `filtered` is the share of groups that were dropped, `length` the mean number of answer tokens, `seconds`
    what the step took.
    """

    step: int
    of: int
    rewards: Mapping[str, float]
    filtered: float
    length: float
    loss: float
    seconds: float

    def line(self) -> str:
        """ "step 3 of 200: total 0.612 (format 0.95, llm 0.50), 25 % of groups left out, 48 tokens, 9 s"."""
        parts = ", ".join(f"{name} {v:.2f}" for name, v in sorted(self.rewards.items()) if name != "total")
        shown = f"total {self.rewards['total']:.3f}" + (f" ({parts})" if parts else "")
        left = f"{100 * self.filtered:.0f} % of groups left out"
        return (
            f"step {self.step} of {self.of}: {shown}, {left}, {self.length:.0f} tokens, {self.seconds:.0f} s"
        )


def problems_from_phantoms(
    seed: int,
    kinds: Sequence[Kind] = tuple(DRAWERS),
    *,
    first: int = 0,
    stride: int = 1,
    options: float = 0.5,
) -> Iterator[Problem]:
    """Endless problems number `first`, `first` + `stride`, …; the n-th follows from (seed, n) alone.

    One question a phantom, with its options in a share `options` of problems. The boxes are those of the
    lesions that the question is about. Gold answers that the reward would zero (single digits) are not asked.
    """
    for number in count(first, stride):
        rng = np.random.default_rng([seed, number])
        kind = kinds[int(rng.integers(len(kinds)))]
        drawn = random_phantom_seed(rng)
        phantom = draw_phantom(drawn, kind, int(rng.choice((192, 224, 256))))
        samples = [sample for sample in ask(rng, phantom) if not invalid_reason(sample.answer)]
        sample = rephrase(rng, samples[int(rng.integers(len(samples)))], "train")
        shown = tuple(map(str, rng.permutation(sample.options))) if rng.random() < options else ()
        boxes = tuple(
            tuple(map(float, region.box)) for region in phantom.lesions if region.name in sample.evidence
        )
        stored = BytesIO()
        Image.fromarray(phantom.pixels).save(stored, "PNG", compress_level=1)
        record = Record(
            f"{kind}-{drawn}",
            sample.question,
            sample.answer,
            stored.getvalue(),
            shown,
            tag=TAGS[MODALITY[kind]],
            boxes=boxes,
            source="phantoms",
        )
        yield Problem(
            MedicalImage(phantom.pixels, record.record_id, "array"), Question(sample.question, shown), record
        )


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class _Run:
    """The state of one run, within `trainable`."""

    def __init__(
        self, loaded: LoadedModel, problems: Problems, score: Score, plan: ReinforcePlan, folder: Path
    ) -> None:
        self.loaded, self.score, self.plan = loaded, score, plan
        self.state = PartialState(cpu=loaded.device.type == "cpu")
        self.rank, self.world = self.state.process_index, self.state.num_processes
        reference = copy.deepcopy(loaded.model).requires_grad_(False) if plan.kl else None
        self.optimiser = make_optimiser(loaded.model, plan)
        clip = (plan.clip_low, plan.clip_high)
        self.learner = Learner(loaded, self.optimiser, clip, plan.kl, reference, plan.gradient_norm)
        self.checkpoints = Checkpoints(folder / "checkpoints")
        size = sum(p.numel() for p in loaded.model.parameters() if p.requires_grad)
        self.marks = {"seed": plan.seed, "model": size, "stage": "reinforce"}
        self.place = self.checkpoints.resume(loaded.model, self.optimiser, self.marks)
        self.stream = problems(self.place.taken + self.rank, self.world)

    def save(self) -> None:
        if self.state.is_main_process:
            self.checkpoints.save(self.loaded.model, self.optimiser, self.place, self.marks)
        self.state.wait_for_everyone()

    def step(self) -> Progress:
        """Sample, score, learn; every process on its own problems."""
        plan, began = self.plan, time.monotonic()
        problems = list(islice(self.stream, plan.prompts))
        if len(problems) < plan.prompts:
            raise UserFacing(
                "The problems ran out before the steps.", "Give an endless stream, or fewer steps."
            )
        prompts = [self.loaded.prepare(problem.question, problem.image) for problem in problems]
        answers = self._sample(prompts)
        scores = [
            [self.score(prompt, problem.record, answer) for answer in group]
            for prompt, problem, group in zip(prompts, problems, answers, strict=True)
        ]
        rewards = torch.tensor([[score["total"] for score in group] for group in scores], dtype=torch.float64)
        kept, advantages = kept_groups(rewards), group_advantages(rewards)
        rows = [
            Rollout(prompts[g], answer.ids, float(advantages[g, k]))
            for g in torch.nonzero(kept).flatten().tolist()
            for k, answer in enumerate(answers[g])
        ]
        loss = self._learn(rows)
        return self._progress(scores, kept, answers, loss, time.monotonic() - began)

    def _sample(self, prompts: Sequence[Prompt]) -> list[Sequence[Answer]]:
        """`answers` answers for each prompt, at temperature 1."""
        repeated = [prompt for prompt in prompts for _ in range(self.plan.answers)]
        answers: list[Answer] = []
        for number, chunk in enumerate(portions(repeated, self.plan.sampled)):
            seed = _mixed(self.plan.seed, self.place.step, self.rank, number)
            decoding = Decoding(self.plan.max_new_tokens, temperature=1.0, seed=seed)
            answers += self.loaded.generate_batch(chunk, decoding)
        return portions(answers, self.plan.answers)

    def _learn(self, rows: Sequence[Rollout]) -> float:
        """`passes` optimiser steps on the kept answers; the loss of the first, over all processes.

        Answers as good as their group's mean have no gradient: they count in the mean and are not run.
        """
        active = [row for row in rows if row.advantage or self.plan.kl]
        counts = [float(sum(len(row.ids) for row in rows)), float(len(active))]
        tokens, learnt = summed(counts, self.loaded.device)
        if not learnt:
            return 0.0
        rate = self.plan.peak_rate * min(1.0, (self.place.step + 1) / max(1, self.plan.warm_up))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return self.learner.learn(active, tokens, self.plan.micro, self.plan.passes)

    def _progress(
        self,
        scores: Sequence[Sequence[Mapping[str, float]]],
        kept: torch.Tensor,
        answers: Sequence[Sequence[Answer]],
        loss: float,
        seconds: float,
    ) -> Progress:
        """Means over all processes; moves the position on by one step."""
        flat = [score for group in scores for score in group]
        names = sorted(flat[0])
        sums = [sum(score[name] for score in flat) for name in names]
        lengths = sum(len(answer.ids) for group in answers for answer in group)
        mine = [*sums, len(flat), float((~kept).sum()), len(kept), lengths, seconds]
        *sums, samples, dropped, groups, tokens, clock = summed(mine, self.loaded.device)
        # All processes add the same mean time, so that they stop at the same step.
        spent = clock / self.world
        self.place = Place(self.place.step + 1, self.place.seconds + spent, self.place.taken + int(groups))
        means = {name: value / samples for name, value in zip(names, sums, strict=True)}
        return Progress(
            self.place.step, self.plan.steps, means, dropped / groups, tokens / samples, loss, spent
        )


def every_parameter(name: str) -> bool:
    """Train all weights."""
    return True


def reinforce(
    loaded: LoadedModel,
    problems: Problems,
    score: Score,
    plan: ReinforcePlan,
    folder: Path,
    *,
    trained: Callable[[str], bool] = every_parameter,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Place:
    """Train `loaded` in place and return where the run ended; it goes on from the checkpoint in `folder`.

    `problems(first, stride)` yields problems number first, first + stride, … without end. Every `save_every`
    steps and at the end a checkpoint is written, so that a kill loses at most one interval; the run stops at
    `steps`, or after the step in which `max_minutes` pass. `report` is called in the first process alone.
    Weights become trainable inside only. Raises UserFacing for half-precision weights, a run with other
    settings in `folder`, problems that run out, or a loss that is no number.
    """
    with loaded.lock, trainable(loaded.model, trained), whole_distribution(loaded.model):
        run = _Run(loaded, problems, score, plan, folder)
        while run.place.step < plan.steps and run.place.seconds < plan.max_minutes * 60:
            progress = run.step()
            if run.state.is_main_process:
                report(progress)
            if run.place.step % plan.save_every == 0:
                run.save()
        run.save()
        return run.place
