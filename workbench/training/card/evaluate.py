"""Measure the shipped pair: held-out phantoms and real images, image against blank; write the model cards."""

import gzip
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workbench.bench.asking.runner import run_bench
from workbench.bench.grounding.report import load_grounding
from workbench.bench.questions.items import BUNDLED, ItemSet, load_items
from workbench.bench.reports.build import build_report
from workbench.bench.reports.model import Report
from workbench.bench.reports.stored import REPORT_FILE, open_report
from workbench.bench.store.result_files import RESULTS_FILE, result_files
from workbench.bench.store.results import read_results
from workbench.bench.store.run_file import RUN_FILE
from workbench.models.loading import load_model
from workbench.settings import Settings
from workbench.training.card.ablation import measure_stages, stage_cells
from workbench.training.card.benchmark import write_benchmark
from workbench.training.card.curves import write_history
from workbench.training.card.held_out import photograph_items, rare_items
from workbench.training.card.text import model_card

CONDITIONS = ("image", "blank")
SHIPPED_CONDITIONS = ("image", "blank", "shuffled_image", "shuffled_options")  # of the bundled benchmark
STAGE_SETS = ("phantoms-open", "real", "photographs", "rare")  # what the table of the stages shows
GROUNDING = BUNDLED / "grounding" / "grounding.json"  # of `bench grounding`, where the screen finds it too
TRAINED_DATASETS = ("SLAKE 1.0", "VQA-RAD", "BCCD")


def without_options(items: ItemSet) -> ItemSet:
    """The same questions asked openly: the answer must be the right words, not the right letter."""
    plain = tuple(replace(item, options=(), answer_letter=None) for item in items.items)
    return replace(items, name=f"{items.name}-open", items=plain)


def only_datasets(items: ItemSet, names: tuple[str, ...]) -> ItemSet:
    """The items of these data sets: the kinds of real picture that the pair was trained on."""
    return replace(items, items=tuple(item for item in items.items if item.dataset in names))


def publish(report: Report, run: Path, target: Path, *, with_lines: bool) -> None:
    """Put a report into the folder that ships: with its lines, compressed, or alone.

    Where the items lie on this machine stays out of a report that travels without its lines.
    """
    target.mkdir(parents=True, exist_ok=True)
    for earlier in result_files(target):
        earlier.unlink()
    (target / REPORT_FILE).unlink(missing_ok=True)  # of the same lines, but perhaps of older words
    if with_lines:
        shutil.copyfile(run / RUN_FILE, target / RUN_FILE)
        lines = "".join(json.dumps(asdict(line)) + "\n" for line in read_results(run))
        # No time stamp, so that the same answers give the same file.
        (target / f"{RESULTS_FILE}.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
        open_report(target)
        return
    alone = replace(report, sources=None, items=replace(report.items, source=None))
    (target / REPORT_FILE).write_text(json.dumps(alone.to_json(), indent=1, sort_keys=True) + "\n")


def evaluate_pair(
    models: Path,
    held_out: Path | None,
    work: Path,
    results: Path,
    stages: Sequence[tuple[str, Path]] = (),
    logs: Sequence[tuple[str, Path]] = (),
    progress: Callable[..., None] | None = None,
) -> dict[str, Any]:
    """Run both models on the phantoms and, if given, a manifest of real images; returns n per report.

    Answers go to `work`, reports to `results/NAME/report.json`, model cards beside the weights. `stages` are
    (label, folder of weights) in the order of training: what each one changed goes into the cards. `logs` are
    (label, log.jsonl) of the trainings: their loss curves do too.
    """
    settings = Settings(models_dir=models)
    pair = [load_model(name, settings=settings) for name in ("base", "tuned")]
    phantoms = load_items("phantoms")
    familiar = work / "familiar-items"
    write_benchmark(familiar, images_per_kind=12, split="train")
    sets = {
        "phantoms": phantoms,
        "phantoms-open": without_options(phantoms),
        "phantoms-familiar": without_options(load_items(familiar)),
        "photographs": photograph_items(work / "photographs"),
        "rare": rare_items(work / "rare"),
    }
    if held_out is not None:
        sets["real"] = only_datasets(load_items(held_out), TRAINED_DATASETS)
    reports = {}
    for name, items in sets.items():
        bundled = name == "phantoms"
        conditions = SHIPPED_CONDITIONS if bundled else CONDITIONS
        run_bench(items, pair, work / name, conditions=conditions, progress=progress)
        reports[name] = build_report(work / name)
        publish(reports[name], work / name, results / name, with_lines=bundled)
    measured = {
        model.revision: {name: stage_cells(report, model.name) for name, report in reports.items()}
        for model in pair
    }
    asked = {name: items for name, items in sets.items() if name in STAGE_SETS}
    table = measure_stages(stages, asked, work / "stages", results, progress, measured) if stages else []
    history = write_history(logs, results) if logs else []
    pointing = load_grounding(GROUNDING) if GROUNDING.is_file() else None
    for model in pair:
        card = model_card(model, reports, table, history, pointing)
        (models / model.name / "README.md").write_text(card)
    return {name: report.n_items for name, report in reports.items()}
