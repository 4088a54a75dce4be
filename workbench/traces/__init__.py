"""From generated text to a trace: steps with axes and spans, the answer, and how it was found."""

from workbench.traces.axes import AXIS_RULE, label_axis
from workbench.traces.modalities import MODALITIES, tag_of, tags_that_fit
from workbench.traces.modality_check import ModalityCheck, check_modality
from workbench.traces.normalise import answers_match, is_yes_no, normalise_answer
from workbench.traces.parser import parse_trace
from workbench.traces.resolve import resolve_option
from workbench.traces.self_contradiction import Contradiction, contradictions
from workbench.traces.steps import split_sentences
from workbench.traces.trace import AXES, Axis, Status, Step, Trace
from workbench.traces.words import WordSpan, locate_tokens, split_words, token_span

__all__ = [
    "AXES",
    "AXIS_RULE",
    "MODALITIES",
    "Axis",
    "Contradiction",
    "ModalityCheck",
    "Status",
    "Step",
    "Trace",
    "WordSpan",
    "answers_match",
    "check_modality",
    "contradictions",
    "is_yes_no",
    "label_axis",
    "locate_tokens",
    "normalise_answer",
    "parse_trace",
    "resolve_option",
    "split_sentences",
    "split_words",
    "tag_of",
    "tags_that_fit",
    "token_span",
]
