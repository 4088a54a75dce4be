"""The lines of a run folder that count, sorted by model and condition, and how each was asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.bench.asking.conditions import OVERRIDES
from workbench.bench.scores.composite import composite_of
from workbench.bench.scores.numbers import Groups
from workbench.bench.store.marks import Marks, marks_of
from workbench.bench.store.results import PROTOCOL, Result, iter_results, read_run
from workbench.errors import UserFacing

SAMPLED, ANCHORED = "sampled", "anchored"
SEVERAL = (SAMPLED, ANCHORED)  # conditions with several answers an item
_REPEATED = (
    "item_id", "model", "condition", "question", "gold", "answer", "parse_status", "answer_letter",
    "gold_letter", "options", "finish", "mode", "revision", "judge", "judge_protocol", "image_group",
    "modality", "body_part", "task", "question_type", "answer_type", "dataset", "image", "setup",
)  # fmt: skip
Parts = Mapping[str, float | None]  # component of the composite reward -> its value; "total" too


@dataclass
class RunLines:
    """What a folder holds. `groups` has one line an item; `samples` per model and item the sampled lines in
    order, `anchored` those after given reasoning; `stale` counts lines of an earlier revision or
    protocol, which are left out.

    The text of a line is dropped once `composites` and `marks` (by key) have been computed from it: it is
    most of a line.
    """

    run: dict[str, Any]
    groups: Groups
    samples: dict[str, dict[str, list[Result]]]
    composites: dict[str, Parts]
    stale: int = 0
    judges: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)
    anchored: dict[str, dict[str, list[Result]]] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Names in the order of the run, those without a line left out."""
        return list(dict.fromkeys([*(model for model, _ in self.groups), *self.samples, *self.anchored]))

    def protocol(self, model: str, condition: str = "") -> str:
        """How a model was asked under a condition; without one, under those that change nothing about it."""
        own = [names for names in self.groups if names[0] == model]
        plain = [names for names in own if names[1] not in OVERRIDES]
        wanted = [names for names in own if names[1] == condition] or plain or own
        if not wanted:
            return self.sampled_protocol(model)
        return protocol_text(next(iter(self.groups[wanted[0]].values())), self.described(model))

    def sampled_protocol(self, model: str) -> str:
        """How a model was asked for its samples, or else after given reasoning."""
        several = self.samples.get(model) or self.anchored[model]
        return protocol_text(next(iter(several.values()))[0], self.described(model))

    def described(self, model: str) -> dict[str, Any]:
        """What `run.json` says about a model; {} without it."""
        return self.run.get("models", {}).get(model, {})


def load_lines(folder: Path) -> RunLines:
    """Read a folder once, line by line. Raises UserFacing when it holds no result that counts."""
    run = read_run(folder)
    found: dict[tuple[str, str], dict[str, Result]] = {
        (model, condition): {}
        for model, described in run.get("models", {}).items()
        for condition in described.get("conditions", ())
    }
    several: dict[str, dict[str, dict[str, dict[int, Result]]]] = {name: {} for name in SEVERAL}
    lines, shared = RunLines(run, {}, {}, {}), _Shared()
    for line in iter_results(folder):
        if not is_current(line, run):
            lines.stale += 1
            continue
        if line.judge:
            lines.judges[line.judge] = line.judge_protocol
        slim = shared.slim(line)
        if line.condition in SEVERAL:
            drawn = several[line.condition].setdefault(line.model, {}).setdefault(line.item_id, {})
            if replaces(line, drawn.get(line.sample)):
                drawn[line.sample] = slim
        else:
            group = found.setdefault((line.model, line.condition), {})
            if replaces(line, group.get(line.item_id)):
                group[line.item_id] = slim
            lines.composites[line.key] = shared.one(_parts(line))
            lines.marks[line.key] = shared.one(marks_of(line))
    lines.groups = {names: group for names, group in found.items() if group}
    lines.samples, lines.anchored = (
        {
            model: {item: [drawn[i] for i in sorted(drawn)] for item, drawn in items.items()}
            for model, items in several[condition].items()
        }
        for condition in SEVERAL
    )
    if not lines.groups and not lines.samples and not lines.anchored:
        raise UserFacing(f"{str(folder)!r} holds no results yet.", "Run `bench run --out DIR` first.")
    return lines


def current_lines(folder: Path) -> Iterator[Result]:
    """The lines of a folder that `is_current`, one at a time. Raises UserFacing as `iter_results`."""
    run = read_run(folder)
    return (line for line in iter_results(folder) if is_current(line, run))


def replaces(line: Result, earlier: Result | None) -> bool:
    """Whether a line stands in for one read before it in the same place: the item itself may have changed.

    Lines with an error are read last, whenever they were written, so an answer stays (a picture that could
    not be read and has since been mended leaves such an error under a key of its own).
    """
    return earlier is None or line.error is None or earlier.error is not None


class _Shared:
    """Equal strings and small dictionaries as one object: lines repeat each other, and there may be many."""

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}

    def one(self, value: Any) -> Any:
        """The first value equal to this one, itself where it can't be looked up; not to be changed."""
        key = (type(value), tuple(value.items()) if isinstance(value, dict) else value)
        try:
            return self._kept.setdefault(key, value)
        except TypeError:  # it holds a list
            return value

    def slim(self, line: Result) -> Result:
        """The line without its text, sharing what it can."""
        found = {name: self.one(getattr(line, name)) for name in _REPEATED}
        axes = line.axes and {self.one(axis): self.one(score) for axis, score in line.axes.items()}
        units = tuple(self.one(unit) for unit in line.units)
        return replace(line, text="", axes=axes, units=units, decoding=self.one(line.decoding), **found)


def is_current(line: Result, run: Mapping[str, Any]) -> bool:
    """Whether `run.json` names the model, setup and protocol of a line; always without a `run.json`.

    A field that the line's condition sets itself is not compared, but the decoding of sampled lines is, with
    the run's `sampling`; and a sample past the run's number of them is of an earlier run that drew more.
    """
    models = run.get("models")
    if not models:
        return True
    if line.model not in models:
        return False
    described = models[line.model]
    own = OVERRIDES.get(line.condition)
    if any(described.get(name) != getattr(line, name) for name in PROTOCOL if name != own):
        return False
    if (described.get("setup") or "") != line.setup:
        return False
    if line.condition != SAMPLED:
        return True
    sampling, samples = described.get("sampling"), described.get("samples")
    return (not samples or line.sample < samples) and (
        sampling is None or _same_sampling(sampling, line.decoding)
    )


def _same_sampling(stated: Mapping[str, Any], used: Mapping[str, Any]) -> bool:
    """Apart from the seed: each sample has its own."""
    names = (set(stated) | set(used)) - {"seed"}
    return all(stated.get(name) == used.get(name) for name in names)


def protocol_text(line: Result, described: Mapping[str, Any]) -> str:
    """Prompt, decoding, number format and judge in words."""
    temperature = line.decoding.get("temperature", 0)
    length = line.decoding.get("max_new_tokens")
    parts = (
        f"{line.mode} prompt",
        f"temperature {temperature:g}" if temperature else "greedy",
        _cut_text(line.decoding) if temperature else "",
        "asked again for a letter where none could be read" if line.decoding.get("recover") else "",
        f"at most {length} tokens" if length else "",
        str(described.get("dtype", "")).removeprefix("torch."),
        f"judge {line.judge}" if line.mode == "trace" else "",
    )
    return ", ".join(part for part in parts if part)


def _cut_text(decoding: Mapping[str, Any]) -> str:
    """How sampling was cut to the likeliest tokens, "" where it was not."""
    top_p, top_k = decoding.get("top_p", 1), decoding.get("top_k", 0)
    cuts = (f"top-p {top_p:g}" if top_p < 1 else "", f"top-k {top_k}" if top_k else "")
    return ", ".join(cut for cut in cuts if cut)


def one_line_an_item(lines: RunLines) -> list[Result]:
    """One line for each item; it carries the gold answer. Shuffled lines come last: their letters differ."""
    found: dict[str, Result] = {}
    for names in sorted(lines.groups, key=lambda names: names[1] == "shuffled_options"):
        for item_id, line in lines.groups[names].items():
            found.setdefault(item_id, line)
    for items in (*lines.samples.values(), *lines.anchored.values()):
        for item_id, drawn in items.items():
            found.setdefault(item_id, drawn[0])
    return list(found.values())


def regrouped(groups: Groups) -> int:
    """How many items lie in more than one image group: their lines were made from different item files."""
    found: dict[str, set[str]] = {}
    for lines in groups.values():
        for item_id, line in lines.items():
            found.setdefault(item_id, set()).add(line.image_group)
    return sum(len(names) > 1 for names in found.values())


def chosen(line: Result) -> str | None:
    """Text of the option that was chosen."""
    letters = [chr(ord("A") + i) for i in range(len(line.options))]
    return line.options[letters.index(line.answer_letter)] if line.answer_letter in letters else None


def answered(lines: Iterable[Result]) -> list[Result]:
    """Lines of items that did not fail."""
    return [line for line in lines if line.error is None]


def _parts(line: Result) -> Parts:
    found = composite_of(line)
    return {part.name: part.value for part in found.components} | {"total": found.total}


def labels(models: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Name of a model -> how it is called for people."""
    return {model["name"]: model.get("label") or model["name"] for model in models}
