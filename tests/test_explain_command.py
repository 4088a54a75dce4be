"""`explain` on a real tiny model: methods that run the model, and the measured trust of a map."""

import json

import cv2
import numpy as np
import pytest

from tests.tiny import save_tiny
from workbench.cli import build_parser, main
from workbench.commands.explain import run
from workbench.errors import UserFacing
from workbench.explain import METHODS, METRICS
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


def explained(case, *options):
    """The JSON of one `explain`, the whole answer explained unless told otherwise."""
    args = build_parser().parse_args(["explain", *case, "--span", "all", "--json", *options])
    return json.loads(run(args, Settings(max_new_tokens=8)).text)


def compared(case, *options, metrics=None):
    args = build_parser().parse_args(["explain", *case, "--span", "all", *options])
    args.metrics = metrics
    return run(args, Settings(max_new_tokens=8)).text


@pytest.mark.slow
def test_all_methods_get_a_row_each_with_all_metrics(case):
    record = json.loads(compared(case, "--method", "all", "--json", metrics="all"))
    assert [row["method"] for row in record["methods"]] == list(METHODS)
    free = [name for name, metric in METRICS.items() if not metric.needs and not metric.remakes_maps]
    assert list(record["metrics"]) == [*free, "verdict"]
    for row in record["methods"]:
        assert row["refused"] or list(row["metrics"]) == [*free, "verdict"]
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


def test_every_further_metric_can_be_asked_for(case):
    names = "road,infidelity,sensitivity_max,random_token,complexity_rise,random_weights"
    record = explained(case, "--method", "attention_mean", "--metrics", names)
    assert list(record["metrics"]) == [name for name in METRICS if name in names.split(",")]
    (row,) = record["methods"]
    assert list(row["metrics"]) == names.split(",")
    figures = row["metrics"]
    assert all(isinstance(figures[name], float) for name in ("road", "infidelity", "complexity_rise"))
    assert figures["infidelity"] >= 0 and figures["sensitivity_max"] >= 0
    for name in ("random_token", "random_weights"):
        assert figures[name] is None or -1 <= figures[name] <= 1


def test_a_region_is_scored_by_the_metrics_that_ask_for_one(case):
    asked = ("--method", "attention_mean", "--metrics", "pointing, energy")
    whole = explained(case, *asked, "--region", "0,0,60,48")["methods"][0]["metrics"]
    assert whole == {"pointing": pytest.approx(1), "energy": pytest.approx(1)}
    left = explained(case, *asked, "--region", "0 0 30 48")["methods"][0]["metrics"]["energy"]
    right = explained(case, *asked, "--region", "30,0,60,48")["methods"][0]["metrics"]["energy"]
    assert 0 < left < 1 and left + right == pytest.approx(1, abs=1e-4)


def test_another_picture_is_looked_at_by_the_metric_that_asks_for_one(case):
    asked = ("--method", "logit_attribution", "--metrics", "swapped_image")
    (same,) = explained(case, *asked, "--other", case[0])["methods"]
    assert same["metrics"]["swapped_image"] == pytest.approx(1)


def test_a_word_of_the_answer_is_a_span(case):
    record = explained(case, "--span", "word:0")
    assert record["refused"] is None and record["span"] == "word:0"
    assert record["meta"]["span"]["key"] == "word:0" and record["meta"]["span"]["kind"] == "word"
    assert record["meta"]["span_label"] == record["meta"]["text"].split()[0]


def test_a_foil_may_be_a_word_or_its_token(case):
    foil = ("--method", "logit_contrast", "--param")
    word = explained(case, *foil, "foil=none")
    token = word["meta"]["params"]["foil"]
    assert word["refused"] is None and isinstance(token, int)
    assert explained(case, *foil, f"foil={token}")["values"] == pytest.approx(word["values"])
    assert explained(case, *foil, "foil=left")["meta"]["params"]["foil"] != token


def test_a_choice_is_given_by_its_name(case):
    record = explained(case, "--method", "occlusion", "--param", "tier=image features", "--param", "window=2")
    assert record["meta"]["params"]["tier"] == 1 and record["meta"]["params"]["window"] == 2


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
        ([], "pointing", "'pointing' needs a region.*--region X0,Y0,X1,Y1"),
        ([], "gap,swapped_image", "'swapped_image' needs another picture.*--other IMAGE"),
        (["--region", "1,2,3"], "energy", "'1,2,3' is not a region"),
        (["--region", "a,b,c,d"], "energy", "is not a region"),
        (["--region", "500,500,600,600"], "energy", "no pixel"),
        (["--other", "/no/such.png"], "swapped_image", "no file 'such.png'"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(case, options, metrics, sentence):
    with pytest.raises(UserFacing, match=sentence):
        compared(case, *options, metrics=metrics)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--span", "word:99"], "no word 99"),
        (["--region", "0,0,9,9"], "belong to metrics"),
        (["--other", "b.png"], "belong to metrics"),
        (["--span", "verse:1"], "'verse:1' is not a span"),
        (["--method", "logit_contrast", "--param", "foil= "], "not a method setting"),
        (["--method", "occlusion", "--param", "tier=glass"], "'glass'"),
    ],
)
def test_what_cannot_be_explained_is_a_sentence(case, options, sentence):
    with pytest.raises(UserFacing, match=sentence):
        explained(case, *options)
