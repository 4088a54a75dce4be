"""`explain` on a real tiny model: methods that run the model, and the measured trust of a map."""

import json

import cv2
import numpy as np
import pytest

from tests.tiny import save_tiny
from workbench.cli import build_parser, main
from workbench.commands.explain import known_metrics, run
from workbench.errors import UserFacing
from workbench.explain import METHODS
from workbench.settings import Settings


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


def compared(case, *options, metrics=None):
    args = build_parser().parse_args(["explain", *case, "--span", "all", *options])
    args.metrics = metrics
    return run(args, Settings(max_new_tokens=8)).text


@pytest.mark.slow
def test_all_methods_get_a_row_each_with_all_metrics(case):
    record = json.loads(compared(case, "--method", "all", "--json", metrics="all"))
    assert [row["method"] for row in record["methods"]] == list(METHODS)
    assert list(record["metrics"]) == list(known_metrics())
    for row in record["methods"]:
        assert row["refused"] or set(row["metrics"]) == set(known_metrics())
    rows = {row["method"]: row for row in record["methods"]}
    assert rows["occlusion"]["metrics"]["agreement"] == pytest.approx(1)
    assert rows["occlusion"]["forwards"] > rows["attention_mean"]["forwards"] == 1
    figures = rows["attention_mean"]["metrics"]
    assert figures["gap"] == pytest.approx((figures["deletion_gap"] + figures["insertion_gap"]) / 2)
    assert figures["insertion_auc"] > figures["deletion_auc"] or figures["gap"] <= 0


def test_one_method_with_a_list_of_metrics(case):
    lines = compared(case, "--method", "relevancy", metrics="agreement, focus").splitlines()
    assert lines[1].split() == ["method", "image", "share", "seconds", "passes", "agreement", "focus"]
    assert lines[2].startswith("relevancy ") and len(lines) == 3


@pytest.mark.slow
def test_without_metrics_nothing_is_measured(case):
    record = json.loads(compared(case, "--method", "all", "--json"))
    assert record["metrics"] == {} and all(not row.get("metrics") for row in record["methods"])


@pytest.mark.parametrize(
    ("options", "metrics", "sentence"),
    [
        (["--method", "all"], "beauty", "no metric called 'beauty'"),
        (["--method", "all", "--param", "layer=1"], "all", "belong to one method"),
        (["--method", "magic"], "all", "no method called 'magic'"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(case, options, metrics, sentence):
    with pytest.raises(UserFacing, match=sentence):
        compared(case, *options, metrics=metrics)
