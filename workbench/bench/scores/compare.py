"""Two sides of the same questions set against each other: models, conditions, or runs of two folders."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.scores.measure import MetricGap, joint_protocol, paired_rows
from workbench.bench.scores.numbers import Paired, paired_scores
from workbench.bench.scores.scoring import plain
from workbench.bench.scores.sign_flips import FEWEST_IMAGES
from workbench.bench.store.results import Result
from workbench.bench.store.run_lines import SEVERAL, RunLines, load_lines, protocol_text
from workbench.errors import UserFacing

Lines = Mapping[str, Result]
ASKED = {"mode": "prompt mode", "judge": "judge", "judge_protocol": "judge's protocol"}
MACHINE = {
    "dtype": "number format",
    "device": "device",
    "image_budget": "image budget",
    "adapter": "adapter",
}
UNDECIDED, TOO_FEW = "no difference shown", f"no claim on fewer than {FEWEST_IMAGES} images"
MARGIN = 1e-9  # scores that differ by rounding alone are ties


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a run folder, a model in it, and the condition it was asked under."""

    folder: str | Path
    model: str
    condition: str = "image"


@dataclass(frozen=True)
class _Loaded:
    side: Side
    lines: Lines
    run: RunLines

    @property
    def described(self) -> dict[str, Any]:
        return self.run.described(self.side.model)

    @property
    def protocol(self) -> str:
        return protocol_text(next(iter(self.lines.values())), self.described)


@dataclass(frozen=True)
class SideFacts:
    """Who stands on a side and how it was asked; `n` answers, those that failed left out."""

    folder: str
    model: str
    label: str
    condition: str
    revision: str
    protocol: str
    date: str | None
    n: int


@dataclass(frozen=True, kw_only=True)
class ComparedMetric(MetricGap):
    """A difference, both means over the pairs, and on how many items the second side is better or worse."""

    first_value: float
    second_value: float
    win: int
    tie: int
    loss: int
    verdict: str


@dataclass(frozen=True)
class ProtocolDifference:
    """One thing other than the answers that differs between the sides, as it is and in words."""

    field: str
    first: Any
    second: Any
    text: str


@dataclass(frozen=True)
class Comparison:
    """Second − first on the questions that both answered; `rows` are the metrics that have pairs."""

    first: SideFacts
    second: SideFacts
    n_shared: int
    n_images: int
    n_only_first: int
    n_only_second: int
    rows: tuple[ComparedMetric, ...]
    protocol_differences: tuple[ProtocolDifference, ...]


def compare_runs(first: Side, second: Side) -> Comparison:
    """Second − first on the questions that both answered, paired by item id.

    Items that failed count as not answered. Everything is tested by image: see `numbers.paired_p`.

    Raises UserFacing for a side that holds nothing, sampled answers (several an item), no question in common,
    and ids that name other questions on the other side.
    """
    folders: dict[Path, RunLines] = {}
    left, right = (_loaded(side, folders) for side in (first, second))
    shared = [item for item in left.lines if item in right.lines]
    _require_same_questions(left, right, shared)
    mine, theirs = ({item: side.lines[item] for item in shared} for side in (left, right))
    protocol = joint_protocol(left.protocol, right.protocol)
    return Comparison(
        first=_about(left),
        second=_about(right),
        n_shared=len(shared),
        n_images=_images(left, list(mine.values())),
        n_only_first=len(left.lines) - len(shared),
        n_only_second=len(right.lines) - len(shared),
        rows=tuple(_compared(row, mine, theirs) for row in paired_rows(mine, theirs, protocol) if row.n),
        protocol_differences=_protocol_differences(left, right, shared),
    )


def _images(side: "_Loaded", lines: Sequence[Result]) -> int:
    """Image groups of the lines, 0 where the run says that no question has a picture."""
    stated = side.run.run.get("items", {}).get("n_images")
    return 0 if stated == 0 else len({line.image_group for line in lines})


def verdict(row: Paired) -> str:
    """What a difference allows to be said: "second higher", "first higher" or "no difference shown".

    A side is higher only when the interval leaves out zero and the p value, after Holm where that applies, is
    at most 0.05. "no claim on fewer than 6 images", whatever the numbers of so few are. "no interval" where
    none can be stated: the same difference on every item; right on all against wrong on all is then left to
    the p value.
    """
    p, metric = row.p, None
    if isinstance(row, MetricGap):
        p, metric = row.p if row.p_holm is None else row.p_holm, row.metric
    if row.n_clusters < FEWEST_IMAGES and row.value:
        return TOO_FEW
    if row.low is None and row.value and metric != "accuracy":
        return "no interval"
    crossing = row.low is not None and not row.clear
    if not row.value or p is None or p > 0.05 or crossing:
        return UNDECIDED
    return "second higher" if row.value > 0 else "first higher"


def shown(row: Paired) -> bool:
    """Whether a difference is shown: `verdict` names the higher side."""
    return verdict(row) in ("second higher", "first higher")


def _loaded(side: Side, folders: dict[Path, RunLines]) -> _Loaded:
    folder = Path(side.folder)
    if side.condition in SEVERAL:
        raise UserFacing(
            "Sampled and anchored answers are several an item and can't be paired.",
            "Compare another condition.",
        )
    if folder not in folders:
        folders[folder] = load_lines(folder)
    run = folders[folder]
    asked = run.groups.get((side.model, side.condition), {})
    lines = {item: line for item, line in asked.items() if line.error is None}
    if not lines:
        there = ", ".join(f"{model} ({condition})" for model, condition in run.groups)
        raise UserFacing(
            f"{folder.name!r} holds no answers of {side.model!r} under {side.condition!r}.",
            f"Choose from: {there or 'nothing was answered'}.",
        )
    return _Loaded(side, lines, run)


def _require_same_questions(left: _Loaded, right: _Loaded, shared: Sequence[str]) -> None:
    if not shared:
        raise UserFacing(
            "The two sides have no question in common.", "Compare runs of the same benchmark items."
        )
    other = [item for item in shared if not _same(left.lines[item], right.lines[item])]
    if other:
        raise UserFacing(
            f"{len(other)} of {len(shared)} shared ids name another question or picture on the other side, "
            f"{other[0]!r} for one.",
            "Compare runs of the same version of the items.",
        )


def _same(first: Result, second: Result) -> bool:
    """The same question with the same gold answer and, where both tell, on a picture of the same group."""
    texts = [(plain(line.question), plain(line.gold)) for line in (first, second)]
    groups = {line.image_group for line in (first, second)} - {""}
    return texts[0] == texts[1] and len(groups) <= 1


def _about(side: _Loaded) -> SideFacts:
    return SideFacts(
        folder=str(side.side.folder),
        model=side.side.model,
        label=side.described.get("label", side.side.model),
        condition=side.side.condition,
        revision=next(iter(side.lines.values())).revision,
        protocol=side.protocol,
        date=side.run.run.get("date"),
        n=len(side.lines),
    )


def _compared(row: MetricGap, first: Lines, second: Lines) -> ComparedMetric:
    """The difference with both means over the pairs, and on how many the second is better, same or worse."""
    pairs = paired_scores(first, second, row.metric)
    gaps = [float(after) - float(before) for before, after, _ in pairs]
    win, loss = sum(gap > MARGIN for gap in gaps), sum(gap < -MARGIN for gap in gaps)
    return ComparedMetric(
        **vars(row),
        first_value=math.fsum(before for before, _, _ in pairs) / len(pairs),
        second_value=math.fsum(after for _, after, _ in pairs) / len(pairs),
        win=win,
        tie=len(gaps) - win - loss,
        loss=loss,
        verdict=verdict(row),
    )


def _protocol_differences(
    left: _Loaded, right: _Loaded, shared: Sequence[str]
) -> tuple[ProtocolDifference, ...]:
    """Everything but the answers that differs between the sides."""
    lines = [side.lines[shared[0]] for side in (left, right)]
    pairs: dict[str, tuple[Any, Any]] = {"condition": (left.side.condition, right.side.condition)}
    pairs |= {label: (getattr(lines[0], name), getattr(lines[1], name)) for name, label in ASKED.items()}
    for name in sorted({*lines[0].decoding, *lines[1].decoding}):
        pairs[f"decoding: {name}"] = (lines[0].decoding.get(name), lines[1].decoding.get(name))
    pairs |= {label: (left.described.get(name), right.described.get(name)) for name, label in MACHINE.items()}
    if left.side.model == right.side.model:  # of two models they differ, which is the point
        pairs["revision"] = (lines[0].revision, lines[1].revision)
    pairs["questions"] = tuple(side.run.run.get("items", {}).get("name") for side in (left, right))
    pairs["options shown"] = tuple(_with_options(side.lines, shared) for side in (left, right))
    versions = [side.run.run.get("packages", {}) for side in (left, right)]
    for name in sorted({*versions[0], *versions[1]}):
        pairs[f"version of {name}"] = (versions[0].get(name), versions[1].get(name))
    return tuple(
        ProtocolDifference(name, one, other, f"{name}: {_in_words(one)} against {_in_words(other)}")
        for name, (one, other) in pairs.items()
        if one != other
    )


def _with_options(lines: Lines, shared: Sequence[str]) -> str:
    """On how many of the shared questions the options were shown: without them an answer must be worded."""
    count = sum(bool(lines[item].options) for item in shared)
    return f"on {count} of {len(shared)} questions"


def _in_words(value: Any) -> str:
    return "not stated" if value in (None, "", {}) else str(value)
