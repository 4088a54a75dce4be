"""Controls for the settings that methods declare, and what was given in them.

The page is built before any model code is loaded, so there is a fixed number of hidden controls; the
declared settings are dealt out to them in the order of the registry. Numbers are written as text: a number
field that is left empty would be sent as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from workbench.ui.methods.desk import registry

NUMBERS, CHOICES = 28, 16  # more than all methods declare; a test counts
LAST_LAYER = "logit_lens"  # read after the last layer unless told otherwise


@dataclass(frozen=True)
class SettingParts:
    """The controls and the fold that they stand in."""

    fold: gr.Accordion
    numbers: tuple[gr.Textbox, ...]
    choices: tuple[gr.Dropdown, ...]

    @property
    def controls(self) -> list[Any]:
        """In the order in which `given_settings` reads their values."""
        return [*self.numbers, *self.choices]


def setting_parts() -> SettingParts:
    """Lay the controls out, hidden."""
    with gr.Accordion(
        "Settings of the chosen methods", open=False, visible=False, elem_id="methods-settings"
    ) as fold:
        gr.Markdown("Leave a field empty for the method's own setting.")
        with gr.Row():
            numbers = tuple(
                gr.Textbox(visible=False, max_lines=1, max_length=8, min_width=220) for _ in range(NUMBERS)
            )
        with gr.Row():
            choices = tuple(
                gr.Dropdown([], value=None, visible=False, filterable=False, min_width=220)
                for _ in range(CHOICES)
            )
    return SettingParts(fold, numbers, choices)


def declared() -> list[tuple[str, Any]]:
    """(method, setting) of everything that needs a control here; a foil word has its own box."""
    return [
        (name, param)
        for name, spec in registry().items()
        for param in spec.params
        if param.limit != "vocabulary"
    ]


def offered_settings(ui: SettingParts, methods: Sequence[str]) -> dict[Any, Any]:
    """The controls of the ticked methods; a value that was given before stays."""
    from workbench.explain.methods.params import highest, span_of_values

    pairs, chosen = _placed(ui.controls), set(methods or ())
    updates: dict[Any, Any] = {ui.fold: gr.Accordion(visible=any(name in chosen for _, name, _ in pairs))}
    for control, name, param in pairs:
        label = f"{registry()[name].label}: {param.label[0].lower()}{param.label[1:]}"
        unless = "the last" if name == LAST_LAYER else param.default
        if param.choices:
            info = f"{param.choices[param.default].capitalize()} unless chosen."
            menu = {"choices": list(param.choices), "info": info}
        else:
            first = ", which is the first" if param.limit else ""
            menu = {"info": f"{span_of_values(param, highest(param)).capitalize()}{first}; empty: {unless}."}
        updates[control] = type(control)(label=label, visible=name in chosen, **menu)
    return updates


def given_settings(values: Sequence[Any], methods: Sequence[str]) -> dict[str, dict[str, int]]:
    """What was given for the ticked methods, by method and setting. Raises UserFacing for a bad value."""
    from workbench.explain.methods.params import read_setting

    found: dict[str, dict[str, int]] = {}
    for value, name, param in _placed(values):
        text = str(value or "").strip()
        if name in methods and text:
            found.setdefault(name, {})[param.name] = read_setting(registry()[name].label, param, text)
    return found


def _placed(slots: Sequence[Any]) -> list[tuple[Any, str, Any]]:
    """(slot, method, setting): numbers take the first NUMBERS slots, choices the rest."""
    numbers = [pair for pair in declared() if not pair[1].choices]
    choices = [pair for pair in declared() if pair[1].choices]
    dealt = [*zip(slots[:NUMBERS], numbers, strict=False), *zip(slots[NUMBERS:], choices, strict=False)]
    return [(slot, name, param) for slot, (name, param) in dealt]
