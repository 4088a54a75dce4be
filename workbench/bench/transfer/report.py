"""From tested probes to one JSON and one CSV, and from the JSON to a table; nothing here runs a model."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.scores.statistics import Interval, proportion_interval
from workbench.bench.transfer import scores
from workbench.bench.transfer.features import POOLING
from workbench.bench.transfer.pictures import PictureSet
from workbench.bench.transfer.probe import FOLDS, LinearProbe
from workbench.errors import UserFacing

JSON_FILE, CSV_FILE = "transfer.json", "transfer.csv"
SCHEMA = 1
PIXELS = "pixels 16 × 16"
FEW = 10
PROTOCOL = (
    "linear probe on frozen features: multinomial logistic regression on the standardised "
    f"{POOLING}, L2 chosen by {FOLDS} inner folds by group; no weight of the model is changed"
)
CAVEAT = (
    "OpenMedQ fine-tuned the encoder and a linear head for 100 epochs on each set; this is a linear probe on "
    "frozen features, so its published macro-F1 and these figures do not compare."
)
_HINT = "Make it with `bench transfer --images FOLDER|CSV --out DIR`."


@dataclass(frozen=True)
class Tested:
    """One column: a model (or the pixels), its probe, and probabilities `[test pictures, K]`."""

    probe: LinearProbe
    probabilities: np.ndarray


def build_transfer(
    found: PictureSet,
    columns: Sequence[Tested],
    tested: np.ndarray,
    remarks: Sequence[str],
    *,
    seed: int,
    test_share: float | None,
    date: str,
) -> dict[str, Any]:
    """The report of probes that were fitted and tested on the same pictures.

    `models` holds `macro_f1` and `accuracy` (each `{value, low, high, n, n_groups, method, origin,
    protocol}`), `classes`, `confusion` (rows gold) and the penalty of each; `baselines` macro-F1 without a
    model; `differences` paired ones, second − first. Intervals are 95 %, resampled by group.
    """
    classes = columns[0].probe.classes
    gold_all = np.array([classes.index(picture.label) for picture in found.pictures], np.int64)
    train, gold = gold_all[~tested], gold_all[tested]
    groups = [picture.group for picture, test in zip(found.pictures, tested, strict=True) if test]
    given = {column.probe.model: column.probabilities.argmax(1) for column in columns}
    tables = {name: scores.group_tables(gold, made, groups, len(classes)) for name, made in given.items()}
    guess = scores.majority_guess(train, len(gold))
    majority = scores.confusion(gold, guess, len(classes))
    return {
        "schema": SCHEMA,
        "date": date,
        "origin": "measured",
        "source": found.name,
        "protocol": PROTOCOL,
        "caveat": CAVEAT,
        "split": {
            "given": found.has_split, "by_group": found.has_groups, "test_share": test_share, "seed": seed,
            "train": int((~tested).sum()), "test": int(tested.sum()), "test_groups": len(set(groups)),
        },
        "classes": {
            name: {"train": int((train == number).sum()), "test": int((gold == number).sum())}
            for number, name in enumerate(classes)
        },
        "left_out": dict(sorted(Counter(fault.reason for fault in found.bad).items())),
        "bad": [asdict(fault) for fault in found.bad],
        "models": {
            column.probe.model: {"revision": column.probe.revision}
            | _figures(tables[column.probe.model], gold == given[column.probe.model], groups, classes)
            | {"penalty": column.probe.penalty, "features": len(column.probe.centre)}
            for column in columns
        },
        "baselines": {
            "majority": {"macro_f1": float(scores.macro_f1(majority)), "class": classes[int(guess[0])]},
            "random": {"macro_f1": scores.random_f1(train, gold, len(classes))},
        },
        "differences": _differences(tables),
        "remarks": [*remarks, *_remarks(found, classes, train, gold)],
    }  # fmt: skip


def _figures(
    tables: np.ndarray, right: np.ndarray, groups: Sequence[str], classes: Sequence[str]
) -> dict[str, Any]:
    table = tables.sum(0)
    hits = [bool(hit) for hit in right]
    return {
        "macro_f1": _number(float(scores.macro_f1(table)), scores.interval(tables), len(hits), len(tables)),
        "accuracy": _number(sum(hits) / len(hits), proportion_interval(hits, groups), len(hits), len(tables)),
        "classes": [asdict(figures) for figures in scores.class_figures(table, classes)],
        "confusion": table.tolist(),
    }


def _number(value: float, interval: Interval | None, n: int, n_groups: int) -> dict[str, Any]:
    return {
        "value": value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "n": n,
        "n_groups": n_groups,
        "method": "no interval: fewer than two groups, or all resamples equal"
        if interval is None
        else interval.method,
        "origin": "measured",
        "protocol": PROTOCOL,
    }


def _differences(tables: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Every later model minus the first one, and every model minus the pixels."""
    models = [name for name in tables if name != PIXELS]
    pairs = [(models[0], other) for other in models[1:]] + [(PIXELS, model) for model in models]
    found = []
    for first, second in pairs:
        one, two = tables[first], tables[second]
        value = float(scores.macro_f1(two.sum(0)) - scores.macro_f1(one.sum(0)))
        tested = scores.swap_p(one, two)
        number = _number(value, scores.difference_interval(one, two), int(one.sum()), len(one))
        p, test = tested if tested else (None, "")
        found.append({"first": first, "second": second, "macro_f1": number, "p": p, "test": test})
    return found


def _remarks(found: PictureSet, classes: Sequence[str], train: np.ndarray, gold: np.ndarray) -> list[str]:
    said = []
    if not found.has_groups:
        said.append(
            "No groups were given: pictures of one patient may be learnt from and tested on, which flatters "
            "every figure. Name them in a CSV column `group`."
        )
    few = [
        f"{name} ({learnt} and {tested})"
        for number, name in enumerate(classes)
        if min(learnt := int((train == number).sum()), tested := int((gold == number).sum())) < FEW
    ]
    if few:
        said.append(
            f"Fewer than {FEW} pictures to learn from or to test on; figures of these classes say little: "
            f"{', '.join(few)}."
        )
    return said


def write_transfer(folder: Path, report: Mapping[str, Any]) -> None:
    """Write `transfer.json` and `transfer.csv`."""
    text = json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    (folder / JSON_FILE).write_text(text, encoding="utf-8")
    (folder / CSV_FILE).write_text(as_csv(report), encoding="utf-8")


def load_transfer(path: str | Path) -> dict[str, Any]:
    """A report from its JSON file or its folder; see `build_transfer` for the fields.

    Raises UserFacing for a missing file, or one that is no such report.
    """
    file = Path(path)
    file = file / JSON_FILE if file.is_dir() else file
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserFacing(f"There is no transfer report at {str(file)!r}.", _HINT) from error
    wanted = {"models", "baselines", "differences", "split", "classes", "remarks"}
    if not isinstance(report, dict) or report.get("schema") != SCHEMA or not wanted <= report.keys():
        raise UserFacing(f"{str(file)!r} is no transfer report.", _HINT)
    return report


def summary_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of macro-F1 and accuracy: every model, the pixels, and the two guesses."""
    header = ["model", "revision", "macro-F1", "accuracy", "n", "groups"]
    rows = []
    for name, found in report["models"].items():
        macro, share = found["macro_f1"], found["accuracy"]
        rows.append(
            [name, found["revision"], _span(macro), _span(share), str(macro["n"]), str(macro["n_groups"])]
        )
    guesses = report["baselines"]
    rows.append(
        [f"always {guesses['majority']['class']}", "", f"{guesses['majority']['macro_f1']:.3f}", "", "", ""]
    )
    rows.append(["random, as often as learnt", "", f"{guesses['random']['macro_f1']:.3f}", "", "", ""])
    return header, rows


def class_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of every class of every model."""
    header = ["model", "class", "precision", "recall", "F1", "support"]
    rows = [
        [
            name,
            one["name"],
            *(f"{one[part]:.3f}" for part in ("precision", "recall", "f1")),
            str(one["support"]),
        ]
        for name, found in report["models"].items()
        for one in found["classes"]
    ]
    return header, rows


def difference_lines(report: Mapping[str, Any]) -> list[str]:
    """A sentence a paired difference."""
    return [
        f"{one['second']} − {one['first']}: macro-F1 {_span(one['macro_f1'], '+')}, "
        + (f"p = {one['p']:.3g} ({one['test']})." if one["p"] is not None else "no test.")
        for one in report["differences"]
    ]


def as_text(report: Mapping[str, Any]) -> str:
    """The whole report in plain text."""
    split = report["split"]
    how = (
        "the split it names" if split["given"] else f"split by {'group' if split['by_group'] else 'picture'}"
    )
    lines = [
        f"Encoder transfer on {report['source']}: {split['train']} pictures learnt from, {split['test']} "
        f"tested on ({split['test_groups']} groups; {how}, seed {split['seed']}).",
        *_table(*summary_rows(report)),
        *difference_lines(report),
        *_table(*class_rows(report)),
    ]
    for name, found in report["models"].items():
        if name != PIXELS:
            lines += [f"{name}: rows are the true classes, columns what was said."]
            classes = [one["name"] for one in found["classes"]]
            cells = [[kind, *map(str, row)] for kind, row in zip(classes, found["confusion"], strict=True)]
            lines += _table(["", *classes], cells)
    lines += [f"Left out: {count} ({reason})." for reason, count in report["left_out"].items()]
    lines += report["remarks"]
    return "\n".join(
        [*lines, f"Measured; {report['protocol']}. 95 % intervals in brackets.", report["caveat"]]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[at]) for line in [header, *rows]) for at in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [header, *rows]
    ]


def _span(number: Mapping[str, Any], sign: str = "") -> str:
    shown = f"{number['value']:{sign}.3f}"
    if number["low"] is None:
        return shown
    return f"{shown} [{number['low']:{sign}.3f}, {number['high']:{sign}.3f}]"


def as_csv(report: Mapping[str, Any]) -> str:
    """One line a figure: macro-F1, accuracy and the parts of every class, with n, interval and origin."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["model", "revision", "figure", "class", "value", "low", "high", "n", "origin", "protocol", "date"]
    )
    end = (report["origin"], report["protocol"], report["date"])
    for name, found in report["models"].items():
        for figure in ("macro_f1", "accuracy"):
            one = found[figure]
            writer.writerow(
                [name, found["revision"], figure, "", one["value"], one["low"], one["high"], one["n"], *end]
            )
        for kind in found["classes"]:
            for part in ("precision", "recall", "f1"):
                row = [name, found["revision"], part, kind["name"], kind[part], None, None, kind["support"]]
                writer.writerow([*row, *end])
    for guess, one in report["baselines"].items():
        writer.writerow(
            [guess, "", "macro_f1", "", one["macro_f1"], None, None, report["split"]["test"], *end]
        )
    for one in report["differences"]:
        number = one["macro_f1"]
        name = f"{one['second']} − {one['first']}"
        row = [
            name,
            "",
            "macro_f1 difference",
            "",
            number["value"],
            number["low"],
            number["high"],
            number["n"],
        ]
        writer.writerow([*row, *end])
    return text.getvalue()
