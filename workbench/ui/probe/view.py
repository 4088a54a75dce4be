"""How results of the Probe screen look: element trees and pictures, and the region picker's value."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from workbench.palette import LIGHT, rgb
from workbench.ui.html.nodes import Node, node, notice_node, table_node
from workbench.ui.probe.desk import Panel
from workbench.viewer.payload import png_data_url

if TYPE_CHECKING:
    from workbench.explain.interventions import Effect, Outcome, Regenerated, ShuffleOutcome, TraceOutcome
    from workbench.traces.trace import Trace

PICTURE_SIDE = 420  # pixels of the longest side of the small pictures
STRONG = 2.0  # nats at which a word has its full colour
NOTED = 0.5  # nats from which a word carries its number
MARKS = {"yes": "●", "no": "○", "unclear": "◐", "not tested": "–"}
LEGEND = (
    "Orange words became less probable, blue ones more probable; the number is Δ log p in nats, the change "
    f"of the natural logarithm (−0.69 halves a probability). Words under {NOTED:g} carry no number: point at "
    "one to read it. The underlined words are the final answer."
)
SAME = {True: "Same answer", False: "Different answer", None: "No answer to compare"}


def signed(value: float | None) -> str:
    """A change with its sign and two decimals; a true minus; an en dash for none."""
    if value is None:
        return "–"
    text = f"{value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "−")


def results_nodes(panels: Sequence[Panel]) -> list[Node]:
    """All panels side by side."""
    return [node("div", *map(_panel, panels), cls="pb-panels")] if panels else []


def _panel(panel: Panel) -> Node:
    fault = notice_node(panel.fault["message"], panel.fault["hint"]) if panel.fault else None
    body: Sequence[Node] = ()
    if panel.outcome is not None:
        draw = {"Outcome": _picture, "TraceOutcome": _trace, "ShuffleOutcome": _shuffle}
        body = draw[type(panel.outcome).__name__](panel.original, panel.outcome)
    return node("section", node("h4", panel.title), fault, *_verdicts(panel), *body, cls="pb-panel")


def _verdicts(panel: Panel) -> Iterator[Node]:
    """What was tested as chips; what was not in one line."""
    tested = [_chip(verdict) for verdict in panel.verdicts if verdict.state != "not tested"]
    rest = [f"{v.title} ({v.sentence.rstrip('.')})" for v in panel.verdicts if v.state == "not tested"]
    if tested:
        yield node("ul", *tested, cls="pb-chips")
    if rest:
        yield node("p", f"Not tested: {'; '.join(rest)}.", cls="wb-small")


def _chip(verdict: Any) -> Node:
    state = verdict.state
    said = node("b", f"{verdict.title}: {state}")
    summary = node("summary", f"{MARKS[state]} ", said, node("span", verdict.sentence))
    rule = node("p", f"Rule: {verdict.rule}")
    return node("li", node("details", summary, rule), cls=f"pb-chip pb-{state.replace(' ', '-')}")


def _picture(original: "Trace", outcome: "Outcome") -> list[Node]:
    refused = [notice_node(outcome.refused.reason, outcome.refused.hint)] if outcome.refused else []
    effect = outcome.effect
    if effect is None and not outcome.regenerated and not outcome.note:
        return refused
    notes = " ".join(part for part in (outcome.note, outcome.control_note) if part)
    answers = [
        _answer("First answer", original, None),
        _rewritten("After the change", outcome.regenerated),
    ]
    if outcome.control is not None:
        answers.append(_rewritten("After the same to the control", outcome.control_regenerated))
    compared = node("div", *answers, cls="pb-answers")
    if effect is None:  # a served model is only asked again
        label = node("p", node("b", f"{outcome.label.capitalize()}."), cls="pb-lead")
        return [label, node("p", notes, cls="wb-small"), *refused, compared]
    return [
        _lead(outcome.label, effect),
        *_controls(outcome.controls),
        node("p", notes, cls="wb-small"),
        node("p", *_words(effect), cls="pb-words"),
        node("p", LEGEND, cls="wb-small"),
        *_steps(effect, outcome.controls),
        *refused,
        compared,
    ]


def _lead(label: str, effect: "Effect") -> Node:
    part = "" if effect.answer is None else f" Final answer alone: Δ {signed(effect.answer)}."
    text = (
        f" the words of the first answer became {factor(effect.total)} (Δ {signed(effect.total)} nats).{part}"
        f" Measured in {effect.seconds:.2f} s."
    )
    return node("p", node("b", f"{label.capitalize()}:"), text, cls="pb-lead")


def factor(delta: float) -> str:
    """A change of log probability in words: "7.4 times less probable"."""
    size = math.exp(min(abs(delta), 700))
    if size < 1.05:
        return "neither more nor less probable"
    number = f"{size:.1f}" if size < 100 else f"{size:,.0f}" if size < 1e5 else "over 100,000"
    return f"{number} times {'less' if delta < 0 else 'more'} probable"


def _controls(controls: "Sequence[Effect]") -> Iterator[Node]:
    if controls:
        numbers = ", ".join(signed(control.total) for control in controls)
        what = f"{len(controls)} control region{'s' if len(controls) > 1 else ''} of equal area"
        said = f" the same done to {what}: Δ {numbers}."
        yield node("p", node("b", "Control:"), said, cls="pb-control")


def _words(effect: "Effect") -> Iterator[Node]:
    for word in effect.words:
        if word.glue:
            yield word.glue
        yield _word(word.text, word.delta, word.in_answer)


def _word(text: str, delta: float, in_answer: bool) -> Node:
    number = signed(delta)
    return node(
        "span",
        text,
        node("sub", number) if abs(delta) >= NOTED else None,
        cls="pb-word pb-answer" if in_answer else "pb-word",
        data_sign="down" if delta < 0 else "up",
        style=f"--pb:{min(abs(delta) / STRONG, 1):.2f}",
        title=f"Δ {number} nats",
    )


def _steps(effect: "Effect", controls: "Sequence[Effect]") -> Iterator[Node]:
    rows = [
        (f"{at + 1}. {step.text}", step.axis, signed(step.delta), _of(controls, at))
        for at, step in enumerate(effect.steps)
    ]
    if effect.answer is not None:
        first = controls[0].answer if controls else None
        rows.append(("Final answer", "", signed(effect.answer), signed(first)))
    columns = ("Step", "Axis", "Δ log p") + (("Control",) if controls else ())
    if rows:
        yield table_node("Change of each step, nats", columns, [row[: len(columns)] for row in rows])


def _of(controls: "Sequence[Effect]", step: int) -> str:
    return signed(controls[0].steps[step].delta) if controls else ""


def _rewritten(title: str, written: "Regenerated | None") -> Node:
    return _answer(title, written.trace if written else None, written)


def _answer(title: str, trace: "Trace | None", written: "Regenerated | None") -> Node:
    heading = node("h5", title)
    if trace is None:
        return node("div", heading, node("p", "Being written …", cls="wb-small"), cls="pb-written")
    steps = node("ol", *(node("li", step.text) for step in trace.steps))
    final = node("p", "Answer: ", node("b", trace.answer_text or "no final answer"), cls="pb-final")
    mark = None
    if written is not None:
        mark = node("p", f"{SAME[written.same_answer]} · {written.seconds:.1f} s", cls="pb-same")
    return node("div", heading, steps, final, mark, cls="pb-written")


def _trace(original: "Trace", outcome: "TraceOutcome") -> list[Node]:
    lead = "The first answer has no final part, so its probability can't be followed."
    if outcome.delta is not None:
        before, after = (f"{math.exp(min(value, 0)):.1%}" for value in (outcome.original, outcome.after))
        lead = (
            f"made to answer at once after this reasoning, the model gives its first answer with {after} "
            f"instead of {before} (Δ {signed(outcome.delta)} nats)."
        )
    answers = (
        _answer("First answer", original, None),
        _rewritten("After the edit", outcome.regenerated),
    )
    return [
        node("p", node("b", f"{outcome.label}:"), f" {lead}", cls="pb-lead"),
        node("div", *answers, cls="pb-answers"),
    ]


def _shuffle(_original: "Trace", outcome: "ShuffleOutcome") -> list[Node]:
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
    columns = ("Order shown", "Answer", "Option meant", "Compared")
    return [
        node("p", f"{meant} {done}", cls="pb-lead"),
        table_node("The options in other orders", columns, rows),
    ]


def pictures_nodes(original: np.ndarray | None, outcome: Any) -> list[Node]:
    """The picture with region and control outlined beside the changed one; empty when nothing changed."""
    region, pixels = getattr(outcome, "region", None), getattr(outcome, "pixels", None)
    if original is None or (region is None and pixels is None):
        return []
    figures = [_figure(_outlined(original, outcome), "As asked" + _outlines(outcome))]
    if pixels is not None:
        figures.append(_figure(_small(pixels), f"Changed: {outcome.label}"))
    return [node("div", *figures, cls="pb-pictures")]


def _outlines(outcome: Any) -> str:
    if outcome.region is None:
        return ""
    return "; region in orange" + ("" if outcome.control is None else ", control dashed in blue")


def _figure(pixels: np.ndarray, caption: str) -> Node:
    image = node("img", src=png_data_url(np.ascontiguousarray(pixels)), alt=caption)
    return node("figure", image, node("figcaption", caption))


def _small(pixels: np.ndarray) -> np.ndarray:
    scale = min(1.0, PICTURE_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)


def _outlined(pixels: np.ndarray, outcome: Any) -> np.ndarray:
    out = _small(pixels)
    drawn = ((outcome.region, rgb(LIGHT["region"]), False), (outcome.control, rgb(LIGHT["control"]), True))
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
    if not stage.case:
        return None
    if stage.picture is None:
        return {"case": stage.case}
    keep = ("src", "width", "height", "alt")
    return {"case": stage.case, **{key: stage.picture[key] for key in keep}}
