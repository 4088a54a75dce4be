"""What speaks against believing a report, in plain words with the numbers in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.bench.scores.compare import verdict
from workbench.bench.scores.statistics import wilson
from workbench.bench.store.run_lines import labels

LEVELS = ("warning", "caution", "note")
FEW_IMAGES = 100  # 95 % intervals are then about ±10 points and wider
SURVIVES = (0.8, 0.5)  # share of a score left without the picture: warning, caution from here on
INSENSITIVE = (0.1, 0.25)  # share of answers that another patient's picture changes: up to here
INVALID = (0.2, 0.05)
REORDERED = (0.25, 0.1)  # share of choices that another order of the options changes
ECE = (0.2, 0.1)
SKEW = 0.05  # letters: by how much the most frequent must exceed its fair share, beyond doubt
WITHOUT = {
    "image_effect": ("a blank image", "with a blank one"),
    "shuffled_image_effect": ("another patient's picture", "with another patient's"),
}
SAME_ANSWER = " Some of the other pictures have the same right answer (their modality, say)."
BASELINES = {
    "majority_letter": "always giving the most frequent letter",
    "majority_answer": "always giving the most frequent answer",
    "question_majority": "giving the most frequent answer to the question, no picture seen",
}
SAME_QUESTIONS = 0.9  # an accuracy on so many of a guess's questions is compared with it
KIND_NAMES = {"overall": "all questions", "closed": "closed questions", "open": "open questions"}
METRICS = {"accuracy": "answer accuracy", "trace_score": "trace score"}
Report = Mapping[str, Any]
Warned = dict[str, str]


def warnings_of(report: Report) -> list[Warned]:
    """`{level, text}` of everything found, "warning" before "caution" before "note".

    Only what was measured is judged: without a blank run nothing is said about blank images. Reads reports of
    any schema; what an old one lacks is not judged.
    """
    checks = (
        _picture, _sensitivity, _baselines, _letters, _sizes, _invalid, _order, _calibration, _protocols,
        _judges, _left_out, _asked, _clusters, _undecided,
    )  # fmt: skip
    found = [warned for check in checks for warned in check(report)]
    return sorted(found, key=lambda warned: LEVELS.index(warned["level"]))


def _said(level: str, text: str) -> Warned:
    return {"level": level, "text": text}


def _level(value: float, limits: tuple[float, float]) -> str:
    return "warning" if value >= limits[0] else "caution" if value >= limits[1] else "note"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _picture(report: Report) -> Iterator[Warned]:
    """Share of the right answers that are left without the picture, over the items asked both ways."""
    for key, (what, how) in WITHOUT.items():
        for model, row in report.get(key, {}).items():
            table = row["table"]
            left = table["both_right"] + table["only_first"]
            full = table["both_right"] + table["only_second"]
            if not full:  # nothing to survive
                continue
            share = left / full
            kept = "All" if share >= 1 else _percent(share)
            text = (
                f"{kept} of this score survives {what}: {_label(report, model)} is right on "
                f"{full} of {row['n']} questions with the picture and on {left} {how}."
            )
            if key == "shuffled_image_effect":
                text += SAME_ANSWER
            if _undecided_row(row):
                text += " No difference shown."
            yield _said(_level(share, SURVIVES), text)


def _sensitivity(report: Report) -> Iterator[Warned]:
    for model, found in report.get("image_sensitivity", {}).items():
        if found["value"] <= INSENSITIVE[1]:
            level = "warning" if found["value"] <= INSENSITIVE[0] else "caution"
            yield _said(
                level,
                f"Only {_percent(found['value'])} of the answers of {_label(report, model)} change when "
                f"another patient's picture is shown (n = {found['n']}).{SAME_ANSWER}",
            )


def _baselines(report: Report) -> Iterator[Warned]:
    """Guesses that the interval of an accuracy does not lie above, on the same questions only."""
    for model, conditions in report["accuracy"].items():
        numbers = conditions.get("image", {})
        for name, told in BASELINES.items():
            guesses = report["baselines"][name]
            for kind in _comparable(numbers, guesses):
                number, guess = numbers[kind], guesses[kind]["value"]
                if number["low"] is not None and number["low"] <= guess:
                    yield _said(
                        "warning" if number["value"] <= guess else "caution",
                        f"{_label(report, model)} ({_shown(number)}) is not shown to beat {told} "
                        f"({_percent(guess)}), {KIND_NAMES[kind]} (n = {number['n']}).",
                    )


def _comparable(numbers: Mapping[str, Any], guesses: Mapping[str, Any]) -> list[str]:
    """Kinds of question on which accuracy and guess are of the same questions, but for a few that failed.

    "overall" alone where that holds: the kinds would only repeat it.
    """
    same = [
        kind
        for kind, number in numbers.items()
        if 0 < number["n"] <= guesses[kind]["n"] and number["n"] >= SAME_QUESTIONS * guesses[kind]["n"]
    ]
    return ["overall"] if "overall" in same else same


def _letters(report: Report) -> Iterator[Warned]:
    found = report.get("letters", {})
    if not found.get("n"):
        return
    letter, count = max(
        found["counts"].items(), key=lambda pair: pair[1] - found["n"] * found["expected"][pair[0]]
    )
    fair = found["expected"][letter]
    interval = wilson(count, found["n"])
    if interval is not None and interval.low > fair + SKEW:
        yield _said(
            "caution",
            f"The right answer is {letter} in {_percent(count / found['n'])} of {found['n']} questions with "
            f"options ({_percent(fair)} if letters were even): always saying {letter} scores that much.",
        )


def _sizes(report: Report) -> Iterator[Warned]:
    if report["n_images"] < FEW_IMAGES:
        yield _said(
            "caution",
            f"Only {report['n_images']} images (fewer than {FEW_IMAGES}): expect intervals of about "
            "±10 points or wider, and claim little.",
        )


def _invalid(report: Report) -> Iterator[Warned]:
    for model, conditions in report["counts"].items():
        count = conditions.get("image")
        if not count:
            continue
        answered = count["n"] - count["failed"]
        if answered and count["invalid"] / answered >= INVALID[1]:
            yield _said(
                _level(count["invalid"] / answered, INVALID),
                f"{_percent(count['invalid'] / answered)} of the answers of {_label(report, model)} can't be "
                f"read as an answer ({count['invalid']} of {answered}) and count as wrong.",
            )
        if count["failed"]:
            yield _said(
                "caution" if count["failed"] / count["n"] >= INVALID[1] else "note",
                f"{count['failed']} of {count['n']} questions failed for {_label(report, model)} and "
                "are in no score.",
            )


def _order(report: Report) -> Iterator[Warned]:
    for model, found in report["shuffle_consistency"].items():
        changed = 1 - found["value"]
        if changed >= REORDERED[1]:
            yield _said(
                _level(changed, REORDERED),
                f"With the options in another order {_label(report, model)} does not keep its choice in "
                f"{_percent(changed)} of {found['n']} questions.",
            )


def _calibration(report: Report) -> Iterator[Warned]:
    for model, conditions in report.get("calibration", {}).items():
        found = conditions.get("image", {}).get("answer")
        if found and found["value"] >= ECE[1]:
            yield _said(
                _level(found["value"], ECE),
                f"The probability that {_label(report, model)} gives its answer is off by "
                f"{100 * found['value']:.0f} points on average (ECE, n = {found['n']}): don't read it as "
                "confidence.",
            )


def _protocols(report: Report) -> Iterator[Warned]:
    asked = {model["name"]: model["protocol"] for model in report["models"]}
    if len(set(asked.values())) > 1:
        told = "; ".join(f"{_label(report, model)}: {protocol}" for model, protocol in asked.items())
        yield _said(
            "warning",
            f"The models were not asked in the same way, so a difference may be due to that. {told}.",
        )


def _judges(report: Report) -> Iterator[Warned]:
    rules = [judge for judge in report["judges"] if "rules" in judge]
    if rules and any(found for conditions in report["axes"].values() for found in conditions.values()):
        yield _said(
            "note",
            f"Reasoning was judged by rules ({', '.join(rules)}), which read words, not meaning; compare "
            "with no published score.",
        )


def _left_out(report: Report) -> Iterator[Warned]:
    for reason, count in report["dropped"].items():
        yield _said("note", f"{count} questions were left out: {reason}.")
    if report["stale_lines"]:
        yield _said("note", f"{report['stale_lines']} answers of an earlier model or protocol were left out.")


def _asked(report: Report) -> Iterator[Warned]:
    """Runs that were stopped, and answers on questions that the latest run (of fewer items) did not ask."""
    asked = report["items"].get("n")
    if not asked:
        return
    for model, conditions in report["counts"].items():
        count = conditions.get("image")
        if count and count["n"] < asked:
            yield _said(
                "caution",
                f"{_label(report, model)} was asked {count['n']} of {asked} questions so far: the scores "
                "are of those alone, which are no random choice.",
            )
    if report["n_items"] > asked:
        yield _said(
            "caution",
            f"The latest run asked {asked} questions; answers on {report['n_items']} count, those of earlier "
            "runs in this folder included.",
        )


def _clusters(report: Report) -> Iterator[Warned]:
    if report.get("regrouped_items"):
        yield _said(
            "caution",
            f"{report['regrouped_items']} questions lie in several image groups: the models were not "
            "asked with the same file of questions.",
        )
    if report["n_images"] < report["n_items"]:
        yield _said(
            "note",
            f"{report['n_items']} questions share {report['n_images']} images; intervals resample whole "
            "images.",
        )


def _undecided(report: Report) -> Iterator[Warned]:
    for row in report["differences"]:
        if row["condition"] == "image" and _undecided_row(row):
            metric = METRICS.get(row["metric"], row["metric"])
            yield _said(
                "note",
                f"No difference shown in {metric} between {_label(report, row['first'])} and "
                f"{_label(report, row['second'])}: {_points(row)}, n = {row['n']}.",
            )


def _undecided_row(row: Mapping[str, Any]) -> bool:
    """As `compare.verdict` has it, so that a report says the same of a difference everywhere."""
    return verdict(row) == "no difference shown"


def _points(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return f"{100 * row['value']:+.1f} points"
    return f"{100 * row['value']:+.1f} points [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]"


def _shown(number: Mapping[str, Any]) -> str:
    return f"{_percent(number['value'])} [{100 * number['low']:.0f}, {100 * number['high']:.0f}]"


def _label(report: Report, model: str) -> str:
    return labels(report["models"]).get(model, model)
