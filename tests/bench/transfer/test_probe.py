"""The linear probe: its optimum, its patches' evidence, its file."""

import numpy as np
import pytest

from workbench.bench.transfer.probe import PENALTIES, LinearProbe, _solve, fit_probe, softmax
from workbench.errors import UserFacing


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    labels = ["a", "b", "c"] * 20
    centres = {"a": (3, 0), "b": (0, 3), "c": (-3, -3)}
    return np.array([centres[label] + rng.normal(size=2) for label in labels]), labels


def test_it_tells_separate_clouds_apart_and_is_the_same_each_time(data):
    features, labels = data
    groups = [str(n) for n in range(len(labels))]
    probe, again = fit_probe(features, labels, groups), fit_probe(features, labels, groups)
    given = [probe.classes[k] for k in probe.probabilities(features).argmax(1)]
    assert np.mean([one == two for one, two in zip(given, labels, strict=True)]) > 0.95
    assert np.array_equal(probe.weights, again.weights) and probe.penalty in PENALTIES
    assert np.allclose(probe.weights.sum(0), 0) and abs(probe.bias.sum()) < 1e-9


def test_the_solution_has_no_slope(data):
    """At the optimum the mean of (p − y) x equals −λ w, and of (p − y) zero."""
    features, labels = data
    gold = np.array(["abc".index(label) for label in labels])
    weights, bias = _solve(features, gold, 3, 0.1)
    away = softmax(features @ weights.T + bias) - np.eye(3)[gold]
    assert np.allclose(away.T @ features / len(gold) + 0.1 * weights, 0, atol=1e-4)
    assert np.allclose(away.mean(0), 0, atol=1e-4)


def test_two_points_by_hand():
    """x = ±1 in one dimension: the weights are ±w with w = σ(−2w)/λ; at λ = σ(−1)·2 that is w = 1/2."""
    penalty = 2 / (1 + np.e)
    weights, bias = _solve(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2, penalty)
    assert np.allclose(weights[:, 0], [-0.5, 0.5], atol=1e-4) and np.allclose(bias, 0, atol=1e-6)


def test_probabilities_are_the_softmax_of_summed_evidence_and_bias(data):
    features, labels = data
    probe = fit_probe(features, labels, [str(n) for n in range(len(labels))])
    patches = np.random.default_rng(1).normal(size=(7, 2)) + (2, 1)
    summed = probe.evidence(patches).sum(0) + probe.bias
    assert np.allclose(softmax(summed), probe.probabilities(patches.mean(0)[None])[0])


def test_a_feature_that_never_changes_has_no_say():
    features = np.array([[1.0, 5.0], [2.0, 5.0], [8.0, 5.0], [9.0, 5.0]])
    probe = fit_probe(features, ["a", "a", "b", "b"], list("1234"))
    assert np.allclose(probe.weights[:, 1], 0)
    assert np.isfinite(probe.probabilities(np.array([[1.0, 99.0]]))).all()


def test_a_file_keeps_it(tmp_path, data):
    features, labels = data
    probe = fit_probe(features, labels, [str(n) for n in range(len(labels))])
    probe.save(tmp_path / "probe.npz")
    found = LinearProbe.load(tmp_path / "probe.npz")
    assert found.classes == probe.classes and np.array_equal(found.weights, probe.weights)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(UserFacing, match="no probe"):
        LinearProbe.load(tmp_path / "bad.npz")


def test_one_class_is_not_enough():
    with pytest.raises(ValueError, match="two classes"):
        fit_probe(np.zeros((2, 1)), ["a", "a"], ["1", "2"])
