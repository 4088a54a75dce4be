"""Judges and layouts of benchmarks that are added from outside, as the command line finds them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.bench.judging.rule_judge import JUDGES, Judge
from workbench.bench.judging.served_judge import open_judge
from workbench.bench.questions.importers import LAYOUTS, Layout, import_items
from workbench.bench.questions.importers.layout import make_item
from workbench.bench.questions.items import Item
from workbench.bench.questions.units import Unit
from workbench.cli import build_parser, main
from workbench.errors import UserFacing
from workbench.traces import Trace


class Lenient:
    """A judge of a few lines."""

    id = "lenient-1"
    protocol = "Everything is right."

    def score(self, unit: Unit, trace: Trace) -> tuple[int, int]:
        return 2, 1


def _read(row: dict, context: object) -> Item:
    question, answer = row["line"].split("=")
    return make_item(
        context,  # type: ignore[arg-type]
        identity=f"sums-{context.row}",  # type: ignore[attr-defined]
        question=question, answer=answer, dataset="Sums", has_image=False,
    )  # fmt: skip


@pytest.fixture
def judge() -> Iterator[Judge]:
    yield JUDGES.register(Lenient())
    JUDGES.unregister("lenient-1")


@pytest.fixture
def layout() -> Iterator[Layout]:
    yield LAYOUTS.register(Layout("sums", "lines such as 1 + 1 = 2", _read, plain_lines=True))
    LAYOUTS.unregister("sums")


def help_of(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["bench", "run", "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_help_names_what_is_registered(
    judge: Judge, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(capsys)
    assert "medxpertqa, plain, sums" in text and "rubric-rules-2, lenient-1, or a server" in text
    JUDGES.unregister(judge.id)
    assert "lenient-1" not in help_of(capsys)  # looked up each time
    JUDGES.register(judge)


def test_a_judge_from_outside_is_opened_by_its_name(judge: Judge) -> None:
    assert open_judge("lenient-1") is judge
    with pytest.raises(
        UserFacing, match="no judge named 'harsh'.*rubric-rules-2, lenient-1; or name a server"
    ):
        open_judge("harsh")


def test_a_layout_from_outside_is_read(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test.txt").write_text("1 + 1=2\n2 + 2=4\n")
    items = import_items("sums", tmp_path / "test.txt")
    assert [(item.question, item.answer) for item in items.items] == [("1 + 1", "2"), ("2 + 2", "4")]
    command = ["bench", "run", "--items", str(tmp_path), "--format", "sum", "--model", "base"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "There is no layout named 'sum'" in (said := capsys.readouterr().err) and "plain, sums" in said
