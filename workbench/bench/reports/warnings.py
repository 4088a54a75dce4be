"""What speaks against believing a report, in plain words with the numbers in them."""

from collections.abc import Iterator
from typing import get_args

from workbench.bench.reports.labels import EFFECTS, GUESSES, KIND_NAMES, metric_name
from workbench.bench.reports.model import Level, Report, Warned
from workbench.bench.scores.compare import TOO_FEW, UNDECIDED, verdict
from workbench.bench.scores.numbers import ByKind, Number, Paired
from workbench.bench.scores.statistics import wilson

LEVELS = get_args(Level)
FEW_IMAGES = 100  # 95 % intervals are then about ±10 points and wider
SURVIVES = (0.8, 0.5)  # share of a score left without the picture: warning, caution from here on
INSENSITIVE = (0.1, 0.25)  # share of answers that another patient's picture changes: up to here
INVALID = (0.2, 0.05)
REORDERED = (0.25, 0.1)  # share of choices that another order of the options changes
ECE = (0.2, 0.1)
SKEW = 0.05  # letters: by how much the most frequent must exceed its fair share, beyond doubt
SAME_ANSWER = " Some of the other pictures have the same right answer (their modality, say)."
BASELINES = ("majority_letter", "majority_answer", "question_majority")
SAME_QUESTIONS = 0.9  # an accuracy on so many of a guess's questions is compared with it


def warnings_of(report: Report) -> list[Warned]:
    """Everything found, "warning" before "caution" before "note".

    Only what was measured is judged: without a blank run nothing is said about blank images. What a
    report of an older schema lacks is not judged.
    """
    checks = (
        _picture, _sensitivity, _baselines, _letters, _sizes, _invalid, _order, _calibration, _protocols,
        _judges, _left_out, _asked, _clusters, _undecided,
    )  # fmt: skip
    found = [warned for check in checks for warned in check(report)]
    return sorted(found, key=lambda warned: LEVELS.index(warned.level))


def _level(value: float, limits: tuple[float, float]) -> Level:
    return "warning" if value >= limits[0] else "caution" if value >= limits[1] else "note"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _picture(report: Report) -> Iterator[Warned]:
    """Share of the right answers that are left without the picture, over the items asked both ways."""
    yield from _surviving(report, "image_effect", report.image_effect)
    yield from _surviving(report, "shuffled_image_effect", report.shuffled_image_effect)


def _surviving(report: Report, effect: str, rows: dict[str, Paired]) -> Iterator[Warned]:
    words = EFFECTS[effect]
    for model, row in rows.items():
        if row.table is None:
            continue
        left = row.table.both_right + row.table.only_first
        full = row.table.both_right + row.table.only_second
        if not full:  # nothing to survive
            continue
        share = left / full
        kept = "All" if share >= 1 else _percent(share)
        text = (
            f"{kept} of this score survives {words.without}: {report.label(model)} is right on "
            f"{full} of {row.n} questions with the picture and on {left} {words.given}."
        )
        if effect == "shuffled_image_effect":
            text += SAME_ANSWER
        if _undecided_row(row):
            text += " No difference shown."
        yield Warned(_level(share, SURVIVES), text)


def _sensitivity(report: Report) -> Iterator[Warned]:
    for model, found in report.image_sensitivity.items():
        if found.value is not None and found.value <= INSENSITIVE[1]:
            yield Warned(
                "warning" if found.value <= INSENSITIVE[0] else "caution",
                f"Only {_percent(found.value)} of the answers of {report.label(model)} change when "
                f"another patient's picture is shown (n = {found.n}).{SAME_ANSWER}",
            )


def _baselines(report: Report) -> Iterator[Warned]:
    """Guesses that the interval of an accuracy does not lie above, on the same questions only."""
    for model, conditions in report.accuracy.items():
        numbers = conditions.get("image")
        for name in BASELINES if numbers else ():
            guesses = report.baselines[name]
            for kind in _comparable(numbers, guesses):
                number, guess = numbers.of(kind), guesses.of(kind).value
                if number.low is not None and number.low <= guess:
                    yield Warned(
                        "warning" if number.value <= guess else "caution",
                        f"{report.label(model)} ({_with_interval(number)}) is not shown to beat "
                        f"{GUESSES[name].doing} ({_percent(guess)}), {KIND_NAMES[kind]} (n = {number.n}).",
                    )


def _comparable(numbers: ByKind, guesses: ByKind) -> list[str]:
    """Kinds of question on which accuracy and guess are of the same questions, but for a few that failed.

    "overall" alone where that holds: the kinds would only repeat it.
    """
    same = [
        kind
        for kind, number in numbers.items()
        if 0 < number.n <= guesses.of(kind).n and number.n >= SAME_QUESTIONS * guesses.of(kind).n
    ]
    return ["overall"] if "overall" in same else same


def _letters(report: Report) -> Iterator[Warned]:
    found = report.letters
    if found is None or not found.n:
        return
    letter, count = max(found.counts.items(), key=lambda pair: pair[1] - found.n * found.expected[pair[0]])
    fair = found.expected[letter]
    interval = wilson(count, found.n)
    if interval is not None and interval.low > fair + SKEW:
        yield Warned(
            "caution",
            f"The right answer is {letter} in {_percent(count / found.n)} of {found.n} questions with "
            f"options ({_percent(fair)} if letters were even): always saying {letter} scores that much.",
        )


def _sizes(report: Report) -> Iterator[Warned]:
    count, what = (report.n_images, "images") if report.n_images else (report.n_items, "questions")
    if count < FEW_IMAGES:
        yield Warned(
            "caution",
            f"Only {count} {what} (fewer than {FEW_IMAGES}): expect intervals of about "
            "±10 points or wider, and claim little.",
        )


def _invalid(report: Report) -> Iterator[Warned]:
    for model, conditions in report.counts.items():
        count = conditions.get("image")
        if not count:
            continue
        answered = count.n - count.failed
        if answered and count.invalid / answered >= INVALID[1]:
            yield Warned(
                _level(count.invalid / answered, INVALID),
                f"{_percent(count.invalid / answered)} of the answers of {report.label(model)} can't be "
                f"read as an answer ({count.invalid} of {answered}) and count as wrong.",
            )
        if count.failed:
            yield Warned(
                "caution" if count.failed / count.n >= INVALID[1] else "note",
                f"{count.failed} of {count.n} questions failed for {report.label(model)} and "
                "are in no score.",
            )


def _order(report: Report) -> Iterator[Warned]:
    for model, found in report.shuffle_consistency.items():
        changed = 1 - found.value
        if changed >= REORDERED[1]:
            yield Warned(
                _level(changed, REORDERED),
                f"With the options in another order {report.label(model)} does not keep its choice in "
                f"{_percent(changed)} of {found.n} questions.",
            )


def _calibration(report: Report) -> Iterator[Warned]:
    for model, conditions in report.calibration.items():
        found = conditions.get("image", {}).get("answer")
        if found and found.value >= ECE[1]:
            yield Warned(
                _level(found.value, ECE),
                f"The probability that {report.label(model)} gives its answer is off by "
                f"{100 * found.value:.0f} points on average (ECE, n = {found.n}): don't read it as "
                "confidence.",
            )


def _protocols(report: Report) -> Iterator[Warned]:
    asked = {model.name: model.protocol for model in report.models}
    if len(set(asked.values())) > 1:
        each = "; ".join(f"{report.label(model)}: {protocol}" for model, protocol in asked.items())
        yield Warned(
            "warning",
            f"The models were not asked in the same way, so a difference may be due to that. {each}.",
        )


def _judges(report: Report) -> Iterator[Warned]:
    rules = [judge for judge in report.judges if "rules" in judge]
    if rules and any(found for conditions in report.axes.values() for found in conditions.values()):
        yield Warned(
            "note",
            f"Reasoning was judged by rules ({', '.join(rules)}), which read words, not meaning; compare "
            "with no published score.",
        )


def _left_out(report: Report) -> Iterator[Warned]:
    for reason, count in report.dropped.items():
        yield Warned("note", f"{count} questions were left out: {reason}.")
    if report.stale_lines:
        yield Warned("note", f"{report.stale_lines} answers of an earlier model or protocol were left out.")


def _asked(report: Report) -> Iterator[Warned]:
    """Runs that were stopped, and answers on questions that the latest run (of fewer items) did not ask."""
    asked = report.items.n
    if not asked:
        return
    for model, conditions in report.counts.items():
        count = conditions.get("image")
        if count and count.n < asked:
            yield Warned(
                "caution",
                f"{report.label(model)} was asked {count.n} of {asked} questions so far: the scores "
                "are of those alone, which are no random choice.",
            )
    if report.n_items > asked:
        yield Warned(
            "caution",
            f"The latest run asked {asked} questions; answers on {report.n_items} count, those of earlier "
            "runs in this folder included.",
        )


def _clusters(report: Report) -> Iterator[Warned]:
    if report.regrouped_items:
        yield Warned(
            "caution",
            f"{report.regrouped_items} questions lie in several image groups: the models were not "
            "asked with the same file of questions.",
        )
    if 0 < report.n_images < report.n_items:
        yield Warned(
            "note",
            f"{report.n_items} questions share {report.n_images} images; intervals resample whole images.",
        )


def _undecided(report: Report) -> Iterator[Warned]:
    for row in report.differences:
        if row.condition == "image" and _undecided_row(row):
            yield Warned(
                "note",
                f"No difference shown in {metric_name(row.metric).lower()} between "
                f"{report.label(row.first)} and {report.label(row.second)}: {_points(row)}, "
                f"n = {row.n} on {row.n_clusters} images.",
            )


def _undecided_row(row: Paired) -> bool:
    """As `compare.verdict` has it, so that a report says the same of a difference everywhere."""
    return verdict(row) in (UNDECIDED, TOO_FEW)


def _points(row: Paired) -> str:
    if row.low is None:
        return f"{100 * row.value:+.1f} points"
    return f"{100 * row.value:+.1f} points [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"


def _with_interval(number: Number) -> str:
    return f"{_percent(number.value)} [{100 * number.low:.0f}, {100 * number.high:.0f}]"
