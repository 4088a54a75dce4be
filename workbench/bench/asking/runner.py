"""Answer a benchmark with several models: batched, resumable, one result line an answer."""

import errno
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.bench.asking.answering import BatchAnswerer
from workbench.bench.asking.conditions import CONDITIONS, Answerer
from workbench.bench.asking.plan import Plan
from workbench.bench.asking.progress import Pace, Progress
from workbench.bench.asking.run_key import CODE, Asking
from workbench.bench.asking.sharding import Shard
from workbench.bench.judging.rule_judge import DEFAULT_JUDGE, JUDGES, Judge
from workbench.bench.questions.items import ItemSet
from workbench.bench.questions.pictures import Pictures
from workbench.bench.store.results import ResultFile, known_keys
from workbench.bench.store.run_file import merge_run, require_items
from workbench.errors import UserFacing
from workbench.models.answer import Decoding, Mode

SAMPLES, TEMPERATURE = 4, 0.7  # of condition "sampled"; MedSSR draws four answers
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

__all__ = ["SAMPLES", "TEMPERATURE", "Progress", "run_bench"]


def run_bench(
    items: ItemSet,
    models: Sequence[Answerer],
    out_dir: str | Path,
    *,
    conditions: Sequence[str] = ("image",),
    judge: Judge | None = None,
    batch_size: int = 16,
    mode: Mode = "trace",
    decoding: Decoding | None = None,
    samples: int = SAMPLES,
    sampling: Decoding | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    retry_failed: bool = False,
    shard: Shard | None = None,
) -> Path:
    """Answer every item with every model under every condition; returns the folder of the result lines.

    Lines are forced to disk after each batch, so a run that was stopped (by `stop`, read between batches, or
    by a crash) is taken up where it ended: an answer is asked for again only when something of `run_key` has
    changed, or with `retry_failed` where it failed. A failed item gets a line with `correct` None and its
    error; a server that is down and a full disk end the run with UserFacing. Also raises UserFacing for
    arguments that don't fit together and for a folder that holds the results of other items.

    Conditions: "image"; "blank", mid grey of the same size; "shuffled_image", the picture of another patient;
    "shuffled_options", the options in another order, fixed per item; "short_prompt" and "trace_prompt", one
    prompt mode whatever `mode` says; "anchored", one answer for each reasoning that an item brings to begin
    with; "sampled", `samples` answers an item drawn with `sampling`. A server
    gets a seed of its own for each sample. Models that are loaded here draw the samples of one item together
    from one seed, so they stay the same whatever else is asked, and change with their number and, where it is
    smaller than that, with the batch size.

    With a `shard` this process answers its share only, into a file of its own.
    """
    asking = Asking(mode, decoding or Decoding(), _sampling(sampling, decoding), samples, "")
    _check(models, conditions, batch_size, asking)
    judge, shard, pictures = judge or JUDGES[DEFAULT_JUDGE], shard or Shard(), Pictures()
    plan = Plan(
        items,
        models,
        conditions=conditions,
        asking=replace(asking, judge=judge.id),
        shard=shard,
        pictures=pictures,
    )
    answerer = BatchAnswerer(plan.asking, judge, pictures, folder=items.folder, setups=plan.setups)
    out, count = Path(out_dir), 0
    require_items(out, items.name)
    with _writing(out, count, plan.total):
        out.mkdir(parents=True, exist_ok=True)
        if shard.main:
            merge_run(out, _record(items, plan, judge, batch_size))
        file = ResultFile(out, shard.index, shard.count)
    done, pace = known_keys(out, retry_failed), Pace()
    for batch in plan.batches(done, batch_size):
        if stop is not None and stop.is_set():
            break
        if batch.tasks:
            lines = answerer.answered(batch)
            with _writing(out, count, plan.total):
                file.append(lines)
            pace.add(len(lines))
        count += len(batch.wanted) + batch.skipped
        if progress is not None and batch.tasks:
            names = batch.tasks[0].model.name, batch.tasks[0].condition
            progress(Progress(count, plan.total, *names, pace.rate, pace.seconds_for(plan.total - count)))
    return out


def _sampling(sampling: Decoding | None, decoding: Decoding | None) -> Decoding:
    return sampling or replace(decoding or Decoding(), temperature=TEMPERATURE)


def _check(models: Sequence[Answerer], conditions: Sequence[str], batch_size: int, asking: Asking) -> None:
    names = [model.name for model in models]
    if not names or len(set(names)) < len(names):
        raise UserFacing(f"The models are {', '.join(names) or 'missing'}.", "Give at least one, each once.")
    unknown = [name for name in conditions if name not in CONDITIONS]
    if unknown or not conditions:
        raise UserFacing(
            f"There is no condition {unknown[0]!r}." if unknown else "No condition was given.",
            f"Choose from: {', '.join(CONDITIONS)}.",
        )
    if batch_size < 1:
        raise UserFacing(f"The batch size can't be {batch_size}.", "Use a whole number from 1 up.")
    if asking.samples < 1:
        raise UserFacing(f"{asking.samples} samples can't be drawn.", "Use a whole number from 1 up.")
    if "sampled" in conditions and not asking.sampling.temperature > 0:
        raise UserFacing("At temperature 0 every sample is the same.", "Use a temperature above 0.")
    served = [model.name for model in models if getattr(model, "own_decodings", False)]
    if asking.decoding.recover and served:
        raise UserFacing(f"The server of {served[0]!r} can't be held to letters.", "Leave out --recover.")
    if asking.sampling.top_k and "sampled" in conditions and served:
        raise UserFacing(f"The server of {served[0]!r} is not told of top-k.", "Leave --top-k out.")


def _record(items: ItemSet, plan: Plan, judge: Judge, batch_size: int) -> dict[str, Any]:
    """What this run adds to `run.json`."""
    asking, sampled = plan.asking, "sampled" in plan.conditions
    protocol = {
        "mode": asking.mode,
        "decoding": asking.decoding.record(),
        "samples": asking.samples if sampled else 0,
        "sampling": asking.sampling.record() if sampled else None,
        "judge": judge.id,
        "judge_protocol": judge.protocol,
        "batch_size": batch_size,
        "conditions": list(plan.conditions),
    }
    return {
        "code": CODE,
        "items": {
            "name": items.name,
            "source": items.source,
            "n": len(items.items),
            "n_images": items.n_images,
            "dropped": items.dropped,
        },
        "models": {
            model.name: _described(model, plan.facts[model.name], plan.setups[model.name]) | protocol
            for model in plan.models
        },
    }


def _described(model: Answerer, facts: dict[str, Any], setup: str) -> dict[str, Any]:
    """Revision, adapter, image budget and, where the model states them, label, device and number format."""
    stated = {name: getattr(model, name, None) for name in ("label", "device", "dtype")}
    weights = {name: facts[name] for name in ("revision", "adapter", "image_budget")}
    return weights | {"setup": setup} | {name: str(value) for name, value in stated.items() if value}


@contextmanager
def _writing(out: Path, done: int, total: int) -> Iterator[None]:
    """Turns a disk that takes no more into words that say what is kept and what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        why = "The disk is full" if full else f"Results can't be written ({error.strerror or error})"
        make = "Make room" if full else "See to it that the folder can be written"
        raise UserFacing(
            f"{why}: {done:,} of {total:,} answers are kept in {str(out)!r}.",
            f"{make}, then run the same command again: it goes on from there.",
        ) from error
