"""A linear probe: multinomial logistic regression on standardised features; what each patch adds to it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.optimize import minimize

from workbench.bench.transfer.split import folds
from workbench.errors import UserFacing

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
FOLDS = 3
_STEPS = 500


@dataclass(frozen=True)
class LinearProbe:
    """Class scores of a picture are `weights @ ((mean of its patches - centre) / spread) + bias`.

    `weights` `[K, d]` and `bias` `[K]` sum to zero over the classes, which fixes what softmax leaves open;
    `centre` and `spread` `[d]` are those of the training pictures; all float64. `penalty` is λ of
    λ/2 · Σ weights² beside the mean log loss; `model` and `revision` name the model, `tower` (`tower_key`)
    everything that decides its features.
    """

    classes: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    penalty: float
    model: str = ""
    revision: str = ""
    tower: str = ""

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Logits `[n, K]` of pooled features `[n, d]`."""
        return (features - self.centre) / self.spread @ self.weights.T + self.bias

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Softmax of the scores, `[n, K]`."""
        return softmax(self.scores(features))

    def evidence(self, patches: np.ndarray) -> np.ndarray:
        """What each patch `[P, d]` adds to each class score, `[P, K]`; Σ over patches + bias is the score.

        Exact, because the mean over patches and the probe are both linear.
        """
        return (patches - self.centre) / self.spread @ self.weights.T / len(patches)

    def save(self, path: Path) -> None:
        """Write a `.npz` file without pickled objects."""
        about = {name: getattr(self, name) for name in ("classes", "penalty", "model", "revision", "tower")}
        np.savez(
            path, weights=self.weights, bias=self.bias, centre=self.centre, spread=self.spread,
            about=np.array(json.dumps(about)),
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> "LinearProbe":
        """Read what `save` wrote; raises UserFacing for a missing or broken file."""
        try:
            with np.load(path, allow_pickle=False) as found:
                about = json.loads(str(found["about"]))
                arrays = {name: found[name] for name in ("weights", "bias", "centre", "spread")}
            return cls(tuple(about.pop("classes")), **arrays, **about)
        except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise UserFacing(
                f"{path.name} is no probe of `bench transfer`.", "Run `bench transfer --images … --out DIR`."
            ) from error


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def fit_probe(features: np.ndarray, labels: Sequence[str], groups: Sequence[str]) -> LinearProbe:
    """Fit a probe on pooled features `[n, d]`; the same numbers give the same probe.

    The penalty is the one of PENALTIES with the least log loss over three inner folds by group (the stronger
    of equals); where a fold would lack a class, 0.01. Raises ValueError for fewer than two classes.
    """
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise ValueError("a probe needs at least two classes")
    gold = np.array([classes.index(label) for label in labels], np.int64)
    penalty = _chosen_penalty(features, gold, folds(labels, groups, FOLDS))
    centre, spread = _scale(features)
    weights, bias = _solve((features - centre) / spread, gold, len(classes), penalty)
    return LinearProbe(classes, weights, bias, centre, spread, penalty)


def _chosen_penalty(features: np.ndarray, gold: np.ndarray, fold: np.ndarray) -> float:
    classes = int(gold.max()) + 1
    if any(
        len(np.unique(gold[fold != number])) < classes or not (fold == number).any()
        for number in range(FOLDS)
    ):
        return 1e-2
    losses = np.zeros(len(PENALTIES))
    for number in range(FOLDS):
        train, held = fold != number, fold == number
        centre, spread = _scale(features[train])
        for place, penalty in enumerate(PENALTIES):
            weights, bias = _solve((features[train] - centre) / spread, gold[train], classes, penalty)
            given = softmax((features[held] - centre) / spread @ weights.T + bias)
            losses[place] -= np.log(given[np.arange(held.sum()), gold[held]].clip(1e-12)).sum()
    best = np.flatnonzero(losses <= losses.min() * (1 + 1e-9))
    return PENALTIES[int(best[-1])]


def _scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation `[d]`; a feature that never changes has deviation 1 and so no say."""
    features = features.astype(np.float64)
    spread = features.std(0)
    return features.mean(0), np.where(spread > 1e-9, spread, 1.0)


def _solve(
    features: np.ndarray, gold: np.ndarray, classes: int, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights `[K, d]` and bias `[K]` of least mean log loss + penalty, by full-batch L-BFGS from zero."""
    count, width = features.shape
    wanted = np.eye(classes)[gold]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = flat[:-classes].reshape(classes, width), flat[-classes:]
        scores = features @ weights.T + bias
        top = scores.max(1, keepdims=True)
        logs = scores - top - np.log(np.exp(scores - top).sum(1, keepdims=True))
        away = (np.exp(logs) - wanted) / count
        value = -(wanted * logs).sum() / count + penalty / 2 * (weights**2).sum()
        return float(value), np.concatenate([(away.T @ features + penalty * weights).ravel(), away.sum(0)])

    start = np.zeros(classes * (width + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    weights, bias = found[:-classes].reshape(classes, width), found[-classes:]
    return weights - weights.mean(0), bias - bias.mean()
