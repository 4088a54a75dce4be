"""What the pair was to reach, set before it was trained, beside what was measured."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.bench.reports.model import Report
from workbench.bench.scores.numbers import Number
from workbench.traces import AXES

Reports = Mapping[str, Report]
CENTRE = "centre_prior"


class Measured(Protocol):
    """What is read of a measured number; those of reports are such."""

    @property
    def value(self) -> float | None: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...

    @property
    def n(self) -> int: ...


@dataclass(frozen=True)
class Pointing:
    """A share of spans whose map points at the finding, of a grounding report."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Aim:
    """One aim: in words, the number that decides it, the least (or most) it was to be, what else to see."""

    words: str
    number: Measured | None
    target: float
    at_most: bool = False
    beside: str = ""
    deciding: str = "value"  # the part of the number that is held against the target

    @property
    def reached(self) -> bool | None:
        """Whether the measured value meets the target; None where it was not measured."""
        if self.number is None or self.number.value is None:
            return None
        value = getattr(self.number, self.deciding)
        return value <= self.target if self.at_most else value >= self.target


def aims(reports: Reports, grounding: Mapping[str, Any] | None = None) -> list[Aim]:
    """Every aim whose report is there, for a pair named "base" and "tuned"."""
    found = [*_phantom_aims(reports), *_real_aims(reports)]
    if "photographs" in reports:
        found.append(
            Aim("photographs: it says that it does not know them", _accuracy(reports["photographs"]), 0.9)
        )
    pointing = best_pointing(grounding) if grounding else None
    if pointing:
        words = f"pointing game of the finding step, drawn pictures, best method ({pointing['method']})"
        prior = f"centre of the picture: {100 * pointing['pointing']['prior']:.0f}"
        parts = {part: pointing["pointing"][part] for part in ("value", "low", "high")}
        found.append(Aim(words, Pointing(**parts, n=pointing["n"]), 0.9, beside=prior))
    return found


def best_pointing(grounding: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row of the tuned model whose method points best at the finding of drawn pictures."""
    rows = [
        row
        for row in grounding["rows"]
        if row["origin"] == "phantom" and row["model"] == "tuned" and row["span"] == "finding step"
        if row["n"] and row["method"] != CENTRE
    ]
    return max(rows, key=lambda row: row["pointing"]["value"], default=None)


def aims_table(found: Sequence[Aim]) -> str:
    """Markdown: one row an aim; per cent, calibration error as a share, 95 % interval in brackets."""
    lines = ["| aim | to reach | measured | n | reached |", "| --- | --- | --- | --- | --- |"]
    for aim in found:
        show = _share if aim.at_most else _percent
        beside = f" ({aim.beside})" if aim.beside else ""
        said = {True: "yes", False: "no", None: "not measured"}[aim.reached]
        target = f"{'≤' if aim.at_most else '≥'} {show(aim.target)}"
        n = "–" if aim.number is None else aim.number.n
        lines.append(
            f"| {aim.words} | {target} | {_with_interval(aim.number, show)}{beside} | {n} | {said} |"
        )
    return "\n".join(lines)


def _phantom_aims(reports: Reports) -> Iterator[Aim]:
    for name, words in (("phantoms-familiar", "phrasings of training"), ("phantoms-open", "other phrasings")):
        if name in reports:
            yield Aim(f"unseen phantoms, exact answer, {words}", _accuracy(reports[name]), 0.95)
    phantoms = reports.get("phantoms")
    if phantoms is None:
        return
    for axis in AXES:
        yield Aim(f"unseen phantoms, {axis} score", phantoms.number("tuned", axis, "image"), 0.9)
    error = phantoms.calibration["tuned"]["image"]["answer"]
    yield Aim("calibration error (ECE) of the answer, unseen phantoms", error, 0.08, at_most=True)


def _real_aims(reports: Reports) -> Iterator[Aim]:
    real = reports.get("real")
    if real is None:
        return
    base, tuned = (_accuracy(real, model=model, kind="closed") for model in ("base", "tuned"))
    guess = real.baselines["question_majority"].closed.value
    beside = f"always the most frequent answer to the question: {100 * guess:.1f}"
    yield Aim("real closed questions, base: the most frequent answer", base, guess)
    yield Aim("real closed questions, tuned: base + 5 points", tuned, base.value + 0.05)
    yield Aim(
        "real closed questions, tuned: most frequent answer + 10 points", tuned, guess + 0.1, beside=beside
    )
    slake = _slice(real, "dataset", "SLAKE 1.0", "open")
    yield Aim("SLAKE, open questions, exact answer", slake and slake["image"], 0.75)
    rad = _slice(real, "dataset", "VQA-RAD", "closed")
    if rad and rad["blank"].high is not None:
        blank = f"blank picture: {_with_interval(rad['blank'], _percent)}"
        words = "VQA-RAD, closed questions: above the blank picture, intervals apart"
        yield Aim(words, rad["image"], rad["blank"].high, beside=blank, deciding="low")
    for kind in ("Modality", "MODALITY", "Plane", "PLANE", "Organ", "ORGAN"):
        asked = _slice(real, "question_type", kind, "overall")
        if asked:
            source = "VQA-RAD" if kind.isupper() else "SLAKE"
            yield Aim(f"real images, {kind.lower()} ({source})", asked["image"], 0.9)
    error = real.calibration["tuned"]["image"]["answer"]
    yield Aim("calibration error (ECE) of the answer, real images", error, 0.08, at_most=True)


def _accuracy(report: Report, model: str = "tuned", kind: str = "overall") -> Number:
    return report.accuracy[model]["image"].of(kind)


def _slice(report: Report, field: str, value: str, kind: str) -> dict[str, Number] | None:
    """The tuned model's accuracy on a slice by condition; None without such a slice or questions in it."""
    for entry in report.slices.get(field, ()):
        if entry.value == value and entry.accuracy["tuned"]["image"].of(kind).n:
            return {name: kinds.of(kind) for name, kinds in entry.accuracy["tuned"].items()}
    return None


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _share(value: float) -> str:
    return f"{value:.2f}"


def _with_interval(number: Measured | None, show: Callable[[float], str]) -> str:
    if number is None or number.value is None:
        return "–"
    if number.low is None or number.high is None:
        return show(number.value)
    return f"{show(number.value)} [{show(number.low)}, {show(number.high)}]"
