"""What ships of a measurement: with its lines it can be opened item by item, alone it names no folder."""

from dataclasses import replace
from pathlib import Path

from tests.bench.report_fakes import line, write_run
from workbench.bench.reports.model import Report
from workbench.bench.reports.stored import open_report
from workbench.bench.store.results import read_results
from workbench.training.card.evaluate import publish


def _measured(folder: Path) -> tuple[Path, Report]:
    run = folder / "run"
    write_run(run, [line("a", "left"), line("b", "right")])
    return run, open_report(run)


def test_lines_travel_compressed_and_replace_earlier_ones(tmp_path: Path) -> None:
    run, report = _measured(tmp_path)
    target = tmp_path / "shipped"
    target.mkdir()
    (target / "results.jsonl").write_text("{}\n")
    publish(report, run, target, with_lines=True)
    assert read_results(target) == read_results(run)
    assert [file.name for file in target.glob("results*")] == ["results.jsonl.gz"]
    before = (target / "results.jsonl.gz").read_bytes()
    publish(report, run, target, with_lines=True)
    assert (target / "results.jsonl.gz").read_bytes() == before
    assert open_report(target).accuracy == report.accuracy


def test_a_report_alone_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    run, report = _measured(tmp_path)
    report = replace(report, items=replace(report.items, source=str(tmp_path / "secret" / "items.jsonl")))
    publish(report, run, tmp_path / "shipped", with_lines=False)
    text = (tmp_path / "shipped" / "report.json").read_text()
    assert str(tmp_path) not in text
    assert open_report(tmp_path / "shipped").accuracy == report.accuracy
