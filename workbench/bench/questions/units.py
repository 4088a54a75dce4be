"""Rubric units: what a good trace says, on which axis, and how a trace fared (as in OpenMedReason)."""

from dataclasses import dataclass

from workbench.traces import Axis


@dataclass(frozen=True)
class Unit:
    """One statement that a trace is checked for; `importance` is kept but plays no part in the scores."""

    unit_id: str
    axis: Axis
    topic: str
    claim: str
    presence_question: str = ""
    correctness_question: str = ""
    source_quote: str = ""
    importance: str = "core"


@dataclass(frozen=True)
class UnitScore:
    """A judge's verdict on one unit.

    `presence`: 0 absent, 1 vague, 2 clear. `correctness`: 1 right, 0 not applicable, -1 wrong; an absent unit
    has correctness 0. Raises ValueError for anything else.
    """

    unit_id: str
    axis: Axis
    presence: int
    correctness: int

    def __post_init__(self) -> None:
        if self.presence not in (0, 1, 2) or self.correctness not in (-1, 0, 1):
            raise ValueError(f"no such verdict: presence {self.presence}, correctness {self.correctness}")
        if self.presence == 0 and self.correctness != 0:
            raise ValueError("an absent unit is neither right nor wrong")
