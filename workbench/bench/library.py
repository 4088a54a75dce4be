"""What a notebook calls: run a benchmark and read its report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.bench.asking.conditions import longest_answer
from workbench.bench.asking.naming import tell_apart
from workbench.bench.asking.progress import Progress
from workbench.bench.asking.runner import run_bench
from workbench.bench.questions.items import ItemSet, load_items
from workbench.bench.reports.model import Report
from workbench.bench.reports.stored import open_report
from workbench.models import Decoding, LoadedModel, load_models
from workbench.models.answer import Mode
from workbench.places import ASSETS


def run(
    items: str | Path | ItemSet,
    *models: LoadedModel | str,
    out: str | Path,
    conditions: Sequence[str] = ("image",),
    limit: int | None = None,
    mode: Mode = "trace",
    max_new_tokens: int | None = None,
    batch_size: int = 16,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Answer a benchmark with one or several models and report on it; see `asking.runner.run_bench`.

    `items` is a bundled name, a file, a folder or an `ItemSet`; a model may be named. `max_new_tokens` None
    allows every model the longest answer that one of their cards asks for. The answers lie in the
    folder `out`: the same call takes a stopped run up again, and asks nothing twice. Raises UserFacing.

    >>> import tempfile
    >>> import workbench as wb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = wb.bench.run("phantoms", wb.load_model("tuned"), out=folder, limit=2)
    >>> found.items.n
    2
    """
    asked = items if isinstance(items, ItemSet) else load_items(items, limit)
    named = tuple(dict.fromkeys(model for model in models if isinstance(model, str)))
    found = dict(zip(named, load_models(named), strict=True))
    loaded = [found[model] if isinstance(model, str) else model for model in models]
    tell_apart(loaded)
    run_bench(
        asked, loaded, out, conditions=conditions, batch_size=batch_size, mode=mode,
        decoding=Decoding(longest_answer(loaded, max_new_tokens)), progress=progress,
    )  # fmt: skip
    return open_report(out)


def report(out: str | Path) -> Report:
    """The report of a folder of results, such as a shipped one; raises UserFacing when there are none.

    >>> import workbench as wb
    >>> wb.bench.report(wb.bench.shipped("phantoms")).models[1].name
    'tuned'
    """
    return open_report(out)


def shipped(name: str) -> Path:
    """The folder of results that ship with the workbench, by name: "phantoms", "real" and so on."""
    return ASSETS / "bench" / "results" / name
