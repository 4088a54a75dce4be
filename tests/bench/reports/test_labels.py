"""Everything that a report names has one label, and nothing is labelled that no report names."""

from dataclasses import fields

from workbench.bench.asking.conditions import CONDITIONS
from workbench.bench.reports import labels
from workbench.bench.reports.model import Report
from workbench.bench.scores.baselines import BASELINE_PROTOCOLS
from workbench.bench.scores.calibration import CONFIDENCES
from workbench.bench.scores.measure import METRICS
from workbench.bench.scores.numbers import KINDS
from workbench.bench.scores.slices import SLICES


def test_every_name_has_its_label() -> None:
    assert tuple(labels.METRIC_NAMES) == METRICS and set(labels.SCORE_NAMES) == set(METRICS)
    assert tuple(labels.CONDITION_NAMES) == CONDITIONS
    assert tuple(labels.KIND_NAMES) == KINDS
    assert tuple(labels.CONFIDENCE_NAMES) == CONFIDENCES
    assert set(labels.SLICE_NAMES) == set(SLICES)
    assert set(labels.GUESSES) == set(BASELINE_PROTOCOLS)
    assert {*labels.EFFECTS, *labels.SHARES} <= {field.name for field in fields(Report)} | {*vars(Report)}


def test_unknown_names_stay_as_they_are() -> None:
    assert (labels.metric_name("accuracy"), labels.metric_name("x")) == ("Answer accuracy", "x")
    assert (labels.condition_name("blank"), labels.condition_name("x")) == ("blanked", "x")
    assert (labels.guess_name("majority_letter"), labels.guess_name("x")) == (
        "always the most frequent letter",
        "x",
    )
