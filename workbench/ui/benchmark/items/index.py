"""The items behind a result: a compact index of its lines, filtered, sorted and cut into pages. No gradio.

Whole lines are too large to keep for 100,000 of them; the index holds what the table shows, and `lines_of`
reads the few lines of one item again.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.bench.reports.model import Report
from workbench.bench.store.jsonl import JsonLines
from workbench.bench.store.result_files import result_files
from workbench.bench.store.results import RUN_FILE, Result, has_results, iter_results, read_run
from workbench.bench.store.run_lines import is_current
from workbench.errors import UserFacing
from workbench.traces import AXES

PAGE = 50
SCORES = ("accuracy", *AXES, "trace_score")
FIELDS = ("modality", "task", "question_type", "answer_type", "dataset", "body_part")
SORTS = ("item_id", "question", "gold", "modality", "task", "question_type", "first", "second", "gap")
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """How one model did on an item: `scores` in the order of SCORES, None where undefined."""

    answer: str
    failed: bool
    scores: tuple[float | None, ...]


@dataclass(slots=True)
class ItemRow:
    """One question with the cells of every (condition, model)."""

    item_id: str
    question: str
    gold: str
    fields: tuple[str, ...]
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemIndex:
    """All items of a result, with the values of each of FIELDS and their counts, the most frequent first."""

    rows: Sequence[ItemRow]
    models: Mapping[str, str]
    conditions: tuple[str, ...]
    values: Mapping[str, Sequence[tuple[str, int]]]


@dataclass(frozen=True)
class Query:
    """What the table shows. `first` and `second` are models; `show` is one of SHOWS; `fields` by FIELDS."""

    condition: str = "image"
    first: str = ""
    second: str = ""
    score: str = "accuracy"
    show: str = "all"
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    sort: str = ""
    down: bool = False
    page: int = 0


@dataclass(frozen=True)
class Page:
    """One page of rows out of `total`; `number` counts from 0."""

    rows: Sequence[ItemRow]
    total: int
    number: int
    pages: int


def _wrong(value: float | None) -> bool:
    return value is not None and value < 1


SHOWS: Mapping[str, Callable[[float | None, float | None], bool]] = {
    "all": lambda first, second: True,
    "differ": lambda first, second: first != second,
    "first": lambda first, second: (first or 0) > (second or 0),
    "second": lambda first, second: (second or 0) > (first or 0),
    "wrong": lambda first, second: _wrong(first) or _wrong(second),
    "both_wrong": lambda first, second: _wrong(first) and _wrong(second),
    "missing": lambda first, second: first is None or second is None,
}


def item_index(folder: Path, report: Report) -> ItemIndex:
    """The index of a result folder, kept until its lines change. Raises UserFacing without lines."""
    files = (*result_files(folder), *folder.glob(RUN_FILE))
    stamp = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    if not has_results(folder):
        raise UserFacing(
            "The lines of this result are not stored here, only its report.",
            "Run the benchmark here, or bring its results folder, to see single items.",
        )
    return _index(folder, stamp, tuple(report.labels.items()))


@lru_cache(maxsize=2)
def _index(folder: Path, stamp: tuple[Any, ...], models: tuple[tuple[str, str], ...]) -> ItemIndex:
    run, known = read_run(folder), dict(models)
    rows: dict[str, ItemRow] = {}
    conditions: dict[str, None] = {}
    for line in iter_results(folder):
        # Of several samples the first stands for all in the table.
        if line.model not in known or line.sample or not is_current(line, run):
            continue
        row = rows.get(line.item_id)
        if row is None:
            row = rows[line.item_id] = _row(line)
        conditions[line.condition] = None
        cell = (line.condition, line.model)
        if line.error is None or cell not in row.cells:  # errors are read last and displace no answer
            row.cells[cell] = _cell(line)
    kept = tuple(rows.values())
    values = {name: _counted(kept, at) for at, name in enumerate(FIELDS)}
    return ItemIndex(kept, known, tuple(conditions), values)


def _row(line: Result) -> ItemRow:
    return ItemRow(line.item_id, line.question, line.gold, tuple(getattr(line, name) for name in FIELDS))


def _cell(line: Result) -> Cell:
    axes = line.axes or {}
    scores = [None if line.correct is None else float(line.correct)]
    scores += [axes[axis]["score"] if isinstance(axes.get(axis), dict) else None for axis in AXES]
    return Cell(line.answer or "", line.error is not None, (*scores, axes.get("trace_score")))


def _counted(rows: Iterable[ItemRow], at: int) -> list[tuple[str, int]]:
    counts = Counter(row.fields[at] for row in rows if row.fields[at])
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def select(index: ItemIndex, query: Query) -> Page:
    """The page of rows that a query asks for; a page past the end is the last one.

    Rows without an answer of a model under the condition are left out. Raises UserFacing for an unknown name.
    """
    _require(index, query)
    first, second = _reader(query, query.first), _reader(query, query.second or query.first)
    wanted = [(FIELDS.index(name), value) for name, value in query.fields.items() if value]
    words = query.text[:LONGEST_SEARCH].casefold().split()
    show = SHOWS[query.show]
    rows = [
        row
        for row in index.rows
        if (query.condition, query.first) in row.cells
        and all(row.fields[at] == value for at, value in wanted)
        and show(first(row), second(row))
        and (not words or _holds(row, query, words))
    ]
    if query.sort:
        rows.sort(key=_sort_key(query.sort, first, second), reverse=query.down)
    pages = max(1, -(-len(rows) // PAGE))
    number = min(max(0, query.page), pages - 1)
    return Page(rows[number * PAGE : (number + 1) * PAGE], len(rows), number, pages)


def value_of(row: ItemRow, condition: str, model: str, score: str) -> float | None:
    """A model's score of an item, 0..1; None where it has none."""
    cell = row.cells.get((condition, model))
    return None if cell is None else cell.scores[SCORES.index(score)]


def _require(index: ItemIndex, query: Query) -> None:
    known = (
        (query.condition, index.conditions),
        (query.first, index.models),
        (query.second, ("", *index.models)),
        (query.score, SCORES),
        (query.show, SHOWS),
        (query.sort, ("", *SORTS)),
        *((name, FIELDS) for name in query.fields),
    )
    for value, values in known:
        if value not in values:
            raise UserFacing("This result has no such item list.", "Choose from the lists above the table.")


def _reader(query: Query, model: str) -> Callable[[ItemRow], float | None]:
    return lambda row: value_of(row, query.condition, model, query.score)


def _holds(row: ItemRow, query: Query, words: Sequence[str]) -> bool:
    cells = (row.cells.get((query.condition, model)) for model in (query.first, query.second))
    answers = (cell.answer for cell in cells if cell)
    text = "\n".join((row.item_id, row.question, row.gold, *row.fields, *answers)).casefold()
    return all(word in text for word in words)


def _sort_key(
    sort: str, first: Callable[[ItemRow], float | None], second: Callable[[ItemRow], float | None]
) -> Callable[[ItemRow], Any]:
    """Scores sort with the missing ones lowest; "gap" by how far the models lie apart."""
    if sort in ("first", "second"):
        read = first if sort == "first" else second
        return lambda row: -1.0 if (value := read(row)) is None else value
    if sort == "gap":
        return lambda row: abs((first(row) or 0.0) - (second(row) or 0.0))
    if sort in FIELDS:
        at = FIELDS.index(sort)
        return lambda row: row.fields[at].casefold()
    return lambda row: getattr(row, sort).casefold()


def lines_of(folder: Path, item_id: str) -> list[Result]:
    """Every current line of one item, a later one on the same question in place of an earlier.

    Only lines that hold the id are parsed, so that 100,000 others cost little. Raises UserFacing without one.
    """
    run = read_run(folder)
    wanted = {json.dumps(item_id).encode(), json.dumps(item_id, ensure_ascii=False).encode()}
    records = (
        json.loads(line)
        for file in result_files(folder)
        for _, line in JsonLines(file).raw()
        if any(spelt in line for spelt in wanted)
    )
    found: dict[tuple[str, str, int], Result] = {}
    for line in (_result(record) for record in records if record.get("item_id") == item_id):
        place = (line.model, line.condition, line.sample)
        if is_current(line, run) and (place not in found or line.error is None):
            found[place] = line
    if not found:
        raise UserFacing("This item is not among the lines of this result.", "Choose one from the table.")
    return list(found.values())


def _result(record: Mapping[str, Any]) -> Result:
    names = {known.name for known in fields(Result)}
    kept = {name: value for name, value in record.items() if name in names}
    return Result(**kept | {name: tuple(kept.get(name) or ()) for name in ("options", "units")})
