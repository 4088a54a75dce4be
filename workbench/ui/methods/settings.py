"""Settings that methods declare, dealt out to the screen's controls, and what was given in them.

The page is built before any model code is loaded, so there is a fixed number of hidden controls; the
declared settings are dealt out to them in the order of the registry. Numbers are written as text: a number
field that is left empty would be sent as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.explain.methods.params import highest, read_setting, span_of_values
from workbench.ui.methods.desk import registry

NUMBERS, CHOICES = 28, 16  # controls of each kind, more than all methods declare; a test counts
LAST_LAYER = "logit_lens"  # read after the last layer unless told otherwise


@dataclass(frozen=True)
class OfferedSetting:
    """How the control of one setting looks; `choices` is empty for a number."""

    label: str
    info: str
    visible: bool
    choices: tuple[str, ...] = ()


def declared() -> list[tuple[str, Any]]:
    """(method, setting) of everything that needs a control here; a foil word has its own box."""
    return [
        (name, param)
        for name, spec in registry().items()
        for param in spec.params
        if param.limit != "vocabulary"
    ]


def offered_settings(methods: Sequence[str]) -> dict[int, OfferedSetting]:
    """What each control shows, by its number (as in `given_settings`); ticked methods' are visible."""
    offered, chosen = {}, set(methods or ())
    for place, name, param in _dealt(range(NUMBERS + CHOICES)):
        label = f"{registry()[name].label}: {param.label[0].lower()}{param.label[1:]}"
        if param.choices:
            info = f"{param.choices[param.default].capitalize()} unless chosen."
        else:
            first = ", which is the first" if param.limit else ""
            unless = "the last" if name == LAST_LAYER else param.default
            info = f"{span_of_values(param, highest(param)).capitalize()}{first}; empty: {unless}."
        offered[place] = OfferedSetting(label, info, name in chosen, tuple(param.choices or ()))
    return offered


def given_settings(values: Sequence[Any], methods: Sequence[str]) -> dict[str, dict[str, int]]:
    """What was given for the ticked methods, by method and setting. Raises UserFacing for a bad value."""
    found: dict[str, dict[str, int]] = {}
    for value, name, param in _dealt(values):
        text = str(value or "").strip()
        if name in methods and text:
            found.setdefault(name, {})[param.name] = read_setting(registry()[name].label, param, text)
    return found


def _dealt(slots: Sequence[Any]) -> list[tuple[Any, str, Any]]:
    """(slot, method, setting): numbers take the first NUMBERS slots, choices the rest."""
    numbers = [pair for pair in declared() if not pair[1].choices]
    choices = [pair for pair in declared() if pair[1].choices]
    dealt = [*zip(slots[:NUMBERS], numbers, strict=False), *zip(slots[NUMBERS:], choices, strict=False)]
    return [(slot, name, param) for slot, (name, param) in dealt]
