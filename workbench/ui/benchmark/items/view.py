"""One item in full: picture, question, both traces as step cards, rubric units, what else was measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.questions.items import Item
from workbench.bench.reports.labels import condition_name
from workbench.bench.reports.model import Report
from workbench.bench.scores.composite import composite_of
from workbench.bench.store.marks import remarks_of
from workbench.bench.store.results import Result
from workbench.errors import UserFacing
from workbench.imaging import load_image
from workbench.models.prompts import LETTERS
from workbench.traces import AXES, Trace, parse_trace
from workbench.ui.benchmark.items.index import Query, lines_of
from workbench.ui.benchmark.items.source import NO_PICTURE, source_of
from workbench.ui.benchmark.shelf import MEASURED, Place
from workbench.ui.benchmark.tables import percent
from workbench.ui.html.nodes import Node, action, bullets, node, switched_off, table_node
from workbench.viewer.payload import picture_payload

PRESENCE = {0: "– absent", 1: "~ vague", 2: "✓ clear"}
CORRECTNESS = {-1: "✗ wrong", 0: "· undecided", 1: "✓ right"}
LAMPS = {"on": "● on:", "off": "○ off:", "unknown": "? not computed:"}
COMPONENTS = {
    "llm": "same answer (stand-in judge)", "embed": "near answer (stand-in for an embedding)",
    "modality": "modality tag", "format": "format",
}  # fmt: skip
PARSE_NOTES = {
    "no_trace": "The model gave no reasoning, only an answer.",
    "no_answer": "No answer was found in the text.",
    "truncated": "The text was cut at its longest length.",
    "recovered": "The grammar was broken; the answer was found by a looser rule.",
    "empty": "The model wrote nothing.",
}
NOT_SHOWN = {
    "blank": "The models did not see this picture: a grey one of the same size was shown instead.",
    "shuffled_image": "The models did not see this picture: another patient's was shown instead.",
}


@dataclass(frozen=True)
class Opened:
    """An item as it was opened: every line on it, the two models looked at, its source and picture."""

    result: str
    condition: str
    models: Sequence[str]
    labels: Mapping[str, str]
    lines: Sequence[Result]
    item: Item | None
    picture: Path | None
    reason: str

    def line(self, model: str) -> Result | None:
        """The model's line under the condition looked at; of several samples the first."""
        found = (line for line in self.lines if (line.model, line.condition) == (model, self.condition))
        return min(found, key=lambda line: line.sample, default=None)

    @property
    def any_line(self) -> Result:
        """A line that says what was asked: one under this condition where there is one."""
        return next((line for model in self.models if (line := self.line(model))), self.lines[0])


def opened_item(place: Place, report: Report, result: str, told: Mapping[str, Any], query: Query) -> Opened:
    """What a click on an item asks for (`told` has "item", perhaps "condition"). Raises UserFacing.

    `result` is the name of the result at `place`, which `report` is of.
    """
    lines = lines_of(place.folder, str(told.get("item", "")))
    condition = str(told.get("condition") or query.condition)
    if condition not in {line.condition for line in lines}:
        raise UserFacing("This item was not asked in that way.", "Choose another picture condition.")
    source = source_of(place.folder, report, lines[0], trusted=place.origin == MEASURED)
    labels = report.labels
    models = [model for model in dict.fromkeys((query.first, query.second)) if model in labels]
    return Opened(
        result, condition, models or list(labels), labels, lines, source.item, source.picture, source.reason
    )


def item_nodes(opened: Opened) -> list[Node]:
    """The whole view of an opened item."""
    line = opened.any_line
    title = f"{line.item_id}: picture {condition_name(opened.condition)}"
    columns = [_column(opened, model) for model in opened.models]
    return [
        node("h4", title, tabindex="-1", data_arrive=f"{opened.result}/{line.item_id}/{opened.condition}"),
        node("div", _picture(opened), _question(opened, line), cls="wb-item-top"),
        node("div", *columns, cls="wb-item-columns"),
        *_units(opened),
        *_others(opened),
    ]


def _picture(opened: Opened) -> Node:
    if opened.picture is None:
        return node("p", f"No picture to show. {opened.reason}", cls="wb-facts")
    try:
        payload = picture_payload(load_image(opened.picture))
    except UserFacing as fault:
        return node("p", f"The picture can't be read. {fault}", cls="wb-facts")
    kind = opened.any_line.modality
    alt = f"{kind} picture of this question" if kind else "The picture of this question"
    notes = [*payload["notes"], *([NOT_SHOWN[opened.condition]] if opened.condition in NOT_SHOWN else [])]
    return node(
        "figure",
        node("img", src=payload["src"], alt=alt),
        node("figcaption", " ".join(notes), cls="wb-small") if notes else None,
    )


def _question(opened: Opened, line: Result) -> Node:
    gold = line.gold if line.gold_letter is None else f"{line.gold_letter}. {line.gold}"
    facts = (line.modality, line.body_part, line.task, line.question_type, line.dataset)
    return node(
        "div",
        node("p", line.question, cls="wb-asked"),
        _options(opened, line) if line.options else node("p", node("strong", "Gold: "), gold),
        node("p", " · ".join(fact for fact in facts if fact), cls="wb-small"),
        _open_in_case(opened, line),
    )


def _options(opened: Opened, line: Result) -> Node:
    """The options as shown, the gold one marked, and who chose which."""
    entries = []
    for letter, option in zip(LETTERS, line.options, strict=False):
        chosen = [
            opened.labels[model]
            for model in opened.models
            if (found := opened.line(model)) and found.answer_letter == letter
        ]
        marks = (["gold"] if letter == line.gold_letter else []) + [f"chosen by {name}" for name in chosen]
        mark = node("span", f" ({'; '.join(marks)})", cls="wb-small") if marks else None
        gold = letter == line.gold_letter
        entries.append(node("li", node("strong" if gold else "span", f"{letter}. {option}"), mark))
    return node("ul", *entries, cls="wb-options")


def _open_in_case(opened: Opened, line: Result) -> Node:
    if opened.picture is None and opened.reason != NO_PICTURE:
        return switched_off("Open in Case", opened.reason)
    act = {"open": True, "result": opened.result, "item": line.item_id, "condition": opened.condition}
    return node("p", action("Open in Case", act))


def _column(opened: Opened, model: str) -> Node:
    line = opened.line(model)
    head = node("h5", opened.labels[model])
    if line is None:
        return node("section", head, node("p", "Not asked in this way.", cls="wb-facts"), cls="wb-column")
    if line.error is not None:
        said = node("p", node("strong", "! Failed. "), line.error, cls="wb-notice")
        return node("section", head, said, cls="wb-column")
    trace = parse_trace(line.text, line.options)
    note = PARSE_NOTES.get(line.parse_status)
    return node(
        "section",
        head,
        _verdict(line),
        node("p", note, cls="wb-small") if note else None,
        *_cards(trace),
        *(node("p", said, cls="wb-notice") for said in remarks_of(line, trace)),
        _scores(line),
        *_lamps(line),
        _probability(line),
        node("details", node("summary", "Raw text"), node("p", line.text, cls="wb-raw")),
        cls="wb-column",
    )


def _verdict(line: Result) -> Node:
    answer = line.answer if line.answer else "no answer"
    shown = f"{line.answer_letter}. {answer}" if line.answer_letter and line.options else answer
    mark = ("✓ right", "right") if line.correct else ("✗ wrong", "wrong")
    return node("p", node("strong", shown), " ", node("span", mark[0], cls=f"wb-mark wb-mark-{mark[1]}"))


def _cards(trace: Trace) -> Iterator[Node]:
    """The steps as on the Case tab: a card each, coloured and named by its axis."""
    for number, step in enumerate(trace.steps, 1):
        name = node("span", f"{number}. {step.axis.capitalize()}", cls="wb-step-name")
        yield node("div", name, node("p", step.text), cls="wb-step", data_axis=step.axis)
    if trace.modality:
        yield node("p", f"Modality named: {trace.modality}", cls="wb-small")


def _scores(line: Result) -> Node | None:
    """Presence, correctness and their product by axis, as the judge's verdicts give them."""
    axes = line.axes or {}
    rows = [
        [axis.capitalize(), *(percent(axes[axis][part]) for part in ("presence", "correctness", "score"))]
        for axis in AXES
        if isinstance(axes.get(axis), dict)
    ]
    if not rows:
        return node("p", "No axis score: this item has no rubric units.", cls="wb-small")
    total = axes.get("trace_score")
    caption = f"Scores in per cent; trace score {percent(total)}. Judge: {line.judge}."
    return table_node(caption, ["Axis", "Presence", "Correctness", "Product"], rows, (1, 2, 3), "Axis scores")


def _lamps(line: Result) -> Iterator[Node]:
    """The composite reward's components, on or off, with the reason for every zero."""
    composite = composite_of(line)
    lamps = []
    for part in composite.components:
        state = "unknown" if part.value is None else "on" if part.value else "off"
        said = f"{LAMPS[state]} {COMPONENTS.get(part.name, part.name)} ({100 * part.weight:.3g} % of the sum)"
        reason = node("span", f": {part.reason}", cls="wb-small") if part.reason else None
        lamps.append(node("li", node("span", said, cls=f"wb-lamp wb-lamp-{state}"), reason))
    total = composite.total
    sure = (
        percent(total)
        if total is not None
        else f"{percent(composite.lowest)} to {percent(composite.highest)}"
    )
    yield node("p", node("strong", f"Composite reward: {sure} %"), cls="wb-lamps-title")
    yield node("ul", *lamps, cls="wb-lamps")
    if composite.zero_reason:
        yield node("p", f"No accuracy can be earned: {composite.zero_reason}.", cls="wb-small")


def _probability(line: Result) -> Node | None:
    names = {"answer": "the answer's words", "text": "everything written"}
    said = [
        f"{100 * line.probability[key]:.3g} % {name}"
        for key, name in names.items()
        if key in line.probability
    ]
    return node("p", "Probability: " + "; ".join(said) + ".", cls="wb-small") if said else None


def _units(opened: Opened) -> Iterator[Node]:
    """The rubric: every unit with its claim and quote, and both models' verdicts."""
    lines = [opened.line(model) for model in opened.models]
    verdicts = [{unit["unit_id"]: unit for unit in line.units} if line else {} for line in lines]
    names = list(dict.fromkeys(name for found in verdicts for name in found))
    if not names:
        return
    known = {unit.unit_id: unit for unit in opened.item.units} if opened.item else {}
    rows = []
    for name in names:
        unit = known.get(name)
        axis = next(found[name]["axis"] for found in verdicts if name in found)
        claim = [node("span", unit.claim if unit else name)]
        if unit and unit.source_quote and unit.source_quote != unit.claim:
            claim.append(node("p", f"Source: “{unit.source_quote}”", cls="wb-small"))
        cells = [_ticked(found.get(name)) for found in verdicts]
        rows.append(
            [node("span", axis.capitalize(), cls="wb-step-name", data_axis=axis), node("div", *claim), *cells]
        )
    columns = ["Axis", "What a good trace says", *(opened.labels[model] for model in opened.models)]
    caption = "Rubric: is each point there, and is it right? Read by the judge named above."
    yield table_node(caption, columns, rows, label="Rubric units")


def _ticked(unit: Mapping[str, Any] | None) -> Node:
    if unit is None:
        return node("span", "not judged", cls="wb-small")
    said = PRESENCE.get(unit["presence"], "?")
    return said if unit["presence"] == 0 else f"{said}, {CORRECTNESS.get(unit['correctness'], '?')}"


def _others(opened: Opened) -> Iterator[Node]:
    """The answers under every condition, each with a button that opens it."""
    conditions = list(dict.fromkeys(line.condition for line in opened.lines))
    if len(conditions) < 2:
        return
    item = opened.lines[0].item_id
    rows = []
    for condition in conditions:
        name = condition_name(condition)
        here = condition == opened.condition
        first = (
            node("strong", name)
            if here
            else action(name, {"item": item, "condition": condition}, cls="wb-open")
        )
        rows.append([first, *(_answers(opened, condition, model) for model in opened.models)])
    columns = ["Picture", *(opened.labels[model] for model in opened.models)]
    yield table_node("The same question under every condition", columns, rows, label="Other conditions")


def _answers(opened: Opened, condition: str, model: str) -> Node:
    found = [line for line in opened.lines if (line.condition, line.model) == (condition, model)]
    said = [
        f"{line.answer or 'no answer'} {_sign(line)}" for line in sorted(found, key=lambda line: line.sample)
    ]
    return said[0] if len(said) == 1 else bullets(said) if said else "not asked"


def _sign(line: Result) -> str:
    return "! failed" if line.correct is None else "✓" if line.correct else "✗"
