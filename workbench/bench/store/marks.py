"""What a stored text says against itself and against its picture."""

from dataclasses import dataclass

from workbench.bench.store.results import Result
from workbench.traces import ModalityCheck, Trace, check_modality, contradictions, parse_trace

OTHER_PICTURES = ("blank", "shuffled_image")  # the item's modality says nothing about what was shown there


@dataclass(frozen=True)
class Marks:
    """`modality` is the state of `traces.ModalityCheck`; `tag_right` None where it can't be said.

    `contradicts` says whether words of the reasoning disagree with the answer; None without both.
    """

    modality: str
    tag_right: bool | None
    contradicts: bool | None


def marks_of(line: Result) -> Marks:
    """The marks of one line; of a failed one there is nothing to say."""
    if line.error is not None:
        return Marks("no tag", None, None)
    trace = parse_trace(line.text, line.options)
    check = _check(line, trace)
    found = contradictions(trace, line.options, line.question)
    both = bool(trace.steps) and trace.answer_text is not None
    return Marks(check.state, check.counts, bool(found) if both else None)


def remarks_of(line: Result, trace: Trace) -> tuple[str, ...]:
    """Sentences on a tag that does not fit the picture, and on every contradiction of a line's trace."""
    check = _check(line, trace)
    found = contradictions(trace, line.options, line.question)
    warned = (check.sentence,) if check.warns else ()
    return (*warned, *(f"Contradiction: {entry.sentence}" for entry in found))


def _check(line: Result, trace: Trace) -> ModalityCheck:
    known = None if line.condition in OTHER_PICTURES else line.modality
    return check_modality(trace, known, "the data set")
