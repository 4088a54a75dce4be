"""`explain` on a real tiny model: methods that run the model, and the measured trust of a map."""

import json

import cv2
import numpy as np
import pytest

from tests.tiny import save_tiny
from workbench.cli import main


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    pixels = np.random.default_rng(0).integers(0, 255, (48, 60, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "a.png"), pixels)
    return [str(folder / "a.png"), "Is there a spot?", "--model", str(save_tiny(folder / "model"))]


@pytest.mark.parametrize("method", ["attention_mean", "relevancy", "occlusion"])
def test_a_map_is_measured_against_its_controls(case, capsys, method):
    assert main(["explain", *case, "--span", "all", "--method", method, "--trust", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["refused"] is None
    assert len(record["values"]) == len(record["boxes"]) == 36
    trust = record["meta"]["trust"]
    assert trust["gap"] == pytest.approx(trust["controls"]["of_map"])
    assert trust["gap"] == pytest.approx((trust["deletion_gap"] + trust["insertion_gap"]) / 2)
    assert trust["controls"]["inverse"] == pytest.approx(-trust["gap"], abs=0.5)
    assert trust["random_sd"] > 0 and trust["forwards"] > 10


def test_the_trust_is_told_in_words(case, capsys):
    assert main(["explain", *case, "--span", "all", "--trust"]) == 0
    assert "nats better than random order" in capsys.readouterr().out


def test_an_unknown_method_lists_those_that_run_the_model_too(case, capsys):
    assert main(["explain", *case, "--method", "magic"]) != 0
    assert "integrated_gradients" in capsys.readouterr().err
