"""How results of the Probe screen look: plain HTML with every text escaped, and the region picker.

Only trusted structure is written here. `safe` also takes away what a JavaScript template string would
evaluate, so that a text can't run whichever way Gradio fills it in.
"""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from workbench.ui.probe.desk import Panel
from workbench.ui.viewer.payload import png_data_url

if TYPE_CHECKING:
    from workbench.explain.interventions import Effect, Outcome, Regenerated, ShuffleOutcome, TraceOutcome
    from workbench.traces.trace import Trace

SHOWN_SIDE = 420  # pixels of the longest side of the small pictures
STRONG = 2.0  # nats at which a word has its full colour
NOTED = 0.5  # nats from which a word carries its number
MARKS = {"yes": "●", "no": "○", "unclear": "◐", "not tested": "–"}
LEGEND = (
    "Orange words became less probable, blue ones more probable; the number is Δ log p in nats, the change "
    f"of the natural logarithm (−0.69 halves a probability). Words under {NOTED:g} carry no number: point at "
    "one to read it. The underlined words are the final answer."
)
SAME = {True: "Same answer", False: "Different answer", None: "No answer to compare"}
_ENTITIES = {ord(mark): f"&#{ord(mark)};" for mark in "$`{}\\"}


def safe(text: Any) -> str:
    """Text as HTML that shows it and nothing else."""
    return html.escape(str(text)).translate(_ENTITIES)


def signed(value: float | None) -> str:
    """A change with its sign and two decimals; a true minus; an en dash for none."""
    if value is None:
        return "–"
    shown = f"{value:+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown.replace("-", "−")


def results_html(panels: Sequence[Panel]) -> str:
    """All panels side by side."""
    return f'<div class="pb-panels">{"".join(map(_panel, panels))}</div>' if panels else ""


def _panel(panel: Panel) -> str:
    body, fault = "", ""
    if panel.fault:
        fault = _notice(panel.fault["message"], panel.fault["hint"])
    if panel.outcome is not None:
        draw = {"Outcome": _picture, "TraceOutcome": _trace, "ShuffleOutcome": _shuffle}
        body = draw[type(panel.outcome).__name__](panel.original, panel.outcome)
    return f'<section class="pb-panel"><h4>{safe(panel.title)}</h4>{fault}{_verdicts(panel)}{body}</section>'


def _verdicts(panel: Panel) -> str:
    """What was tested as chips; what was not in one line."""
    tested = "".join(_chip(verdict) for verdict in panel.verdicts if verdict.state != "not tested")
    rest = [f"{v.title} ({v.sentence.rstrip('.')})" for v in panel.verdicts if v.state == "not tested"]
    chips = f'<ul class="pb-chips">{tested}</ul>' if tested else ""
    return chips + (f'<p class="wb-small">Not tested: {safe("; ".join(rest))}.</p>' if rest else "")


def _chip(verdict: Any) -> str:
    state = verdict.state
    return (
        f'<li class="pb-chip pb-{state.replace(" ", "-")}"><details><summary>{MARKS[state]} '
        f"<b>{safe(verdict.title)}: {state}</b><span>{safe(verdict.sentence)}</span></summary>"
        f"<p>Rule: {safe(verdict.rule)}</p></details></li>"
    )


def _notice(message: str, hint: str = "") -> str:
    return f'<div class="wb-notice" role="alert"><strong>{safe(message)}</strong> {safe(hint)}</div>'


def _picture(original: "Trace", outcome: "Outcome") -> str:
    refused = _notice(outcome.refused.reason, outcome.refused.hint) if outcome.refused else ""
    effect = outcome.effect
    if effect is None:
        return refused
    notes = " ".join(part for part in (outcome.note, outcome.control_note) if part)
    answers = [("First answer", original, None)]
    answers += _rewritten("After the change", outcome.regenerated)
    if outcome.control is not None:
        answers += _rewritten("After the same to the control", outcome.control_regenerated)
    return (
        f'<p class="pb-lead">{_lead(outcome.label, effect)}</p>{_controls(outcome.controls)}'
        f'<p class="wb-small">{safe(notes)}</p><p class="pb-words">{_words(effect)}</p>'
        f'<p class="wb-small">{safe(LEGEND)}</p>{_steps(effect, outcome.controls)}'
        f"{refused}{_answers(answers)}"
    )


def _lead(label: str, effect: "Effect") -> str:
    part = "" if effect.answer is None else f" Final answer alone: Δ {signed(effect.answer)}."
    return (
        f"<b>{safe(label.capitalize())}:</b> the words of the first answer became {factor(effect.total)} "
        f"(Δ {signed(effect.total)} nats).{part} Measured in {effect.seconds:.2f} s."
    )


def factor(delta: float) -> str:
    """A change of log probability in words: "7.4 times less probable"."""
    size = math.exp(min(abs(delta), 700))
    if size < 1.05:
        return "neither more nor less probable"
    number = f"{size:.1f}" if size < 100 else f"{size:,.0f}" if size < 1e5 else "over 100,000"
    return f"{number} times {'less' if delta < 0 else 'more'} probable"


def _controls(controls: "Sequence[Effect]") -> str:
    if not controls:
        return ""
    numbers = ", ".join(signed(control.total) for control in controls)
    what = f"{len(controls)} control region{'s' if len(controls) > 1 else ''} of equal area"
    return f'<p class="pb-control"><b>Control:</b> the same done to {what}: Δ {numbers}.</p>'


def _words(effect: "Effect") -> str:
    return "".join(safe(word.glue) + _word(word.text, word.delta, word.in_answer) for word in effect.words)


def _word(text: str, delta: float, in_answer: bool) -> str:
    shown = signed(delta)
    number = f"<sub>{shown}</sub>" if abs(delta) >= NOTED else ""
    sign = "down" if delta < 0 else "up"
    return (
        f'<span class="pb-word{" pb-answer" if in_answer else ""}" data-sign="{sign}" '
        f'style="--pb:{min(abs(delta) / STRONG, 1):.2f}" title="Δ {shown} nats">{safe(text)}{number}</span>'
    )


def _steps(effect: "Effect", controls: "Sequence[Effect]") -> str:
    rows = [
        (f"{at + 1}. {step.text}", step.axis, signed(step.delta), _of(controls, at))
        for at, step in enumerate(effect.steps)
    ]
    if effect.answer is not None:
        first = controls[0].answer if controls else None
        rows.append(("Final answer", "", signed(effect.answer), signed(first)))
    heads = ("Step", "Axis", "Δ log p") + (("Control",) if controls else ())
    return table([row[: len(heads)] for row in rows], heads, "Change of each step, nats") if rows else ""


def _of(controls: "Sequence[Effect]", step: int) -> str:
    return signed(controls[0].steps[step].delta) if controls else ""


def table(rows: Iterable[Sequence[Any]], heads: Sequence[str], caption: str) -> str:
    """A plain table; every cell is escaped."""
    head = "".join(f'<th scope="col">{safe(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wb-table" tabindex="0" role="region" aria-label="{safe(caption)}"><table><caption>'
        f"{safe(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _rewritten(title: str, written: "Regenerated | None") -> list[tuple[str, Any, Any]]:
    return [(title, written.trace if written else None, written)]


def _answers(columns: "Sequence[tuple[str, Trace | None, Regenerated | None]]") -> str:
    return f'<div class="pb-answers">{"".join(_answer(*column) for column in columns)}</div>'


def _answer(title: str, trace: "Trace | None", written: "Regenerated | None") -> str:
    if trace is None:
        return f'<div class="pb-told"><h5>{safe(title)}</h5><p class="wb-small">Being written …</p></div>'
    steps = "".join(f"<li>{safe(step.text)}</li>" for step in trace.steps)
    said = trace.answer_text or "no final answer"
    mark = ""
    if written is not None:
        mark = f'<p class="pb-same">{SAME[written.same_answer]} · {written.seconds:.1f} s</p>'
    return (
        f'<div class="pb-told"><h5>{safe(title)}</h5><ol>{steps}</ol>'
        f'<p class="pb-final">Answer: <b>{safe(said)}</b></p>{mark}</div>'
    )


def _trace(original: "Trace", outcome: "TraceOutcome") -> str:
    lead = "The first answer has no final part, so its probability can't be followed."
    if outcome.delta is not None:
        before, after = (f"{math.exp(min(value, 0)):.1%}" for value in (outcome.original, outcome.after))
        lead = (
            f"made to answer at once after this reasoning, the model gives its first answer with {after} "
            f"instead of {before} (Δ {signed(outcome.delta)} nats)."
        )
    answers = [("First answer", original, None), *_rewritten("After the edit", outcome.regenerated)]
    return f'<p class="pb-lead"><b>{safe(outcome.label)}:</b> {lead}</p>{_answers(answers)}'


def _shuffle(_original: "Trace", outcome: "ShuffleOutcome") -> str:
    rows = [
        (
            " / ".join(shuffle.options),
            shuffle.regenerated.trace.answer_text or "none",
            shuffle.chosen or "unclear",
            "same" if shuffle.regenerated.same_answer else "different",
        )
        for shuffle in outcome.shuffles
    ]
    meant = f"The first answer means “{outcome.original}”." if outcome.original else "The answer is unclear."
    done = f"{outcome.consistent} of {len(rows)} other orders lead to the same option."
    heads = ("Order shown", "Answer", "Option meant", "Compared")
    return f'<p class="pb-lead">{safe(meant)} {done}</p>' + table(rows, heads, "The options in other orders")


def pictures_html(original: np.ndarray, outcome: Any) -> str:
    """The picture with region and control outlined beside the changed one; empty when nothing changed."""
    region, pixels = getattr(outcome, "region", None), getattr(outcome, "pixels", None)
    if region is None and pixels is None:
        return ""
    shown = [_figure(_outlined(original, outcome), "As asked" + _outlines(outcome))]
    if pixels is not None:
        shown.append(_figure(_small(pixels), f"Changed: {outcome.label}"))
    return f'<div class="pb-pictures">{"".join(shown)}</div>'


def _outlines(outcome: Any) -> str:
    if outcome.region is None:
        return ""
    return "; region in orange" + ("" if outcome.control is None else ", control dashed in blue")


def _figure(pixels: np.ndarray, caption: str) -> str:
    source = png_data_url(np.ascontiguousarray(pixels))
    said = safe(caption)
    return f'<figure><img src="{source}" alt="{said}"><figcaption>{said}</figcaption></figure>'


def _small(pixels: np.ndarray) -> np.ndarray:
    scale = min(1.0, SHOWN_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)


def _outlined(pixels: np.ndarray, outcome: Any) -> np.ndarray:
    out = _small(pixels)
    drawn = ((outcome.region, (255, 150, 30), False), (outcome.control, (90, 190, 255), True))
    for region, colour, dashed in drawn:
        if region is None:
            continue
        size = (out.shape[1], out.shape[0])
        mask = cv2.resize(region.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        edge = cv2.dilate(mask, np.ones((5, 5), np.uint8)) - mask
        if dashed:
            edge[np.add.outer(*map(np.arange, edge.shape)) // 6 % 2 == 0] = 0
        out[edge > 0] = colour
    return out


def stage_value(stage: Any) -> Mapping[str, Any] | None:
    """The value of the region picker for a stage; None before there is anything to probe."""
    if not stage.case or stage.picture is None:
        return None
    keep = ("src", "width", "height", "alt")
    return {"case": stage.case, **{key: stage.picture[key] for key in keep}}
