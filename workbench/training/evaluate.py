"""Measure the shipped pair: held-out phantoms and real images, image against blank; write the model cards."""

import json
import shutil
from pathlib import Path
from typing import Any

from workbench.bench.items import load_items
from workbench.bench.report import build_report
from workbench.bench.runner import run_bench
from workbench.models.catalogue import load_catalogue
from workbench.models.loading import load_model
from workbench.settings import Settings

CONDITIONS = ("image", "blank")


def evaluate_pair(models: Path, held_out: Path | None, work: Path, results: Path) -> dict[str, Any]:
    """Run both models on the bundled phantoms and, if given, a manifest of real images; returns the reports.

    Answers go to `work`, the reports to `results/<items>/report.json`, the model cards beside the weights.
    """
    settings = Settings(models_dir=models)
    pair = [load_model(name, settings=settings) for name in ("base", "tuned")]
    sources: dict[str, str | Path] = {"phantoms": "phantoms"}
    if held_out is not None:
        sources["real"] = held_out
    reports = {}
    for name, source in sources.items():
        folder = work / f"{name}-{'-'.join(model.revision for model in pair)}"
        run_bench(load_items(source), pair, folder, conditions=CONDITIONS)
        reports[name] = build_report(folder)
        target = results / name
        target.mkdir(parents=True, exist_ok=True)
        (target / "report.json").write_text(json.dumps(reports[name], indent=1, sort_keys=True) + "\n")
        if name == "phantoms":
            shutil.copyfile(folder / "results.jsonl", target / "results.jsonl")
    for model in pair:
        card = load_catalogue(models)[model.name]
        (models / model.name / "README.md").write_text(model_card(card.title, model, reports))
    return {name: {"items": report["n_items"]} for name, report in reports.items()}
