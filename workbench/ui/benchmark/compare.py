"""Compare any two runs: paired differences, protocol differences in words, the items that changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.bench.reports.labels import condition_name, metric_name
from workbench.bench.reports.model import Report
from workbench.bench.scores.compare import (
    ComparedMetric,
    Comparison,
    ProtocolDifference,
    Side,
    SideFacts,
    compare_runs,
)
from workbench.bench.scores.numbers import p_text
from workbench.bench.store.run_lines import SEVERAL
from workbench.errors import UserFacing
from workbench.ui.benchmark.items.index import Cell, ItemIndex, item_index
from workbench.ui.benchmark.shelf import Shelf
from workbench.ui.benchmark.tables import interval, percent
from workbench.ui.html.nodes import Node, bullets, node, table_node

MOST_CHANGED = 50  # items in the table of changes


@dataclass(frozen=True)
class SideChoices:
    """What the menus of one side offer, as (label, name), and what is chosen in them."""

    models: list[tuple[str, str]]
    conditions: list[tuple[str, str]]
    model: str | None
    condition: str | None


def side_choices(report: Report, number: int, kept: Sequence[str | None] = (None, None)) -> SideChoices:
    """The menus of models and conditions of side `number` (from 0); `kept` of them where there are such, else
    the second side starts with the second model."""
    models = [(label, name) for name, label in report.labels.items()]
    conditions = [(condition_name(key), key) for key in report.conditions if key not in SEVERAL]
    model = models[min(number, len(models) - 1)][1] if models else None
    condition = conditions[0][1] if conditions else None
    chosen = [
        old if old in [value for _, value in choices] else new
        for old, new, choices in zip(kept, (model, condition), (models, conditions), strict=True)
    ]
    return SideChoices(models, conditions, *chosen)


def compared(shelf: Shelf, session: str | None, first: Sequence[str], second: Sequence[str]) -> list[Node]:
    """What the screen shows of two sides (result, model, condition). Raises UserFacing."""
    sides, cells = [], []
    for name, model, condition in (first, second):
        if not model or not condition:
            raise UserFacing("A model or a picture condition is missing.", "Choose one on both sides.")
        folder, report = shelf.folder(session, name), shelf.report(session, name)
        cells.append((item_index(folder, report), (str(condition), str(model))))
        sides.append(Side(folder, str(model), str(condition)))
    found = compare_runs(*sides)
    # The page names results as its lists do, never by a path of this machine.
    shown = {
        side: replace(facts, folder=name, label=index.models.get(model, model))
        for side, facts, (name, *_), (index, (_, model)) in zip(
            ("first", "second"), (found.first, found.second), (first, second), cells, strict=True
        )
    }
    imported = [name for name, *_ in (first, second) if shelf.place(session, name).origin != "measured"]
    return comparison_nodes(replace(found, **shown), changed_items(*cells), imported)


Changed = tuple[str, str, str, Cell, Cell]  # item id, question, gold, first and second cell


def changed_items(
    first: tuple[ItemIndex, tuple[str, str]], second: tuple[ItemIndex, tuple[str, str]]
) -> list[Changed]:
    """Items right on one side and not on the other, or answered otherwise; changes of right first."""
    (left, here), (right, there) = first, second
    others = {row.item_id: row.cells[there] for row in right.rows if there in row.cells}
    found = [
        (row.item_id, row.question, row.gold, row.cells[here], others[row.item_id])
        for row in left.rows
        if here in row.cells and row.item_id in others
    ]
    changed = [entry for entry in found if _outcome(entry[3]) != _outcome(entry[4])]
    return sorted(changed, key=lambda entry: (entry[3].scores[0] == entry[4].scores[0], entry[0]))


def _outcome(cell: Cell) -> tuple[float | None, str]:
    return cell.scores[0], cell.answer.casefold()


def comparison_nodes(
    found: Comparison, changed: Sequence[Changed], imported: Sequence[str] = ()
) -> list[Node]:
    """Who is compared, the differences, what differs in protocol, and the items that changed."""
    names = [_named(side) for side in (found.first, found.second)]
    return [
        node("h4", f"{names[1]} − {names[0]}", tabindex="-1", data_arrive="/".join(names)),
        node(
            "p",
            f"{found.n_shared:,} shared questions{_on(found.n_images)}; only in the first: "
            f"{found.n_only_first:,}, only in the second: {found.n_only_second:,} (left out).",
        ),
        *(node("p", f"{name}: not measured here.", cls="wb-level") for name in dict.fromkeys(imported)),
        _rows(found.rows),
        *_protocol(found.protocol_differences),
        *_changed(changed, names),
    ]


def _named(side: SideFacts) -> str:
    return f"{side.label} (picture {condition_name(side.condition)}, {side.folder}, revision {side.revision})"


def _rows(rows: Sequence[ComparedMetric]) -> Node:
    lines = [
        [
            metric_name(row.metric), percent(row.first_value), percent(row.second_value),
            f"{percent(row.value, True)} {interval(row)}".strip(), str(row.n), str(row.n_clusters),
            p_text(row.p), p_text(row.p_holm), f"{row.win} / {row.tie} / {row.loss}", row.test, row.verdict,
        ]
        for row in rows
    ]  # fmt: skip
    columns = [
        "Score", "First", "Second", "Difference, points [95 %]", "n", "Images", "p", "p (Holm)",
        "Second wins / ties / loses", "Test", "What may be said",
    ]  # fmt: skip
    caption = "In per cent. Intervals by bootstrap over images; p tested by image, Holm over the three axes."
    return table_node(caption, columns, lines, (1, 2, 3, 4, 5, 6, 7, 8), "Differences")


def _protocol(differences: Sequence[ProtocolDifference]) -> Iterator[Node]:
    if not differences:
        yield node("p", "Asked in the same way on both sides.", cls="wb-facts")
        return
    yield node("p", node("strong", "The sides were not asked alike:"), cls="wb-level wb-level-caution")
    yield bullets(entry.text for entry in differences)


def _changed(changed: Sequence[Changed], names: Sequence[str]) -> Iterator[Node]:
    if not changed:
        yield node("p", "No item was answered otherwise.", cls="wb-facts")
        return
    more = f"; the first {MOST_CHANGED} are shown" if len(changed) > MOST_CHANGED else ""
    caption = f"Items answered otherwise: {len(changed):,}{more}. Changes of right and wrong first."
    rows = [
        [item, question, gold, _said(before), _said(after)]
        for item, question, gold, before, after in changed[:MOST_CHANGED]
    ]
    columns = ["Item", "Question", "Gold", "First", "Second"]
    yield table_node(caption, columns, rows, label="Items that changed")


def _said(cell: Cell) -> Node:
    right = cell.scores[0]
    if right is None:
        return node("span", "! failed", cls="wb-mark wb-mark-failed")
    sign, name = ("✓ right", "right") if right else ("✗ wrong", "wrong")
    return node("span", f"{cell.answer or 'no answer'} ", node("span", sign, cls=f"wb-mark wb-mark-{name}"))


def _on(images: int) -> str:
    return f" on {images:,} images" if images else " without pictures"
