"""How results of the Probe screen are written: element trees in which every text stays text."""

from dataclasses import replace
from typing import Any

import numpy as np

from tests.explain.interventions.cases import case_of
from tests.tiny import picture
from tests.ui.html.trees import elements, words
from tests.ui.probe.test_desk import BOX, PAGE, desk, tiny
from workbench.explain.interventions import TraceEdit, TraceOutcome
from workbench.ui.probe.desk import Panel, ProbeDesk
from workbench.ui.probe.view import factor, pictures_nodes, results_nodes, signed

__all__ = ["desk", "tiny"]
HOSTILE = "<img src=x onerror=alert(1)> ${document.title} `{{x}}` \\"
EDIT = TraceOutcome("x", TraceEdit("delete", 1), (), None, None)


def test_hostile_traces_stay_text(tiny: Any) -> None:
    case = case_of(
        tiny, picture(48, 40), f"<think>The image shows {HOSTILE}.</think><answer>{HOSTILE}</answer>"
    )
    panel = Panel("base", HOSTILE, case.trace, replace(EDIT, original=-1.0, after=-2.0))
    nodes = results_nodes([panel])
    assert HOSTILE in words(nodes)
    assert {element[0] for element in elements(nodes)} <= {
        "div", "section", "h4", "h5", "ol", "li", "p", "b",
    }  # fmt: skip
    assert all(HOSTILE not in value for element in elements(nodes) for value in element[1].values())


def test_results_say_the_numbers(desk: ProbeDesk) -> None:
    *_, last = desk.region(PAGE, ["base"], BOX, "remove", "mean", 0, {})
    nodes = results_nodes(last.panels)
    outcome = last.panels[0].outcome
    said = words(nodes)
    assert f"Δ {signed(outcome.effect.total)} nats" in said
    assert sum("data-sign" in element[1] for element in elements(nodes)) == len(outcome.effect.words)
    rows = [element for element in elements(nodes) if element[0] == "tr"]
    assert len(rows) == 1 + len(outcome.effect.steps) + 1
    assert "Not tested" in said and "After the same to the control" in said
    assert results_nodes([]) == []


def test_pictures_beside_each_other(desk: ProbeDesk) -> None:
    def count(outcome: Any) -> int:
        nodes = pictures_nodes(desk.pixels(PAGE), outcome)
        return sum(element[0] == "img" for element in elements(nodes))

    *_, last = desk.region(PAGE, ["base"], BOX, "remove", "mean", 0, {})
    assert count(last.panels[0].outcome) == 2
    *_, blocked = desk.region(PAGE, ["base"], BOX, "block", "mean", 0, {})
    assert count(blocked.panels[0].outcome) == 1
    assert pictures_nodes(desk.pixels(PAGE), EDIT) == []


def test_numbers_in_words() -> None:
    assert factor(-np.log(2)) == "2.0 times less probable"
    assert factor(np.log(250)) == "250 times more probable"
    assert factor(0.01) == "neither more nor less probable"
    assert factor(-5000) == "over 100,000 times less probable"
    assert (signed(-0.001), signed(1.5), signed(-2), signed(None)) == ("0.00", "+1.50", "−2.00", "–")
