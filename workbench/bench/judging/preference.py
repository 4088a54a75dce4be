"""Which of two models' responses a judge prefers: every pair in both orders, the judge blind to the models.

The published preference shares (OpenMedReason, arXiv 2606.12169) state neither raters' orders nor ties nor n,
so this is a protocol of our own: a pair is won only if the judge prefers the same response in both orders.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.bench.judging.log import append_line
from workbench.bench.judging.served_judge import LLMJudge
from workbench.bench.judging.votes import Verdict
from workbench.bench.scores.numbers import Paired, number, paired_p
from workbench.bench.store.jsonl import JsonLines
from workbench.bench.store.records import to_json
from workbench.bench.store.results import Result
from workbench.errors import UserFacing
from workbench.models.served.faults import NoAnswer
from workbench.traces import parse_trace

PREFERENCES_FILE = "preferences.jsonl"
Outcome = Literal["first", "second", "tie", "unsettled"]
SIGN_TEST = "exact sign test"
ORDERS = "Each pair is judged in both orders; only the same choice in both is a win."


@dataclass(frozen=True)
class Pair:
    """One item's two responses and what the judge said.

    `choices` are -1 (the first model's), 0 (neither) or 1 (the second's) with the first model's response
    shown first, then with the second's shown first; None where the replies settled nothing. `identical`
    responses are a tie that nobody was asked about.
    """

    item_id: str
    cluster: str
    choices: tuple[int | None, int | None]
    identical: bool = False

    @property
    def outcome(self) -> Outcome:
        """Who won; choices that differ between the orders are a tie."""
        if None in self.choices:
            return "unsettled"
        before, after = self.choices
        if before != after or before == 0:
            return "tie"
        return "first" if before == -1 else "second"

    @property
    def consistent(self) -> bool:
        return self.choices[0] == self.choices[1]

    @property
    def by_place(self) -> str:
        """ "shown first" or "shown last" where the judge chose the place and not the response; else ""."""
        return {(-1, 1): "shown first", (1, -1): "shown last"}.get(self.choices, "")  # type: ignore[arg-type]


def prefer(
    first: Sequence[Result],
    second: Sequence[Result],
    judge: LLMJudge,
    *,
    concurrency: int = 8,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Pair], dict[str, int]]:
    """The judged pairs on the items both answered, and why the others are missing (reason → count).

    What is on the judge's record is not asked again. Raises EndpointDown (a later call goes on) and
    UserFacing when no item is shared.
    """
    theirs = {line.item_id: line for line in second if line.error is None}
    ours = {line.item_id: line for line in first if line.error is None}
    shared = [(line, theirs[item]) for item, line in ours.items() if item in theirs]
    if not shared:
        raise UserFacing("The two models have no answered item in common.", "Run both on the same items.")
    pairs: list[Pair] = []
    missing = Counter({"answered by one model only": len(ours.keys() ^ theirs.keys())})
    with ThreadPoolExecutor(concurrency) as pool:
        for done, pair in enumerate(pool.map(lambda lines: _judged(*lines, judge), shared), 1):
            if pair is None:
                missing["refused by the server"] += 1
            else:
                pairs.append(pair)
            progress(done, len(shared))
    return pairs, {reason: count for reason, count in missing.items() if count}


def response_of(line: Result) -> str:
    """What the judge sees of a line: the steps of the reasoning, then the answer; no tags, no model."""
    trace = parse_trace(line.text, line.options)
    steps = " ".join(step.text.strip() for step in trace.steps)
    return f"{steps}\nAnswer: {line.answer or 'none given'}".strip()


def _judged(first: Result, second: Result, judge: LLMJudge) -> Pair | None:
    if (first.question, first.options, first.gold) != (second.question, second.options, second.gold):
        raise UserFacing(f"The two models were not asked the same: {first.item_id}.", "Compare one run.")
    one, two = response_of(first), response_of(second)
    if one == two:
        return Pair(first.item_id, first.image_group, (0, 0), identical=True)

    def ask(before: str, after: str) -> int | None:
        return _choice(
            judge.preference_verdict(first.question, first.options, gold=first.gold, one=before, two=after)
        )

    try:
        straight, turned = ask(one, two), ask(two, one)
    except NoAnswer:
        return None
    return Pair(first.item_id, first.image_group, (straight, None if turned is None else -turned))


def _choice(verdict: Verdict) -> int | None:
    """The median vote; two votes that are not the same decide nothing, so it is drawn towards a tie."""
    if verdict.value is None:
        return None
    return int(statistics.median(vote[0] for vote in verdict.votes if vote is not None))


def summarise(pairs: Iterable[Pair], protocol: str) -> dict[str, Any]:
    """Win, tie and loss of the second model against the first, with intervals.

    `win_rate`: the second's share of the decided pairs, with 95 % interval and p by image (the exact sign
    test where every image has one pair). `net`: (wins − losses) / n, ties counting 0. `position_bias`: how
    many pairs were inconsistent, and in which the judge chose a place instead of a response.
    """
    pairs = list(pairs)
    settled = [pair for pair in pairs if pair.outcome != "unsettled"]
    counts = Counter(pair.outcome for pair in pairs)
    asked = [pair for pair in settled if not pair.identical]
    inconsistent = sum(not pair.consistent for pair in asked)
    places = Counter(pair.by_place for pair in asked)
    return {
        "n": len(settled),
        "n_clusters": len({pair.cluster for pair in settled}),
        "win": counts["second"],
        "tie": counts["tie"],
        "loss": counts["first"],
        "unsettled": counts["unsettled"],
        "identical": sum(pair.identical for pair in settled),
        "win_rate": _win_rate(settled, protocol),
        "net": _net(settled, protocol),
        "position_bias": {
            "n": len(asked),
            "inconsistent": inconsistent,
            "share": inconsistent / len(asked) if asked else None,
            "shown_first": places["shown first"],
            "shown_last": places["shown last"],
        },
    }


def _win_rate(settled: Sequence[Pair], protocol: str) -> dict[str, Any]:
    decided = [pair for pair in settled if pair.outcome != "tie"]
    clusters = [pair.cluster for pair in decided]
    hits = [pair.outcome == "second" for pair in decided]
    p, test = paired_p([1.0 if hit else -1.0 for hit in hits], clusters, SIGN_TEST)
    return to_json(Paired(**vars(number(hits, clusters, protocol)), p=p, test=test))


def _net(settled: Sequence[Pair], protocol: str) -> dict[str, Any]:
    values = [{"first": -1.0, "second": 1.0}.get(pair.outcome, 0.0) for pair in settled]
    clusters = [pair.cluster for pair in settled]
    p, test = paired_p(values, clusters, SIGN_TEST)
    return to_json(Paired(**vars(number(values, clusters, protocol)), p=p, test=test))


def run_preference(
    folder: Path,
    lines: Iterable[Result],
    models: tuple[str, str],
    *,
    condition: str,
    judge: LLMJudge,
    **how: Any,
) -> dict[str, Any]:
    """Judge two models of one run folder, put the summary on record there, and return it.

    `how` goes to `prefer`. Raises what `prefer` raises, and UserFacing for a model without such lines.
    """
    sides: dict[str, list[Result]] = {model: [] for model in models}
    known = set()
    for line in lines:
        known.add(line.model)
        if line.model in sides and line.condition == condition and line.sample == 0:
            sides[line.model].append(line)
    for model, found in sides.items():
        if not found:
            names = ", ".join(sorted(known)) or "none"
            raise UserFacing(f"There are no {condition!r} lines of {model!r}.", f"There are: {names}.")
    pairs, missing = prefer(sides[models[0]], sides[models[1]], judge, **how)
    protocol = f"{judge.protocol} {ORDERS}"
    summary = {
        "first": models[0], "second": models[1], "condition": condition, "judge": judge.id,
        "protocol": protocol, "origin": "measured", **summarise(pairs, protocol), "missing": missing,
        "pairs": [asdict(pair) | {"outcome": pair.outcome} for pair in pairs],
    }  # fmt: skip
    append_line(folder / PREFERENCES_FILE, summary)
    return summary


def read_preferences(folder: Path) -> list[dict[str, Any]]:
    """The latest summary of each (first, second, condition, judge) of a run folder, without its pairs."""
    found = {}
    for _, record in JsonLines(folder / PREFERENCES_FILE).objects():
        name = tuple(record.get(part) for part in ("first", "second", "condition", "judge"))
        found[name] = {key: value for key, value in record.items() if key != "pairs"}
    return list(found.values())
