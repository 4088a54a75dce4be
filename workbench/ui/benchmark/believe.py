"""The panel "Why believe this": what stands behind the bars, and what speaks against them."""

from collections.abc import Iterator, Sequence

from workbench.bench.reports.labels import CONFIDENCE_NAMES, SHARES, condition_name
from workbench.bench.reports.model import Report
from workbench.bench.reports.warnings import warnings_of
from workbench.bench.scores.calibration import CONFIDENCES, Bin
from workbench.bench.scores.numbers import Number
from workbench.ui.benchmark.tables import interval, percent
from workbench.ui.html.nodes import Node, bullets, node, table_node

CALIBRATION = (
    "Expected calibration error (ECE): how far the probability that a model gave its answer lies from how "
    "often it was right, in points; 0 is best. The answer's words come after the reasoning, which makes them "
    "surer."
)


def believe_nodes(report: Report, condition: str = "image") -> list[Node]:
    """Warnings in words, counts, checks without the picture, how it was judged, calibration."""
    return [
        node("h4", "Why believe this"),
        *_warnings(report),
        _facts(report, condition),
        *_without_picture(report),
        *_checks(report),
        *_calibration(report, condition),
        _protocols(report),
    ]


def _warnings(report: Report) -> Iterator[Node]:
    """The report's own warnings; those of an older report, which has none, are found now."""
    found = warnings_of(report) if report.warnings is None else report.warnings
    for warned in found:
        name = node("strong", f"{warned.level.capitalize()}: ")
        yield node("p", name, warned.text, cls=f"wb-level wb-level-{warned.level}")


def _facts(report: Report, condition: str) -> Node:
    left_out = [f"{count} {reason}" for reason, count in report.dropped.items()]
    if report.stale_lines:
        left_out.append(f"{report.stale_lines} lines of an earlier model or protocol")
    facts = [
        ("Questions", report.size),
        ("Intervals", "95 %; the questions on one image count together, as one cluster"),
        ("Left out", "; ".join(left_out) or "nothing"),
        *((label, _unscored(report, name, condition)) for name, label in report.labels.items()),
    ]
    pairs = [part for name, text in facts for part in (node("dt", name), node("dd", text))]
    return node("dl", *pairs, cls="wb-pairs")


def _unscored(report: Report, model: str, condition: str) -> str:
    count = report.counts.get(model, {}).get(condition)
    if not count:
        return "not asked"
    return f"{count.failed} failed; {count.invalid} of {count.n} named no option (counted as wrong)"


def _without_picture(report: Report) -> Iterator[Node]:
    """Accuracy with the picture, without it, and with another patient's."""
    conditions = [
        name
        for name in ("image", "blank", "shuffled_image")
        if any(name in found for found in report.accuracy.values())
    ]
    if len(conditions) < 2:
        yield node("p", "Not measured with a blank image: what the picture adds is unknown here.")
        return
    rows = []
    for model, label in report.labels.items():
        rows.append([label, *(_cell(report.overall(model, name)) for name in conditions)])
    columns = ["Answers right, per cent", *(f"picture {condition_name(name)}" for name in conditions)]
    yield table_node(
        "What the picture adds", columns, rows, range(1, len(columns)), label="With and without the picture"
    )


def _checks(report: Report) -> Iterator[Node]:
    said = [
        f"{report.label(model)}: the picture adds {percent(row.value, True)} points {_with_n(row)}."
        for model, row in report.image_effect.items()
    ]
    for numbers, words in (
        (report.shuffle_consistency, SHARES["shuffle_consistency"]),
        (report.image_sensitivity, SHARES["image_sensitivity"]),
        (report.anchor_flips, SHARES["anchor_flips"]),
    ):
        said += [
            f"{report.label(model)}: {words.said} in {percent(number.value)} % {_with_n(number)}."
            for model, number in numbers.items()
        ]
    guess = report.baselines["majority_letter"].overall
    if guess.n:
        rate = f"{percent(guess.value)} % {_with_n(guess)}"
        said.append(f"Always giving the most frequent letter would score {rate}.")
    if not report.shuffle_consistency:
        said.append("Shuffled options: not measured.")
    yield bullets(said)


def _calibration(report: Report, condition: str) -> Iterator[Node]:
    found = {
        label: report.calibration.get(model, {}).get(condition) for model, label in report.labels.items()
    }
    known = {label: part for label, part in found.items() if part}
    if not known:
        yield node("p", "Calibration: probabilities were not recorded.", cls="wb-small")
        return
    rows = [
        [label, f"of {CONFIDENCE_NAMES[name]}", _cell(part[name]), str(part[name].n)]
        for label, part in known.items()
        for name in CONFIDENCES
        if name in part
    ]  # fmt: skip
    columns = ["Calibration", "Probability", "ECE, points", "n"]
    yield table_node(CALIBRATION, columns, rows, (2, 3), label="Calibration error")
    for label, part in known.items():
        if "answer" in part:
            yield _curve(label, part["answer"].curve)


def _curve(label: str, curve: Sequence[Bin]) -> Node:
    rows = [
        [
            f"{100 * row.low:.0f}–{100 * row.high:.0f}", percent(row.confidence), percent(row.accuracy),
            str(row.n),
        ]
        for row in curve
    ]  # fmt: skip
    columns = ["Probability, per cent", "mean said", "right", "n"]
    table = table_node("Said and reached, by probability of the answer", columns, rows, (1, 2, 3))
    return node("details", node("summary", f"Reliability, {label}"), table)


def _protocols(report: Report) -> Node:
    said = [f"{model.label}: {model.protocol}, revision {model.revision}" for model in report.models]
    said += [f"Judge {name}: {text}" for name, text in report.judges.items()]
    said.append(
        "Origin: measured here." if report.origin == "measured" else "Origin: imported, not measured here."
    )
    return node("details", node("summary", "Protocol and judge"), bullets(said), open="open")


def _cell(number: Number | None) -> str:
    return f"{percent(number.value)} {interval(number)}".strip() if number else "not measured"


def _with_n(number: Number) -> str:
    """The interval, where there is one, n and images."""
    return f"{interval(number)}, n = {number.n} on {number.n_clusters} images".removeprefix(", ")
