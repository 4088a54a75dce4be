"""Every metric by its name: what it gives is what the function that it wraps gives, on the planted model."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from tests.explain.cases import WORD, case_of, painted
from tests.tiny import PLANTED_TOKEN
from workbench.errors import UserFacing
from workbench.explain import METRICS, HeatMap, MapUnderTest, Refusal, Score, explain
from workbench.explain.metrics import (
    FAITHFULNESS,
    LOCALISATION,
    ROBUSTNESS,
    SANITY,
    SharedScore,
    as_image,
    efficient_randomisation,
    infidelity,
    localise,
    random_token,
    randomise_parameters,
    rank_correlation,
    region_mask,
    sensitivity_max,
    span_scorer,
    swapped_image,
)
from workbench.explain.metrics import faithfulness as faithfulness_module
from workbench.explain.metrics.measure import available, measure
from workbench.explain.metrics.road import ROAD, road
from workbench.explain.metrics.trust import trust

BOX = (16, 32, 24, 40)
CURVES = ("gap", "deletion_gap", "insertion_gap", "deletion_auc", "insertion_auc", "comprehensiveness",
          "sufficiency", "random_sd")  # fmt: skip
BELIEVED = (*CURVES, "chance", "focus")


@pytest.fixture(scope="module")
def asked(planted) -> MapUnderTest:
    """The map of the planted word beside all that a caller can give; the second word is another one."""
    case = case_of(planted, painted(48, 48, BOX), (PLANTED_TOKEN, 7))
    heat = explain(case, WORD, "attention_mean")
    return MapUnderTest(case, heat, region_mask((48, 48), np.array([BOX])), painted(60, 40, (0, 0, 20, 20)))


@pytest.fixture(scope="module")
def believed(asked):
    return trust(asked.case, asked.heat)


@pytest.fixture
def quick_trust(monkeypatch):
    """Trust in a few pictures; the list holds what each measurement gave."""
    measured = []

    def quick(*arguments, **keywords):
        measured.append(trust(*arguments, **keywords, steps=2, random_orders=2, ranked_orders=2))
        return measured[-1]

    monkeypatch.setattr(faithfulness_module, "trust", quick)
    return measured


def fresh(test: MapUnderTest, **changed) -> MapUnderTest:
    """The same, with nothing measured yet."""
    return replace(test, **changed, _made={})


def test_the_registry_holds_each_name_once_and_every_metric_of_the_package():
    built = (*FAITHFULNESS, ROAD, *ROBUSTNESS, *LOCALISATION, *SANITY)
    assert [*METRICS] == [metric.name for metric in built] and len({*METRICS}) == len(built) == 24
    for metric in built:
        assert METRICS.get_or_raise(metric.name) is metric
        assert metric.direction in ("higher", "lower") and metric.low < metric.high
        assert metric.label and metric.meaning.endswith(".") and metric.unit and metric.cost and metric.n


@pytest.mark.parametrize("name", CURVES)
def test_figures_of_the_curves(asked, believed, name):
    curves, found = believed.perturbation, METRICS[name].compute(asked)
    whole = curves.of_map if name.endswith("auc") else curves
    assert found.value == pytest.approx(getattr(whole, name), abs=1e-4)
    assert found.n == curves.pictures and found.curve.deletion == pytest.approx(
        curves.of_map.deletion, abs=1e-4
    )
    assert set(found.controls) == set(METRICS[name].controls)


@pytest.mark.parametrize(
    ("name", "of"),
    [("gap", "advantage"), ("deletion_auc", "deletion_auc"), ("insertion_auc", "insertion_auc")],
)
def test_controls_are_the_same_figure_of_orders_that_know_nothing(asked, believed, name, of):
    curves, controls = believed.perturbation, METRICS[name].compute(asked).controls
    assert controls["inverse"] == pytest.approx(getattr(curves.inverse, of), abs=1e-4)
    assert controls["centre"] == pytest.approx(getattr(curves.centre, of), abs=1e-4)
    mean = np.mean([curve.advantage for curve in curves.random]) if name == "gap" else curves.random_auc
    assert controls["random"] == pytest.approx(mean, abs=1e-4)


def test_chance_and_focus(asked, believed):
    chance, focus = (METRICS[name].compute(asked) for name in ("chance", "focus"))
    assert (chance.value, chance.n) == (
        believed.perturbation.chance,
        len(believed.perturbation.small.controls),
    )
    assert (focus.value, focus.n) == (pytest.approx(believed.focus), 36)


def test_agreement_is_with_the_occlusion_map_of_the_same_words(asked):
    causal = explain(asked.case, WORD, "occlusion")
    found = METRICS["agreement"].compute(asked)
    assert found.value == pytest.approx(rank_correlation(asked.heat.values, causal.values), abs=1e-6)
    assert found.n == 36


def test_road_and_infidelity(asked):
    score, pixels, heat = span_scorer(asked.case, WORD), asked.case.image.pixels, asked.heat
    rows, found = road(score, pixels, heat.values, heat.boxes), METRICS["road"].compute(asked)
    assert found.value == pytest.approx(rows.value, abs=1e-4)
    assert (found.n, found.controls) == (rows.n, {"random": 0.0}) and found.curve.n == rows.n
    lost = infidelity(score, pixels, heat.values, heat.boxes)
    found = METRICS["infidelity"].compute(asked)
    assert (found.value, found.n) == (pytest.approx(lost.value, rel=1e-3, abs=1e-4), lost.n)
    found = METRICS["unexplained"].compute(asked)
    assert (found.value, found.n) == (pytest.approx(lost.unexplained, rel=1e-3, abs=1e-4), lost.n)
    assert found.controls == {"saying nothing": 1.0}


def test_sensitivity_makes_the_same_kind_of_map_of_every_noisy_picture(asked):
    case = asked.case

    def again(pixels):
        image = as_image(pixels, case.image)
        return explain(case_of(case.model, image, case.answer), WORD, "attention_mean").values

    expected, found = sensitivity_max(again, case.image.pixels), METRICS["sensitivity_max"].compute(asked)
    assert (found.value, found.n) == (pytest.approx(expected.value, abs=1e-5), expected.n)


@pytest.mark.parametrize("place", range(len(LOCALISATION)))
def test_figures_against_a_region(asked, place):
    expected = localise(asked.heat.values, asked.heat.boxes, asked.region)[place]
    found = LOCALISATION[place].compute(asked)
    assert expected.name == LOCALISATION[place].name and found.value == expected.value
    assert found.controls == {"centre prior": expected.centre_prior, "area": expected.area_share}
    assert found.n == 1


def test_sanity_tests(asked):
    case, method = asked.case, "attention_mean"
    cascade = randomise_parameters(case, WORD, method)
    expected = {
        "swapped_image": swapped_image(case, WORD, method, asked.other),
        "random_token": random_token(case, WORD, method),
        "random_weights": cascade.correlations[-1],
        "complexity_rise": efficient_randomisation(case, WORD, method).rise,
    }
    assert [*expected] == [metric.name for metric in SANITY]
    for name, value in expected.items():
        found = METRICS[name].compute(asked)
        assert (found.value, found.n) == (value if value is None else pytest.approx(value, abs=1e-6), 36)
    assert METRICS["random_weights"].compute(asked).curve.layers == cascade.layers


def test_a_map_is_made_again_with_its_own_settings(asked):
    case = asked.case
    heat = explain(case, WORD, "occlusion", {"window": 2, "stride": 2, "tier": 3})
    found = METRICS["random_token"].compute(MapUnderTest(case, heat))
    assert found.value == random_token(case, WORD, "occlusion", heat.meta["params"])


@pytest.mark.parametrize("name", METRICS)
def test_a_map_that_marks_nothing_is_refused_in_words_or_measured_anew(asked, quick_trust, name):
    """Figures of the map itself can't be had; those that compare it with another map say None or a number."""
    empty = fresh(asked, heat=replace(asked.heat, values=np.zeros_like(asked.heat.values)))
    found = METRICS[name].compute(empty)
    if METRICS[name].category == "sanity":
        assert isinstance(found, Score)  # of the method's map of these words, made anew
    elif name == "agreement":
        assert found.value is None
    else:
        assert isinstance(found, Refusal) and found.reason.endswith(".")


@pytest.mark.parametrize("name", [metric.name for metric in METRICS.values() if metric.needs])
def test_what_a_caller_has_to_give_is_asked_for_in_words(asked, name):
    found = METRICS[name].compute(fresh(asked, region=None, other=None))
    wanted = {"region": "region", "other picture": "other picture"}[METRICS[name].needs[0]]
    assert isinstance(found, Refusal) and wanted in found.reason and found.hint


@pytest.mark.parametrize("name", [name for name in METRICS if name not in (m.name for m in LOCALISATION)])
def test_without_an_image_there_is_a_refusal(asked, name):
    blind = fresh(asked, case=case_of(asked.case.model, None, asked.case.answer))
    assert isinstance(METRICS[name].compute(blind), Refusal)


def test_a_map_of_no_words_is_an_error(asked):
    with pytest.raises(ValueError, match="no part of an answer"):
        measure(asked.case, replace(asked.heat, span=None), ["random_token"])


def test_one_trust_measurement_serves_all_its_figures(asked, quick_trust):
    shared = SharedScore(span_scorer(asked.case, WORD))
    found = measure(asked.case, asked.heat, BELIEVED, shared=shared)
    assert [*found] == [*BELIEVED] and all(isinstance(score, Score) for score in found.values())
    (measured,) = quick_trust
    assert shared.forwards == measured.forwards > 0
    measure(asked.case, asked.heat, BELIEVED, shared=shared)
    assert len(quick_trust) == 2 and quick_trust[1].forwards == 0  # the very same pictures again


def test_an_occlusion_map_at_hand_is_not_made_again(asked, monkeypatch):
    causal = replace(asked.heat, values=-asked.heat.values)
    monkeypatch.setattr(faithfulness_module, "explain", None)
    found = measure(asked.case, asked.heat, ["agreement"], causal=causal)
    assert found["agreement"].value == pytest.approx(-1)
    refused = Refusal("too dark")
    assert measure(asked.case, asked.heat, ["agreement"], causal=refused)["agreement"] is refused


def test_by_default_all_is_measured_that_needs_no_further_map(asked, quick_trust):
    places = {metric.name for metric in LOCALISATION}
    remade = {name for name, metric in METRICS.items() if metric.remakes_maps}
    assert remade == {"sensitivity_max", "swapped_image", "random_token", "random_weights", "complexity_rise"}
    assert {*METRICS} - {*available()} == places | remade
    assert {*METRICS} - {*available(region=True)} == remade
    found = measure(asked.case, asked.heat, region=asked.region)
    assert [*found] == [*available(region=True)] and len(quick_trust) == 1
    assert found["pointing"].value == 1.0


@pytest.mark.parametrize("name", ["sensitivity_max", "random_token", "random_weights", "complexity_rise"])
def test_a_stopped_metric_makes_no_further_map(asked, name):
    stop = threading.Event()
    stop.set()
    found = measure(asked.case, asked.heat, [name], stop=stop)[name]
    assert isinstance(found, Refusal)


def test_an_unknown_metric_names_the_known_ones(asked):
    with pytest.raises(UserFacing, match="no metric named 'magic'") as fault:
        measure(asked.case, asked.heat, ["magic"])
    assert fault.value.hint == f"Known metrics: {', '.join(METRICS)}."


def test_a_map_tells_how_it_was_made(asked):
    assert (asked.method, asked.params, asked.span) == ("attention_mean", {}, WORD)
    assert isinstance(asked.heat, HeatMap) and asked.score is asked.score
    calls = []
    test = fresh(asked)
    assert [test.once("x", lambda: calls.append(1) or len(calls)) for _ in range(3)] == [1, 1, 1]
