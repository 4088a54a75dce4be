"""An answered case as text for a terminal and as HTML for a notebook."""

import secrets
import string
from collections.abc import Mapping

from workbench.cases.answered import AnsweredCase
from workbench.cases.column import Column
from workbench.cases.maps import case_maps
from workbench.viewer.page import viewer_frame, viewer_page
from workbench.viewer.payload import viewer_payload

NO_REASONING = "The model gives no reasoning with this answer; `explain` still maps the answer itself."


def case_text(case: AnsweredCase) -> str:
    """The trace step by step, the answer and its options' probabilities, a line each."""
    trace = case.trace
    lines = [f"{case.model.label}, {case.answer.seconds:.1f} s"]
    check = case.modality_check()
    if check.warns:
        lines.append(f"Warning: {check.sentence}")
    elif trace.modality:
        lines.append(f"Modality: {trace.modality}")
    lines += [f"{step.index + 1}. [{step.axis}] {' '.join(step.text.split())}" for step in trace.steps]
    if trace.status == "no_trace":
        lines.append(NO_REASONING)
    elif trace.status != "ok" and not case.answer.recovered:
        lines.append(f"The answer could be read only in part ({trace.status}).")
    final = case.final_answer
    letter = f" ({trace.answer_letter})" if trace.answer_letter else ""
    lines.append(f"Answer: {final}{letter}" if final else "The model gave no final answer.")
    if case.answer.recovered:
        lines.append("Recovered: no option could be read, so the model was asked again for one letter.")
    for letter, option, p in zip(
        string.ascii_uppercase, case.question.options, case.option_probabilities or (), strict=False
    ):
        lines.append(f"  {letter}. {option}: {p:.0%}")
    lines += [f"Contradiction: {found.sentence}" for found in case.contradictions]
    return "\n".join(lines)


def case_html(case: AnsweredCase, method: str = "attention_mean") -> str:
    """The viewer with the case in it, in a frame: the same scripts as on the page; maps by `method`."""
    return cases_html({"tuned": case}, method)


def cases_html(cases: Mapping[str, AnsweredCase], method: str = "attention_mean") -> str:
    """Cases about one image side by side; the keys are "base" and "tuned", in showing order."""
    columns = {
        key: Column(case.model.name, case.model.label, "done", case=case) for key, case in cases.items()
    }
    first = next(iter(cases.values()))
    payload = viewer_payload(
        secrets.token_hex(4),
        first.image,
        columns,
        {key: case_maps(case, method) for key, case in cases.items()},
        titles={key: case.model.label for key, case in cases.items()},
        subtitles={key: f"revision {case.model.revision}" for key, case in cases.items()},
        images=first.images,
    )
    return viewer_frame(viewer_page(payload, first.question.text))
