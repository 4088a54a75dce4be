"""Votes on disk: a line a question, added a batch at a time, so that nothing is asked twice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.store.jsonl import JsonLines
from workbench.errors import UserFacing
from workbench.traces.voting import Vote
from workbench.training.sft.records import Record


@dataclass(frozen=True)
class Labelled:
    """One question with its vote. `gold` is for measuring alone; `asked` says of whom and how it was asked.

    `reasoning` is the trace of the likeliest sample among the winners that has one, else "". `image` is the
    picture's path below the folder of the labels.
    """

    record_id: str
    question: str
    options: tuple[str, ...]
    gold: str
    rare: bool
    tag: str
    source: str
    image: str | None
    vote: Vote
    reasoning: str
    asked: dict[str, Any]

    def record(self, folder: Path, threshold: float) -> Record | None:
        """The training record with the self-made label, None when its confidence is too low.

        Nothing of the gold annotation is in it: neither the answer nor the boxes.
        """
        label = self.vote.kept(threshold)
        if label is None:
            return None
        return Record(
            self.record_id,
            self.question,
            label,
            folder / self.image if self.image else None,
            self.options,
            self.reasoning,
            self.tag,
            rare=self.rare,
            source=f"{self.source}, self-labelled",
        )

    def as_json(self) -> dict[str, Any]:
        """What a line holds, with confidence, agreement and invalid rate written out for the reader."""
        vote = self.vote
        own = {name: value for name, value in vars(self).items() if name != "vote"}
        counted = vars(vote) | {
            "confidence": round(vote.confidence, 6),
            "agreement": round(vote.agreement, 6),
            "invalid_rate": round(vote.invalid_rate, 6),
        }
        return own | {"vote": counted}


def label_from_json(row: dict[str, Any]) -> Labelled:
    """The opposite of `Labelled.as_json`. Raises ValueError, KeyError or TypeError for anything else."""
    vote = row["vote"]
    histogram = tuple((str(answer), int(count)) for answer, count in vote["histogram"])
    counted = Vote(vote["label"], histogram, vote["samples"], vote["invalid"], tuple(vote["winners"]))
    return Labelled(**row | {"options": tuple(row["options"]), "vote": counted})


def label_file(folder: Path, rank: int) -> JsonLines:
    """The file that process `rank` adds to."""
    return JsonLines(folder / f"labels-{rank:03d}.jsonl")


def read_labels(folder: Path, asked: dict[str, Any]) -> dict[str, Labelled]:
    """Whole lines of every label file of a folder by record id.

    Raises UserFacing for a line that can't be read, and for votes that were collected otherwise than `asked`
    says: votes of two models or two temperatures do not belong in one set.
    """
    found: dict[str, Labelled] = {}
    hint = "Delete that line; the question is asked again."
    for path in sorted(folder.glob("labels-*.jsonl")):
        for _, row in JsonLines(path).parsed(label_from_json, what="a label", hint=hint):
            other = sorted(name for name, value in asked.items() if row.asked.get(name) != value)
            if other:
                what = f"The labels in {folder} were made with another {', '.join(other)}."
                raise UserFacing(what, "Use the same settings to go on, or another folder to start afresh.")
            found[row.record_id] = row
    return found
