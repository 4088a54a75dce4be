from types import SimpleNamespace

import numpy as np
import pytest

from workbench.errors import UserFacing
from workbench.explain import METHODS, Refusal
from workbench.explain.methods.params import Param, highest, read_setting, settled

WINDOW = Param("window", "Window", 1, 8, 3)
TIER = Param("tier", "Taken away", 0, 1, 0, ("pixels", "image features"))
LAYER = Param("layer", "Layer", limit="layers")
EVIDENCE = SimpleNamespace(attention=np.zeros((3, 4, 2, 36)), vocabulary=50)


def test_defaults_are_filled_in_and_limits_come_from_the_model():
    assert settled("M", (WINDOW, TIER), {"tier": 1}) == {"window": 3, "tier": 1}
    assert settled("M", (LAYER,), {"layer": 2}, EVIDENCE) == {"layer": 2}
    assert [highest(LAYER, EVIDENCE), highest(WINDOW), highest(LAYER)] == [2, 8, None]


@pytest.mark.parametrize(
    ("given", "reason", "hint"),
    [
        ({"window": 9}, "Window is 9, which M can't use.", "Choose a whole number from 1 to 8."),
        ({"tier": 2}, "Taken away is 2, which M can't use.", "Choose one of: pixels, image features."),
        ({"layer": 3}, "This model has no layer 3.", "Choose a whole number from 0 to 2."),
        ({"size": 1}, "M has no setting called 'size'.", "Its settings: window, tier, layer."),
    ],
)
def test_an_outlying_or_unknown_setting_is_refused_in_words(given, reason, hint):
    found = settled("M", (WINDOW, TIER, LAYER), given, EVIDENCE)
    assert isinstance(found, Refusal) and (found.reason, found.hint) == (reason, hint)


def test_settings_are_read_as_people_give_them():
    assert read_setting("M", WINDOW, " 4 ") == 4
    assert read_setting("M", TIER, "Image Features") == read_setting("M", TIER, "1") == 1
    assert read_setting("M", Param("layer", "Layer", -1, 9, -1), "-1") == -1
    assert read_setting("M", LAYER, "70") == 70  # only the model can tell


@pytest.mark.parametrize("text", ["", "three", "2.5", "9", "-1", "1e3", "²", "12345678", "pixels"])
def test_what_is_no_such_number_is_a_sentence(text):
    with pytest.raises(UserFacing) as fault:
        read_setting("M", WINDOW, text)
    assert "Window" in fault.value.message and "1 to 8" in fault.value.hint


@pytest.mark.parametrize("name", METHODS)
def test_every_declared_setting_is_typed_and_its_default_allowed(name):
    method = METHODS[name]
    assert len({param.name for param in method.params}) == len(method.params)
    for param in method.params:
        assert param.label[0].isupper() and param.minimum <= param.default
        assert param.limit or param.default <= param.maximum
        assert not param.choices or (param.minimum, param.maximum) == (0, len(param.choices) - 1)
