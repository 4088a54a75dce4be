"""What answers rest on: picture, order of the options, way of asking. Per model, paired by item."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workbench.bench.scores.measure import Measure, joint_protocol
from workbench.bench.scores.numbers import Number, Paired, difference, number
from workbench.bench.store.results import Result
from workbench.bench.store.run_lines import chosen
from workbench.traces import normalise_answer

Same = Callable[[Result, Result], bool]


def image_effect(measure: Measure, without: str = "blank") -> dict[str, Paired]:
    """model -> accuracy with its picture − accuracy under `without` ("blank", "shuffled_image"), same items.

    The visual reliance score of arXiv 2603.03437, with McNemar's table: its first side is `without`.
    """
    found = {}
    for model in measure.models:
        less, full = (measure.groups.get((model, condition)) for condition in (without, "image"))
        if less and full:
            found[model] = difference(less, full, "accuracy", measure.protocols[model, "image"])
    return found


def shuffle_consistency(measure: Measure) -> dict[str, Number]:
    """model -> share of items with the same option text chosen after shuffling; none chosen is not."""
    return _shares(
        measure, "shuffled_options", lambda plain, mixed: chosen(plain) == chosen(mixed) is not None
    )


def image_sensitivity(measure: Measure) -> dict[str, Number]:
    """model -> share of items whose answer changes when another patient's picture is shown.

    No answer both times is no change. Options are compared by the one chosen, open answers after normalising.
    """
    return _shares(
        measure, "shuffled_image", lambda own, other: comparable_answer(own) != comparable_answer(other)
    )


def comparable_answer(line: Result) -> str | None:
    """What a line answers, to be compared: the option chosen, or the normalised words; None for nothing."""
    return chosen(line) if line.options else normalise_answer(line.answer or "") or None


def _shares(measure: Measure, condition: str, same: Same) -> dict[str, Number]:
    """Share of the items for which `same` holds of the line with the picture and that of a condition."""
    found = {}
    for model in measure.models:
        plain, changed = (measure.groups.get((model, name), {}) for name in ("image", condition))
        shared = [
            item for item in changed if item in plain and not changed[item].error and not plain[item].error
        ]
        if shared:
            hits = [same(plain[item], changed[item]) for item in shared]
            clusters = [plain[item].image_group for item in shared]
            found[model] = number(hits, clusters, measure.protocols[model, "image"])
    return found


@dataclass(frozen=True, kw_only=True)
class PromptEffect(Paired):
    """Accuracy asked for reasoning − asked for the answer only; `first`, `second` name the conditions."""

    first: str
    second: str


def prompt_effect(measure: Measure) -> dict[str, PromptEffect]:
    """model -> its prompt effect, on the same items.

    The plain condition "image" stands in for the prompt mode that it was run with.
    """
    found = {}
    for model in measure.models:
        short, trace = (_asked(measure, model, mode) for mode in ("short", "trace"))
        if short and trace:
            pair = (model, short), (model, trace)
            protocol = joint_protocol(*(measure.protocols[names] for names in pair))
            gap = difference(*(measure.groups[names] for names in pair), "accuracy", protocol)
            found[model] = PromptEffect(**vars(gap), first=short, second=trace)
    return found


def _asked(measure: Measure, model: str, mode: str) -> str | None:
    """The condition with the picture shown under which a model was asked in a prompt mode."""
    for condition in (f"{mode}_prompt", "image"):
        lines: Mapping[str, Result] = measure.groups.get((model, condition), {})
        if lines and next(iter(lines.values())).mode == mode:
            return condition
    return None
