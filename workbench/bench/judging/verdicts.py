"""Judges' verdicts on stored answers: one JSON object a line, beside result lines that stay as they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from workbench.bench.judging.agreement import Agreement, agreement, krippendorff_alpha
from workbench.bench.judging.log import append_line
from workbench.bench.judging.served_judge import LLMJudge
from workbench.bench.store.jsonl import JsonLines
from workbench.bench.store.results import Result
from workbench.models.served.faults import NoAnswer

VERDICTS_FILE = "answer_verdicts.jsonl"
RESOLVED = "answer resolution (rules)"
CHUNK = 64


@dataclass(frozen=True)
class AnswerVerdict:
    """What a judge said of one result line: `score` 1 right, 0 wrong, None where its replies settled nothing.

    `key` is the line's, `judge` and `protocol` are the judge's id and how it judges; `agreement` is the share
    of its own votes that equal the verdict.
    """

    key: str
    judge: str
    protocol: str
    score: int | None
    agreement: float


@dataclass(frozen=True)
class JudgedRun:
    """Counts of one judging: `new` verdicts, `known` before, `unsettled` among both, `refused` questions."""

    judge: str
    protocol: str
    n: int
    new: int
    known: int
    unsettled: int
    refused: int


def read_verdicts(folder: Path) -> dict[str, dict[str, AnswerVerdict]]:
    """judge → result key → verdict; empty without a file. Lines that hold none are passed over."""
    found: dict[str, dict[str, AnswerVerdict]] = {}
    for _, record in JsonLines(folder / VERDICTS_FILE).objects():
        try:
            verdict = AnswerVerdict(**record)
        except TypeError:
            continue
        found.setdefault(verdict.judge, {})[verdict.key] = verdict
    return found


def judge_run(
    folder: Path,
    lines: Iterable[Result],
    judge: LLMJudge,
    *,
    concurrency: int = 8,
    progress: Callable[[int], None] = lambda done: None,
) -> JudgedRun:
    """Judge the final answers of stored lines; what is judged already is not judged again.

    Failed lines are left out; a verdict that the replies did not settle is asked for again by a judge with
    `again`. Each verdict is on disk before the next chunk is asked for. A question that the
    server refuses is counted and asked again next time. Raises EndpointDown; a later call goes on.
    """
    known = read_verdicts(folder).get(judge.id, {})
    if judge.again:
        known = {key: verdict for key, verdict in known.items() if verdict.score is not None}
    counts = {"n": 0, "new": 0, "known": 0, "unsettled": 0, "refused": 0}

    def asked(line: Result) -> AnswerVerdict | None:
        try:
            return known.get(line.key) or _verdict(line, judge)
        except NoAnswer:
            return None

    with ThreadPoolExecutor(concurrency) as pool:
        for chunk in _chunks(line for line in lines if line.error is None):
            for verdict in pool.map(asked, chunk):
                counts["n"] += 1
                if verdict is None:
                    counts["refused"] += 1
                    continue
                counts["unsettled"] += verdict.score is None
                counts["known" if verdict.key in known else "new"] += 1
                if verdict.key not in known:
                    append_line(folder / VERDICTS_FILE, asdict(verdict))
            progress(counts["n"])
    return JudgedRun(judge.id, judge.protocol, **counts)


def _verdict(line: Result, judge: LLMJudge) -> AnswerVerdict:
    found = judge.answer_verdict(
        line.question, line.options, gold=line.gold, gold_letter=line.gold_letter, given=line.answer or ""
    )
    score = found.value[0] if found.value is not None else None
    return AnswerVerdict(line.key, judge.id, judge.protocol, score, found.agreement)


def _chunks(lines: Iterable[Result]) -> Iterator[list[Result]]:
    source = iter(lines)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


@dataclass(frozen=True)
class JudgeAgreement:
    """How far the judges of one run agree: each pair of them, and all of them at once.

    `right` is each judge's share of right answers over the `n` it judged; `alpha` is Krippendorff's, nominal,
    over the `n_alpha` answers that at least two judged. None where it can't be stated.
    """

    right: Mapping[str, tuple[float, int]]
    pairs: Mapping[tuple[str, str], Agreement | None]
    alpha: float | None
    n_alpha: int


def judges_agreement(
    lines: Iterable[Result], verdicts: Mapping[str, Mapping[str, AnswerVerdict]]
) -> JudgeAgreement:
    """Agreement of all judges on the same answers, the rules that resolve an answer being one of them."""
    lines = [line for line in lines if line.error is None]
    said: dict[str, list[int | None]] = {
        RESOLVED: [None if line.correct is None else int(line.correct) for line in lines]
    }
    for judge, found in verdicts.items():
        said[judge] = [found[line.key].score if line.key in found else None for line in lines]
    names = list(said)
    pairs = {
        (first, second): agreement(list(zip(said[first], said[second], strict=True)))
        for place, first in enumerate(names)
        for second in names[place + 1 :]
    }
    known = {name: [score for score in scores if score is not None] for name, scores in said.items()}
    right = {name: (sum(scores) / len(scores), len(scores)) for name, scores in known.items() if scores}
    answers = list(zip(*said.values(), strict=True))
    n_alpha = sum(sum(score is not None for score in answer) > 1 for answer in answers)
    return JudgeAgreement(right, pairs, krippendorff_alpha(answers), n_alpha)
