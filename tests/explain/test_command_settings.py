"""`explain --param`: every declared setting can be given, and what can't be used is a sentence."""

import json

import cv2
import numpy as np
import pytest

from tests.tiny import save_tiny
from workbench.cli import main


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings")
    pixels = np.random.default_rng(0).integers(0, 255, (48, 60, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "a.png"), pixels)
    model = str(save_tiny(folder / "model"))
    return [str(folder / "a.png"), "Is there a spot?", "--model", model, "--span", "all"]


@pytest.mark.parametrize(
    ("method", "given", "settings"),
    [
        ("attention_head", ["layer=2", "head=3"], {"layer": 2, "head": 3}),
        ("relative_attention", ["layer=-1"], {"layer": -1}),
        ("occlusion", ["tier=Image Features", "window=2"], {"tier": 1, "window": 2}),
    ],
)
def test_settings_are_numbers_or_the_names_of_choices(case, capsys, method, given, settings):
    pairs = [part for pair in given for part in ("--param", pair)]
    assert main(["explain", *case, "--method", method, *pairs, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["refused"] is None and settings.items() <= record["meta"]["params"].items()


def test_a_foil_is_given_as_a_word(case, capsys):
    assert main(["explain", *case, "--method", "logit_contrast", "--param", "foil=spot", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["refused"] is None and record["meta"]["params"]["foil"] >= 0


def test_what_the_model_lacks_is_a_refusal_and_its_reason(case, capsys):
    assert main(["explain", *case, "--method", "attention_head", "--param", "layer=70", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["refused"] == "This model has no layer 70." and "0 to 2" in record["meta"]["hint"]


@pytest.mark.parametrize(
    ("method", "pair", "said"),
    [
        ("occlusion", "tier=sky", "Occlusion takes one of: pixels, image features"),
        ("occlusion", "window=two", "--param NAME=NUMBER"),
        ("occlusion", "=2", "--param NAME=NUMBER"),
        ("occlusion", "depth=2", "It takes: window, stride"),
    ],
)
def test_what_cannot_be_read_is_one_line(case, capsys, method, pair, said):
    assert main(["explain", *case, "--method", method, "--param", pair]) == 2
    assert said in capsys.readouterr().err
