"""The stage: ask made questions many times, train on the sure majority answers, then on supervised data.

MedSSR (arXiv 2604.11547) trains on its own labels first and on human ones last. How it trains is a callable
here, so that the small pair's trainer and the one for full-scale checkpoints both fit.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from accelerate import PartialState

from workbench.errors import UserFacing
from workbench.imaging.medical_image import MedicalImage
from workbench.models.answer import Answer, Decoding, Prompt, Question
from workbench.traces import parse_trace
from workbench.traces.voting import Vote, majority_vote, read_answer
from workbench.training.rare.labels import Labelled, label_file, read_labels
from workbench.training.rare.synthesis import Synthesised
from workbench.training.rare.voting import LabelQuality, label_quality
from workbench.training.sft.records import Record

Thing = TypeVar("Thing")
Train = Callable[[Sequence[Record]], None]


class Answerer(Protocol):
    """What the stage needs of a LoadedModel."""

    @property
    def name(self) -> str: ...

    revision: str

    def prepare(self, question: Question, image: MedicalImage | None) -> Prompt: ...

    def generate_batch(self, prompts: Sequence[Prompt], decoding: Decoding | None = None) -> list[Answer]: ...


@dataclass(frozen=True)
class VotingPlan:
    """`samples` answers a question, `questions` of them at once; labels count from confidence `threshold` on.

    The threshold is applied when labels are used, not when they are made: it may be changed on a finished
    folder without asking again.
    """

    samples: int = 8
    threshold: float = 0.6
    temperature: float = 0.7
    top_p: float = 0.95
    max_new_tokens: int = 256
    questions: int = 4
    seed: int = 0

    def check(self) -> None:
        """Raises UserFacing for numbers that can't be used."""
        if self.samples < 1 or self.questions < 1 or self.max_new_tokens < 1:
            raise UserFacing("Samples, questions at once and tokens must be at least 1.", "Raise them.")
        if self.temperature <= 0:
            raise UserFacing("At temperature 0 all samples are the same.", "Use one above 0, such as 0.7.")
        if not 0 <= self.threshold <= 1:
            raise UserFacing(f"The threshold can't be {self.threshold}.", "Give a number from 0 to 1.")


@dataclass(frozen=True)
class LabelProgress:
    """Questions with a vote so far, and how many of their labels are sure enough to be kept."""

    done: int
    kept: int

    def line(self) -> str:
        """ "120 questions asked, 75 labels kept"."""
        return f"{self.done} questions asked, {self.kept} labels kept"


@dataclass(frozen=True)
class StageReport:
    """`quality` of the labels against the gold: over "all", "rare" and "common" questions."""

    threshold: float
    kept: int
    supervised: int
    quality: dict[str, LabelQuality]


def asked_of(model: Answerer, plan: VotingPlan) -> dict[str, Any]:
    """All that decides the samples of a question."""
    settings = {
        name: getattr(plan, name) for name in ("samples", "temperature", "top_p", "max_new_tokens", "seed")
    }
    return {"model": model.name, "revision": model.revision} | settings


def _chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    walk = iter(things)
    while chunk := list(islice(walk, size)):
        yield chunk


def label_questions(
    model: Answerer,
    made: Iterable[Synthesised],
    folder: Path,
    plan: VotingPlan,
    *,
    rank: int = 0,
    world: int = 1,
    report: Callable[[LabelProgress], None] = lambda progress: None,
) -> list[str]:
    """Vote on every question that has no vote in `folder` yet; returns the ids of all questions in order.

    A sample that was cut off at `max_new_tokens` is invalid. Of `world` processes the one of `rank` takes
    every `world`-th question; each writes its own file. Killed, it loses at most one batch. Raises
    UserFacing for a plan that can't be used or a folder of other votes.
    """
    plan.check()
    folder.mkdir(parents=True, exist_ok=True)
    asked = asked_of(model, plan)
    known = read_labels(folder, asked)
    done, kept = len(known), sum(row.vote.kept(plan.threshold) is not None for row in known.values())
    ids: list[str] = []

    def pending() -> Iterator[Synthesised]:
        for number, item in enumerate(made):
            ids.append(item.record.record_id)
            if number % world == rank and item.record.record_id not in known:
                yield item

    for items in _chunks(pending(), plan.questions):
        fresh = _labelled(model, items, folder, plan, asked)
        label_file(folder, rank).append(row.as_json() for row in fresh)
        done += len(fresh)
        kept += sum(row.vote.kept(plan.threshold) is not None for row in fresh)
        report(LabelProgress(done, kept))
    return ids


def _labelled(
    model: Answerer, items: Sequence[Synthesised], folder: Path, plan: VotingPlan, asked: dict[str, Any]
) -> list[Labelled]:
    """Votes on a few questions in one batch; its sampling seed follows from the first question's id."""
    prompts = [model.prepare(item.question, item.image) for item in items]
    repeated = [prompt for prompt in prompts for _ in range(plan.samples)]
    digest = hashlib.sha256(f"{plan.seed}/{items[0].record.record_id}".encode()).hexdigest()
    decoding = Decoding(plan.max_new_tokens, plan.temperature, plan.top_p, int(digest[:7], 16))
    answers = _chunks(model.generate_batch(repeated, decoding), plan.samples)
    return [_vote_on(item, given, folder, asked) for item, given in zip(items, answers, strict=True)]


def _vote_on(item: Synthesised, answers: Sequence[Answer], folder: Path, asked: dict[str, Any]) -> Labelled:
    record, options = item.record, item.question.options
    read = [None if answer.finish == "length" else read_answer(answer.text, options) for answer in answers]
    vote = majority_vote(read)
    return Labelled(
        record.record_id,
        item.question.text,
        options,
        record.answer,
        record.rare,
        record.tag,
        record.source,
        _keep_picture(record, folder),
        vote,
        best_trace(answers, vote, options),
        asked,
    )


def best_trace(answers: Sequence[Answer], vote: Vote, options: Sequence[str]) -> str:
    """The winner with reasoning and answer whose mean log prob a token is highest, as text; "" if none."""
    full = [answers[i] for i in vote.winners if parse_trace(answers[i].text, options).status == "ok"]
    if not full:
        return ""
    return max(full, key=lambda answer: sum(answer.logprobs) / max(1, len(answer.logprobs))).text.strip()


def _keep_picture(record: Record, folder: Path) -> str | None:
    if record.image is None:
        return None
    if isinstance(record.image, Path):
        return str(record.image.resolve())
    name = f"pictures/{record.record_id.replace('/', '-')}.png"
    (folder / "pictures").mkdir(exist_ok=True)
    (folder / name).write_bytes(record.image)
    return name


def measure(labels: Sequence[Labelled], threshold: float) -> dict[str, LabelQuality]:
    """Quality of the labels kept at `threshold`, over "all", "rare" and "common" questions."""
    slices = {
        "all": list(labels),
        "rare": [row for row in labels if row.rare],
        "common": [row for row in labels if not row.rare],
    }
    return {
        name: label_quality([row.vote for row in rows], [row.gold for row in rows], threshold)
        for name, rows in slices.items()
    }


def run_stage(
    model: Answerer,
    made: Iterable[Synthesised],
    supervised: Sequence[Record],
    train: Train,
    folder: Path,
    plan: VotingPlan | None = None,
    report: Callable[[LabelProgress], None] = lambda progress: None,
) -> StageReport:
    """Label the questions, call `train` with the self-labelled records, then with `supervised` unless empty.

    Every process of a launch calls it; they share the asking. The labels' quality goes to
    `folder/report.json` before the training starts. Votes are resumed; resuming inside a training is for
    `train` itself. Raises UserFacing when no label is sure enough.
    """
    plan = plan or VotingPlan()
    state = PartialState(cpu=not torch.cuda.is_available())
    share = {"rank": state.process_index, "world": state.num_processes}
    ids = label_questions(model, made, folder, plan, **share, report=report)
    state.wait_for_everyone()
    found = read_labels(folder, asked_of(model, plan))
    labels = [found[name] for name in ids]
    records = [row.record(folder, plan.threshold) for row in labels]
    kept = [record for record in records if record is not None]
    outcome = StageReport(plan.threshold, len(kept), len(supervised), measure(labels, plan.threshold))
    if state.is_main_process:
        (folder / "report.json").write_text(json.dumps(asdict(outcome), indent=1) + "\n")
    if not kept:
        what = f"None of {len(labels)} answers reached the threshold {plan.threshold:g}."
        raise UserFacing(what, "Lower the threshold; the votes are kept and nothing is asked again.")
    train(kept)
    if len(supervised):
        train(supervised)
    return outcome
