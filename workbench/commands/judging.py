"""`python -m workbench bench judge|agreement|preference|export|compare`: what stored answers are good for."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench import judging, reports, scores, store
from workbench.commands.outcome import Outcome, as_json
from workbench.commands.servers import add_server_arguments, teller, with_servers
from workbench.errors import UserFacing
from workbench.models.served.address import is_address
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.bench.judging import LLMJudge
    from workbench.bench.scores import Comparison, Side

Leaf = Callable[[Any, str, str], argparse.ArgumentParser]
# As bench.reports.export and bench.judging.served_judge name them; importing those rooms takes seconds.
FORMATS = ("csv", "jsonl", "html", "medix")
PROTOCOLS = ("single", "votes", "rounds")
PROGRESS_EVERY = 50
EXIT_FAULT = 1  # as workbench.cli names it


def add_arguments(actions: Any, leaf: Leaf) -> None:
    """The leaves of these commands under `bench`; `leaf` is the maker of leaves in `workbench.cli`."""
    judge = leaf(
        actions, "judge", "judge stored answers by a language model; a stopped one is taken up again"
    )
    _add_folder(judge)
    judge.add_argument("--model", action="append", default=[], metavar="MODEL", help="default: every model")
    judge.add_argument(
        "--condition", action="append", default=[], metavar="NAME", help="default: every condition"
    )
    _add_judge(judge)
    agreement = leaf(actions, "agreement", "how far the judges of the same stored answers agree")
    _add_folder(agreement)
    preference = leaf(actions, "preference", "which of two models' responses a judge prefers, in both orders")
    _add_folder(preference)
    preference.add_argument("--first", required=True, metavar="MODEL")
    preference.add_argument("--second", required=True, metavar="MODEL", help="wins and losses are this one's")
    preference.add_argument("--condition", default="image", metavar="NAME", help="default: %(default)s")
    _add_judge(preference)
    export = leaf(actions, "export", "stored results as CSV, JSON lines, one HTML page or MediX-R1's layout")
    _add_folder(export)
    export.add_argument("--to", required=True, metavar="FILE", help="a folder with --format medix")
    export.add_argument("--format", choices=FORMATS, help="default: by the end of FILE")
    compare = leaf(actions, "compare", "the paired difference of two stored runs")
    for place in ("first", "second"):
        compare.add_argument(place, metavar="DIR[#MODEL[#CONDITION]]", help="condition: image unless given")
    for made in (judge, agreement, preference, export, compare):
        made.set_defaults(module="judging")


def _add_folder(leaf: argparse.ArgumentParser) -> None:
    leaf.add_argument("out", metavar="DIR", help="folder that `bench run` wrote")


def _add_judge(leaf: argparse.ArgumentParser) -> None:
    leaf.add_argument(
        "--judge", required=True, metavar="URL[#MODEL]", help="a model on an OpenAI-compatible server"
    )
    leaf.add_argument(
        "--judge-protocol", choices=PROTOCOLS, default="single",
        help="one reply, 3 apart, or 3 in one conversation (default: %(default)s)",
    )  # fmt: skip
    leaf.add_argument(
        "--retry-failed", action="store_true", help="ask again where the judge's replies could not be used"
    )
    add_server_arguments(leaf)
    leaf.add_argument(
        "--at-once",
        type=int,
        default=8,
        metavar="N",
        help="questions under way together (default: %(default)s)",
    )


def run(args: argparse.Namespace, settings: Settings) -> Outcome:
    """Run the action that was asked for. Raises UserFacing."""
    return _ACTIONS[args.action](args, settings)


def _judge(args: argparse.Namespace, settings: Settings) -> Outcome:

    folder = _folder(args.out)
    judge = _open(args, settings, folder, args.model)
    lines = (
        line
        for line in store.current_lines(folder)
        if (not args.model or line.model in args.model)
        and (not args.condition or line.condition in args.condition)
    )
    progress = _progress_writer(args, lambda done: f"{done} answers judged\n")
    found = judging.judge_run(folder, lines, judge, concurrency=args.at_once, progress=progress)
    if not found.n:
        raise UserFacing("There are no such answers to judge.", "Check --model and --condition.")
    text = (
        f"{found.judge}: {found.n} answers, {found.new} judged now, {found.known} before; {found.unsettled} "
        f"without a usable verdict (asked again with --retry-failed), {found.refused} refused by the server "
        "(asked again next time)"
    )
    none = found.unsettled + found.refused == found.n
    return Outcome(as_json(asdict(found)) if args.json else text, code=EXIT_FAULT if none else 0)


def _agreement(args: argparse.Namespace, _settings: Settings) -> Outcome:

    folder = _folder(args.out)
    verdicts = judging.read_verdicts(folder)
    if not verdicts:
        raise UserFacing("No judge has judged these answers yet.", "Run `bench judge DIR --judge URL` first.")
    found = judging.judges_agreement(store.current_lines(folder), verdicts)
    record = {
        "judges": {name: {"right": share, "n": n} for name, (share, n) in found.right.items()},
        "pairs": [
            {"first": first, "second": second} | (asdict(pair) if pair else {"n": 0})
            for (first, second), pair in found.pairs.items()
        ],
        "krippendorff_alpha": found.alpha,
        "n_alpha": found.n_alpha,
    }
    return Outcome(as_json(record) if args.json else "\n".join(_agreement_lines(record)))


def _agreement_lines(record: Mapping[str, Any]) -> Iterable[str]:
    for name, judge in record["judges"].items():
        yield f"{name}: {100 * judge['right']:.1f} % right of {judge['n']} answers judged"
    for pair in record["pairs"]:
        names = f"{pair['first']} and {pair['second']}"
        if not pair["n"]:
            yield f"{names}: no answer judged by both"
            continue
        kappa = "not defined" if pair["kappa"] is None else f"{pair['kappa']:.2f}"
        yield (
            f"{names}: same verdict on {100 * pair['observed']:.1f} % of {pair['n']} answers, "
            f"Cohen's kappa {kappa}; {pair['left_out']} lack a verdict"
        )
    alpha = record["krippendorff_alpha"]
    alpha_text = "not defined" if alpha is None else f"{alpha:.2f}"
    yield f"All judges: Krippendorff's alpha {alpha_text} over {record['n_alpha']} answers"


def _preference(args: argparse.Namespace, settings: Settings) -> Outcome:

    if args.first == args.second:
        raise UserFacing("The two models are the same.", "Give another --second.")
    folder, models = _folder(args.out), (args.first, args.second)
    judge = _open(args, settings, folder, models)
    progress = _progress_writer(args, lambda done, total: f"{done} of {total} pairs judged\n")
    found = judging.run_preference(
        folder, store.current_lines(folder), models, condition=args.condition, judge=judge,
        concurrency=args.at_once, progress=progress,
    )  # fmt: skip
    return Outcome(as_json(found) if args.json else "\n".join(_preference_lines(found)))


def _preference_lines(found: Mapping[str, Any]) -> Iterable[str]:
    yield (
        f"{found['second']} against {found['first']}, {found['condition']}: {found['win']} won, "
        f"{found['tie']} tied, {found['loss']} lost of {found['n']} pairs on {found['n_clusters']} images"
    )
    rate, bias = found["win_rate"], found["position_bias"]
    if rate["value"] is None:
        yield "No pair was decided."
    else:
        p = "not defined" if rate["p"] is None else f"{rate['p']:.3g}"
        yield f"Won {_percent(rate)} of the {rate['n']} decided pairs; p {p} ({rate['test']})"
    yield (
        f"Position bias: {bias['inconsistent']} of {bias['n']} pairs judged otherwise in the other order "
        f"({bias['shown_first']} for the one shown first, {bias['shown_last']} for the one shown last); ties"
    )
    yield f"{found['identical']} pairs were identical, {found['unsettled']} got no usable verdict"
    for reason, count in found["missing"].items():
        yield f"Left out, {reason}: {count}"
    yield found["protocol"]


def _percent(number: Mapping[str, Any], unit: str = " %") -> str:
    value = f"{100 * number['value']:.1f}{unit}"
    if number["low"] is None:
        return value
    return f"{value} [{100 * number['low']:.1f}, {100 * number['high']:.1f}]"


def _export(args: argparse.Namespace, _settings: Settings) -> Outcome:

    form = args.format or Path(args.to).suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UserFacing(f"The format of {args.to!r} is not known.", f"Use --format {'|'.join(FORMATS)}.")
    if form == "medix":
        made = {str(path): count for path, count in reports.export.write_medix(args.out, args.to)}
    elif form == "html":
        reports.export.write_html(args.out, args.to)
        made = {args.to: None}
    else:
        made = {
            args.to: (reports.export.write_csv if form == "csv" else reports.export.write_jsonl)(
                args.out, args.to
            )
        }
    lines = [path if count is None else f"{path}: {count} lines" for path, count in made.items()]
    return Outcome(as_json({"files": made}) if args.json else "\n".join(lines))


def _compare(args: argparse.Namespace, _settings: Settings) -> Outcome:

    found = scores.compare_runs(_side(args.first), _side(args.second))
    return Outcome(as_json(store.to_json(found)) if args.json else "\n".join(_compare_lines(found)))


def _compare_lines(found: "Comparison") -> Iterable[str]:
    for name, side in (("first", found.first), ("second", found.second)):
        yield (
            f"{name}: {side.label}, {side.condition}, {side.folder}, revision {side.revision}, "
            f"{side.n} answers; {side.protocol}"
        )
    pictures = f"on {found.n_images} images" if found.n_images else "without pictures"
    yield (
        f"{found.n_shared} questions {pictures} answered by both; only first "
        f"{found.n_only_first}, only second {found.n_only_second}"
    )
    for row in found.rows:
        p, how = (row.p, "p") if row.p_holm is None else (row.p_holm, "p (Holm)")
        yield (
            f"{row.metric.replace('_', ' ')}, second - first in points: {_percent(vars(row), unit='')}, "
            f"{how} {'not defined' if p is None else f'{p:.3g}'} ({row.test}), n {row.n} on "
            f"{row.n_clusters} images; second better {row.win}, same {row.tie}, worse {row.loss}: "
            f"{row.verdict}"
        )
    for difference in found.protocol_differences:
        yield f"Not the same: {difference['text']}"


def _side(text: str) -> "Side":
    """The side that "DIR#MODEL#CONDITION" names; a folder of one model needs no model's name."""

    name, *rest = text.split("#")
    if len(rest) > 2:
        raise UserFacing(f"{text!r} has too many parts.", "Use DIR#MODEL#CONDITION.")
    folder = _folder(name)
    model, condition = (*rest, *("", "")[len(rest) :])
    if not model:
        models = list(dict.fromkeys(line.model for line in store.current_lines(folder)))
        if len(models) != 1:
            raise UserFacing(
                f"{name!r} holds {len(models)} models: {', '.join(models)}.", f"Name one: {name}#MODEL."
            )
        model = models[0]
    return scores.Side(folder, model, condition or "image")


def _folder(name: str) -> Path:

    folder = Path(name)
    if not store.has_results(folder):
        raise UserFacing(f"There are no results in {name!r}.", "Make them with `bench run --out DIR`.")
    return folder


def _open(args: argparse.Namespace, settings: Settings, folder: Path, models: Iterable[str]) -> "LLMJudge":
    """The judge, its record in `folder`; one that would judge its own answers is refused."""

    if args.at_once < 1:
        raise UserFacing(f"--at-once can't be {args.at_once}.", "Use a whole number from 1 up.")
    settings = with_servers(settings, filter(is_address, [args.judge]))
    judge = judging.open_judge(
        args.judge, args.judge_protocol, key=settings.keys.key_for(args.judge), folder=folder,
        timeout=settings.timeout, tries=settings.tries, tell=teller(), again=args.retry_failed,
    )  # fmt: skip
    if not isinstance(judge, judging.LLMJudge):
        raise UserFacing(
            f"{args.judge!r} judges reasoning, not answers.", "Give a server: http://host:8000/v1."
        )
    url, name = judge.address
    known = store.read_run(folder).get("models", {})
    for model in list(models) or known:
        if known.get(model, {}).get("label") == f"{name} at {url}":
            raise UserFacing("The judge is one of the models that it would judge.", "Choose another judge.")
    return judge


def _progress_writer(args: argparse.Namespace, say: Callable[..., str]) -> Callable[..., None]:
    """A listener that writes every so many; silent with --json."""

    def tell(done: int, *rest: int) -> None:
        if not args.json and (done % PROGRESS_EVERY == 0 or done in rest):
            sys.stderr.write(say(done, *rest))

    return tell


_ACTIONS: dict[str, Callable[[argparse.Namespace, Settings], Outcome]] = {
    "judge": _judge,
    "agreement": _agreement,
    "preference": _preference,
    "export": _export,
    "compare": _compare,
}
