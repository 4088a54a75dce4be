"""The settings that methods declare: controls, what was given in them, and what becomes of it."""

import json

import gradio as gr
import numpy as np
import pytest

from tests.ui.methods.test_desk import VISITOR, answered, desk, finished, form
from workbench.errors import UserFacing
from workbench.explain import explain
from workbench.ui.methods.desk import MethodsDesk
from workbench.ui.methods.evidence.desk import compare_both
from workbench.ui.methods.export import export_files
from workbench.ui.methods.settings import (
    CHOICES,
    NUMBERS,
    SettingParts,
    declared,
    given_settings,
    offered_settings,
    setting_parts,
)
from workbench.ui.methods.view import cost_table, grid_value

__all__ = ["answered", "desk"]


@pytest.fixture(scope="module")
def controls() -> SettingParts:
    with gr.Blocks():
        return setting_parts()


def slot(name: str, setting: str) -> int:
    """Place of a setting's control."""
    choices = [pair for pair in declared() if pair[1].choices]
    numbers = [pair for pair in declared() if not pair[1].choices]
    for first, pairs in ((0, numbers), (NUMBERS, choices)):
        for place, (method, param) in enumerate(pairs):
            if (method, param.name) == (name, setting):
                return first + place
    raise KeyError(setting)


def values(given: dict[tuple[str, str], object]) -> list[object]:
    found: list[object] = [None] * (NUMBERS + CHOICES)
    for (name, setting), value in given.items():
        found[slot(name, setting)] = value
    return found


def test_there_is_a_control_for_every_declared_setting(controls: SettingParts) -> None:
    numbers = sum(not param.choices for _, param in declared())
    assert numbers <= NUMBERS and len(declared()) - numbers <= CHOICES
    every = {name for name, _ in declared()}
    updates = offered_settings(controls, sorted(every))
    shown = [updates[control] for control in controls.controls if control in updates]
    assert len(shown) == len(declared()) and all(control.visible for control in shown)
    assert updates[controls.fold].visible


def test_controls_say_what_may_be_given_and_what_holds_without(controls: SettingParts) -> None:
    updates = offered_settings(controls, ["occlusion", "attention_head", "logit_lens"])
    window = updates[controls.controls[slot("occlusion", "window")]]
    assert window.label == "Occlusion: window (patches)"
    assert window.info == "A whole number from 1 to 8; empty: 3."
    tier = updates[controls.controls[slot("occlusion", "tier")]]
    assert [text for text, _ in tier.choices][1] == "image features" and tier.info == "Pixels unless chosen."
    layer = updates[controls.controls[slot("attention_head", "layer")]]
    assert layer.info == "A whole number from 0, which is the first; empty: 0."
    assert "empty: the last" in updates[controls.controls[slot("logit_lens", "layer")]].info
    assert not updates[controls.controls[slot("rise", "masks")]].visible
    assert not offered_settings(controls, ["attention_mean"])[controls.fold].visible


def test_given_settings_are_read_and_those_of_other_methods_left_out() -> None:
    given = {("occlusion", "window"): " 2 ", ("occlusion", "tier"): "image features", ("rise", "masks"): "20"}
    given |= {("attention_head", "head"): "0", ("attention_head", "layer"): "", ("occlusion", "stride"): " "}
    assert given_settings(values(given), ["occlusion", "attention_head"]) == {
        "occlusion": {"window": 2, "tier": 1},
        "attention_head": {"head": 0},
    }


@pytest.mark.parametrize("value", ["9", "0", "-1", "2.5", "1e9", "two"])
def test_a_bad_number_is_a_sentence(value: str) -> None:
    with pytest.raises(UserFacing, match=r"Window \(patches\)") as fault:
        given_settings(values({("occlusion", "window"): value}), ["occlusion"])
    assert "1 to 8" in fault.value.hint


def test_the_head_that_was_asked_for_is_shown_named_and_exported(desk: MethodsDesk) -> None:
    chosen = {"layer": 2, "head": 3}
    running = finished(desk, methods=("attention_head",), settings={"attention_head": chosen})
    heat = running.maps[0].heat
    wanted = explain(running.case, running.span, "attention_head", chosen, evidence=running.evidence)
    assert np.array_equal(heat.values, wanted.values)
    other = finished(desk, methods=("attention_head",)).maps[0].heat
    assert not np.array_equal(heat.values, other.values) and "Set here" not in other.meta["note"]
    assert "Set here: layer 2, head 3." in grid_value(running)["cards"][0]["note"]
    assert json.loads(export_files(running)[2]["text"])["methods"][0]["meta"]["params"] == chosen


def test_a_layer_that_the_model_lacks_is_a_card_of_its_own(desk: MethodsDesk) -> None:
    cards = grid_value(
        finished(
            desk, methods=("attention_head", "attention_mean"), settings={"attention_head": {"layer": 9}}
        )
    )["cards"]
    refused = next(card for card in cards if "refused" in card)
    assert refused["refused"] == "This model has no layer 9." and "0 to 2" in refused["hint"]
    assert len(cards) == 2


def test_settings_reach_methods_that_run_the_model_their_cost_and_the_lens(desk: MethodsDesk) -> None:
    given = {"occlusion": {"window": 1, "stride": 1, "tier": 1}, "logit_lens": {"layer": 0}}
    running = finished(desk, methods=("occlusion", "logit_lens"), settings=given)
    lens, occlusion = (running.maps[place].heat for place in (0, 1))
    wanted = explain(running.case, running.span, "occlusion", given["occlusion"])
    assert np.allclose(occlusion.values, wanted.values)
    assert "taken away: image features" in occlusion.meta["note"]
    assert lens.meta["params"] == {"layer": 0} and "number 0, from 0, of the 3 layers" in lens.meta["note"]
    rows = dict(cost_table(running.case.prompt, ["occlusion"], False, given)["rows"])
    assert rows["Occlusion"] == "38 forward passes"  # 6 × 6 patches one by one, and two whole pictures


def test_both_models_are_compared_by_the_same_head(desk: MethodsDesk) -> None:
    running = finished(
        desk, methods=("attention_head",), settings={"attention_head": {"layer": 1, "head": 2}}
    )
    both = compare_both(desk, VISITOR).both
    assert both.base.meta["params"] == both.tuned.meta["params"] == {"layer": 1, "head": 2}
    assert np.array_equal(both.tuned.values, running.maps[0].heat.values)


def test_the_form_has_no_settings_unless_given() -> None:
    assert form().settings == {}
