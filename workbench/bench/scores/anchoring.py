"""Anchoring: what becomes of answers that begin with reasoning which leans elsewhere (MedSSR's traces)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.bench.scores.numbers import Number, number
from workbench.bench.store.results import Result


@dataclass(frozen=True)
class Anchoring:
    """Answers after given reasoning, one a trace, beside the plain answers to the same items.

    `accuracy` is over all traces, `plain` over their items asked plainly. `flipped` is the share of traces
    that turn a right plain answer wrong, its n those on items answered right; `mended` that of wrong ones
    made right. None where the items were not asked plainly. Intervals resample items (`image_group`).
    """

    n_items: int
    n_traces: int
    invalid: int
    accuracy: Number
    plain: Number | None
    flipped: Number | None
    mended: Number | None


def anchoring(items: Mapping[str, Sequence[Result]], plain: Mapping[str, Result], protocol: str) -> Anchoring:
    """The figures of one model from its anchored lines by item and its plain lines; failed ones left out."""
    traces = [line for lines in items.values() for line in lines if line.error is None]
    known = [line for line in traces if (own := plain.get(line.item_id)) is not None and not own.error]

    def share(lines: Sequence[Result], of: bool) -> Number | None:
        groups = [line.image_group for line in lines]
        hits = [bool(line.correct) is of for line in lines]
        return number(hits, groups, f"{protocol}; reasoning given") if lines else None

    asked = {line.item_id: plain[line.item_id] for line in known}
    right = [line for line in known if plain[line.item_id].correct]
    wrong = [line for line in known if not plain[line.item_id].correct]
    return Anchoring(
        n_items=len({line.item_id for line in traces}),
        n_traces=len(traces),
        invalid=sum(line.invalid for line in traces),
        accuracy=number(
            [bool(line.correct) for line in traces],
            [line.image_group for line in traces],
            f"{protocol}; reasoning given",
        ),
        plain=share(list(asked.values()), True),
        flipped=share(right, False),
        mended=share(wrong, True),
    )
