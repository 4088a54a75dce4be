"""The knowledge file: what each condition is called, looks like and means, and how to ask for it."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from workbench.phantoms import Kind
from workbench.phantoms.questions import brain, chest, fundus
from workbench.phantoms.questions.findings import Finding, FindingTable

PATH = Path(__file__).parent / "knowledge.json"
Field = Literal["name", "looks", "kind"]
_TABLES: dict[Kind, FindingTable] = {"chest": chest.TABLE, "brain": brain.TABLE, "fundus": fundus.TABLE}


@dataclass(frozen=True)
class Template:
    """A question and which field of its condition answers it."""

    ask: str
    answer: Field


@dataclass(frozen=True)
class Condition:
    """`looks` fills "The image shows …", `sign` "There is no …"; `fact` is a sentence.

    `also` names conditions that the same picture shows as well, so that they are no wrong answer to it.
    """

    name: str
    kind: Kind
    rare: bool
    looks: str
    sign: str
    fact: str
    also: tuple[str, ...]
    questions: tuple[Template, ...]


@dataclass(frozen=True)
class Knowledge:
    """`kinds` says what a kind of picture is called, those without a condition of their own included."""

    kinds: dict[str, str]
    conditions: tuple[Condition, ...]

    def field(self, condition: Condition, which: Field) -> str:
        """The text of a condition's field as an answer."""
        return self.kinds[condition.kind] if which == "kind" else str(getattr(condition, which))

    def wrong(self, condition: Condition, which: Field) -> list[str]:
        """Texts that do not answer: the other kinds, or the field of other conditions of the same kind."""
        if which == "kind":
            return [name for kind, name in self.kinds.items() if kind != condition.kind]
        return [
            self.field(other, which)
            for other in self.conditions
            if other.kind == condition.kind
            and other.name != condition.name
            and other.name not in condition.also
            and condition.name not in other.also
        ]


@cache
def load_knowledge(path: Path = PATH) -> Knowledge:
    """Read a knowledge file (format: `knowledge.json` here)."""
    data = json.loads(path.read_text(encoding="utf-8"))
    conditions = []
    for row in data["conditions"]:
        asked = tuple(Template(**template) for template in row["questions"])
        conditions.append(Condition(**row | {"also": tuple(row["also"]), "questions": asked}))
    return Knowledge(data["kinds"], tuple(conditions))


def findings_table(kind: Kind, drawn: str, knowledge: Knowledge) -> FindingTable:
    """The kind's findings, rare ones included, for questions on a picture that shows `drawn`.

    Rare names are among the wrong options of common pictures too: a rare option would else be the answer.
    """
    ordinary = _TABLES[kind]
    rows = dict(ordinary.findings)
    for condition in knowledge.conditions:
        if condition.kind == kind and condition.rare:
            rows[condition.name] = Finding(condition.looks, condition.fact, condition.name, condition.sign)
    implied = next((c.also for c in knowledge.conditions if c.name == drawn), ())
    return FindingTable(
        ordinary.modality, ordinary.zones, {name: row for name, row in rows.items() if name not in implied}
    )


def drawable_kinds() -> tuple[Kind, ...]:
    """Kinds of picture whose conditions can be drawn."""
    return tuple(_TABLES)


def ordinary_findings(kind: Kind) -> tuple[str, ...]:
    """What the ordinary drawer of a kind draws, the healthy "none" included."""
    return tuple(_TABLES[kind].findings)
